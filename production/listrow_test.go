package production

import (
	"bytes"
	"encoding/csv"
	"strings"
	"testing"
)

// TestShortWay writes every cell of one or two bytes of ASCII, and compares the
// short way that nearly all cells go with what encoding/csv writes, and with
// the rules of the load file.
func TestShortWay(t *testing.T) {
	for a := range 128 {
		for b := range 129 {
			cell := string([]byte{byte(a)})
			if b < 128 {
				cell += string([]byte{byte(b)})
			}
			var got, want bytes.Buffer
			if err := writeCSV(&got, []string{cell, "", "x"}); err != nil {
				t.Fatal(err)
			}
			safe := strings.NewReplacer("\x00", "\uFFFD", "\r", "\uFFFD").Replace(cell)
			if strings.ContainsRune("=+-@\t\r", rune(a)) {
				safe = "'" + safe
			}
			w := csv.NewWriter(&want)
			if err := w.Write([]string{safe, "", "x"}); err != nil {
				t.Fatal(err)
			}
			if w.Flush(); got.String() != want.String() {
				t.Fatalf("cell %q: %q, want %q", cell, got.String(), want.String())
			}
			dat := strings.Map(func(r rune) rune {
				switch {
				case r == '\n' || r == '\r':
					return '®'
				case r < ' ' || r == 0x7f:
					return '?'
				}
				return r
			}, strings.ReplaceAll(cell, "\r\n", "\n"))
			got.Reset()
			n, err := writeDAT(&got, []string{cell, "x"})
			if err != nil || got.String() != "þ"+dat+"þ\x14þxþ\r\n" || n != int64(strings.Count(dat, "?")-strings.Count(cell, "?")) {
				t.Fatalf("cell %q: %q, %d replaced, %v", cell, got.String(), n, err)
			}
		}
	}
}
