package production

import (
	"bytes"
	"encoding/json"
	"errors"
	"hash/crc32"
	"io"
	"path/filepath"
	"strings"
	"testing"

	"github.com/vitrine-project/vitrine"
)

// crafted is an archive in the right form with contents that no Writer makes:
// items with those numbers, each holding "x", and lines that say so.
func crafted(t *testing.T, crc uint32, lines string, numbers ...int64) *Reader {
	t.Helper()
	var out bytes.Buffer
	a, err := newArchive(&out, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer a.central.close()
	for _, n := range numbers {
		it := Item{Number: n, Category: vitrine.Content, Size: 1, SHA256: vitrine.DigestOf([]byte("x")), Decision: In}
		e := entry{name: it.Path(), size: 1, crc: crc, offset: a.offset}
		if err := errors.Join(a.write(e.local()), a.write([]byte("x")), a.enter(e)); err != nil {
			t.Fatal(err)
		}
		if text, err := json.Marshal(it); err != nil {
			t.Fatal(err)
		} else if lines == "" || strings.HasSuffix(lines, "}\n") {
			lines += string(text) + "\n"
		}
	}
	if err := errors.Join(a.stream(nameItems, strings.NewReader(lines), nil), a.close()); err != nil {
		t.Fatal(err)
	}
	r, err := NewReader(bytes.NewReader(out.Bytes()), int64(out.Len()))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestCrafted reads what is in the right form and cannot be.
func TestCrafted(t *testing.T) {
	right := crc32.ChecksumIEEE([]byte("x"))
	for name, c := range map[string]struct {
		r    *Reader
		says string
	}{
		"right":            {crafted(t, right, "", 1, 2, 7), ""},
		"twice":            {crafted(t, right, "", 1, 1), "does not come after item 1"},
		"descending":       {crafted(t, right, "", 2, 1), "does not come after item 2"},
		"another checksum": {crafted(t, right^1, "", 1), "does not have its digest"},
		"one line more":    {crafted(t, right, `{"number":9}`+"\n", 1), "is not in its one form"},
		"no lines":         {crafted(t, right, "\n", 1), "a line is no item"},
		"lines cut":        {crafted(t, right, "{", 1), "its last line has no end"},
		"a long line":      {crafted(t, right, strings.Repeat("x", maxLine+1)+"\n", 1), "longer than"},
	} {
		walked := c.r.Items(func(it Item) error {
			rc, err := c.r.Open(it)
			if err != nil {
				return err
			}
			_, err = io.ReadAll(rc)
			return err
		})
		for how, err := range map[string]error{"read": walked, "laid out": c.r.Extract(filepath.Join(t.TempDir(), "bag"), nil)} {
			switch {
			case c.says == "" && err != nil:
				t.Errorf("%s, %s: %v", name, how, err)
			case c.says != "" && (vitrine.ExitCode(err) != 3 || !strings.Contains(err.Error(), c.says)):
				t.Errorf("%s, %s: %v, want %q", name, how, err, c.says)
			}
		}
	}
}

// TestOpenOfAnother hands a package an item that it did not give.
func TestOpenOfAnother(t *testing.T) {
	r := crafted(t, 0, "", 1)
	if _, err := r.Open(Item{Number: 1, Category: vitrine.Content}); err == nil {
		t.Error("it was opened")
	}
}
