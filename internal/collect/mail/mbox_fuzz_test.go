package mail

import (
	"bytes"
	"context"
	"errors"
	"regexp"
	"strings"
	"testing"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/internal/collect"
)

// small are limits that small files exceed.
var small = limits{window: 128 << 10, header: 8 << 10}

// readAll reads b through a small window.
func readAll(b []byte) (items []collect.Item, err error) {
	r := &pass{ctx: context.Background(), file: bytes.NewReader(b), end: int64(len(b)), key: "1", limits: small}
	_, err = r.all(func(it collect.Item) error {
		it.Flags, it.Sent, it.Correspondents = nil, nil, nil // the scanner's own memory
		items = append(items, it)
		return nil
	})
	return items, err
}

// simpleItem is what the second reader finds.
type simpleItem struct {
	from, start, end int
	hides            bool
	form             string
}

// simpleReader is the second reader: it has the whole file in memory and goes
// through it line by line. It shares with the first what a From_ line is and
// how Content-Length is written, which have tests of their own.
func simpleReader(b []byte) (items []simpleItem) {
	var starts []int
	for i := range b {
		if (i == 0 || b[i-1] == '\n') && separates(b, i) > 0 {
			starts = append(starts, i)
		}
	}
	next := func(from int) int {
		for _, s := range starts {
			if s >= from {
				return s
			}
		}
		return len(b)
	}
	for at := next(0); at < len(b); {
		it := simpleItem{from: at, start: at + separates(b, at)}
		stop := next(it.start)
		header := b[it.start:min(stop, it.start+small.header)]
		n, ended := simpleHeader(header)
		body := it.start + n
		var h heading
		h.read(header[:n], false)
		if to, end := simpleLength(b, body, h.length); ended && to >= 0 {
			it.end, it.form, it.hides = end, formCl2, stop < end
			at, items = to, append(items, it)
			continue
		}
		it.end = stop
		for _, blank := range []string{"\r\n", "\n"} {
			if text, ok := strings.CutSuffix(string(b[it.start:stop]), blank); ok && (text == "" || strings.HasSuffix(text, "\n")) {
				it.end = stop - len(blank)
				break
			}
		}
		it.hides = h.lengths > 1 || maySeparate(b, it.start, stop)
		at, items = stop, append(items, it)
	}
	return items
}

// maySeparate reports whether a line of [start, stop) stands behind a blank one,
// begins as a From_ line does, is none by the rules, and has a header behind it.
func maySeparate(b []byte, start, stop int) bool {
	for i := start; i < stop; i++ {
		blank := bytes.HasSuffix(b[:i], []byte("\n\n")) || bytes.HasSuffix(b[:i], []byte("\n\r\n"))
		if !blank || !bytes.HasPrefix(b[i:], []byte("From ")) {
			continue
		}
		text := b[i:min(len(b), i+maxFromLine+lookAhead)]
		end := bytes.IndexByte(text[:min(len(text), maxFromLine)], '\n')
		if end >= 0 && headerFollows(text[end+1:]) {
			return true
		}
	}
	return false
}

// separates returns the length of the From_ line at i, or 0.
func separates(b []byte, i int) int {
	if !bytes.HasPrefix(b[i:], []byte("From ")) {
		return 0
	}
	_, n, ok := parseFromLine(b[i:min(len(b), i+maxFromLine+lookAhead)])
	if !ok {
		return 0
	}
	return n
}

func simpleHeader(b []byte) (n int, ended bool) {
	for line := range bytes.Lines(b) {
		n += len(line)
		if text := string(line); text == "\n" || text == "\r\n" {
			return n, true
		}
	}
	return n, false
}

// simpleLength returns where the next message begins if a length is right.
func simpleLength(b []byte, body int, length int64) (next, end int) {
	if length < 0 || length > int64(len(b)-body) {
		return -1, 0
	}
	end = body + int(length)
	for _, blank := range []string{"\r\n", "\n", ""} {
		if !bytes.HasPrefix(b[end:], []byte(blank)) {
			continue
		}
		next = end + len(blank)
		if next == len(b) || (next == body || b[next-1] == '\n') && separates(b, next) > 0 {
			return next, end
		}
		return -1, 0
	}
	return -1, 0
}

var quotedFrom = regexp.MustCompile(`(?m)^>(>*From )`)

// expand makes a small input a large file: it puts lines by the thousand where there is a byte 1.
func expand(b []byte) []byte {
	if n := bytes.Count(b, []byte{1}); n == 0 || n > 6 {
		return b
	}
	return bytes.ReplaceAll(b, []byte{1}, bytes.Repeat([]byte("all the world's a stage\n"), 3_000))
}

// TestWindow: files of several windows, with what matters around every place
// where one can end, are cut as the second reader cuts them.
func TestWindow(t *testing.T) {
	filler := bytes.Repeat([]byte("all the world's a stage\n"), 20_000)
	quotes := ">" + strings.Repeat(">", 900)
	parts := []string{"From a@example.org Thu Aug 22 18:26:25 2002\nA: b\n\n", "\n", "\n\n", ">From x\n", quotes + "From x\n", "From here\n", "\n\nFrom here on\nA: b\n\n", "\r\n", "From -\nA: b\nC: d\n\n", "From a@example.org Thu Aug 22 18:26:25 2002\nContent-Length: 100000\n\n",
		"From a@example.org Thu Aug 22 18:26:25 2002\n" + strings.Repeat("X: yyyy\n", 900) + "From here\n\n"}
	for _, edge := range []int{small.window, small.window - maxFromLine - lookAhead} { // of the window, and of the look ahead
		for off := -8000; off < 1300; off += 509 {
			for i, part := range parts {
				b := append([]byte(parts[0]), filler[len(filler)-edge-off+len(parts[0]):]...)
				b = append(append(b, part...), filler[:3*small.window/2]...)
				b = append(append(b, part...), parts[(i+1)%len(parts)]...)
				ours, err := readAll(b)
				if err != nil {
					t.Fatal(err)
				}
				want := simpleReader(b)
				if len(ours) != len(want) {
					t.Fatalf("%d items, the second reader finds %d", len(ours), len(want))
				}
				for i, w := range want {
					compare(t, b, ours[i], w)
				}
			}
		}
	}
}

// FuzzMbox: the items tile the file, and a second reader finds the same.
func FuzzMbox(f *testing.F) {
	const from = "From a@example.org Thu Aug 22 18:26:25 2002\n"
	for _, s := range []string{
		"", "\n\n", from, from + "A: b\n\nbody\n\n" + from + "A: b\n\nbody\n", from + "\n\n" + from + "\n", from + "A: b\n" + from + "A: b\n\n>From x\n>>From y\n",
		from + "A: b\n\nbody\n\nFrom x@e  garbage date\nA: b\n\nbody\n", from + "Content-Length: 1\nContent-Length: 2\n\n12\n",
		"From -\nA: b\nC: d\n\nFrom here on\nFrom x y\n", from + "Content-Length: 5\n\n12345" + "\n" + from, from + "Content-Length: 49\n\n" + from + "1234\n\n" + from + "A: b\n\n",
		from + "Content-Length: 900\n\nx", "junk\n" + from + "A: b\n\nx", strings.ReplaceAll(from+"A: b\n\nbody\n\n"+from, "\n", "\r\n"),
		from + "A: b\n\n\x01>From q\n\x01\x01" + from + "B: c\n\n\x01", from + "\x01\x01\x01" + from, from + "A: b\n \x01 c\n\nx\n", "From a b c d\n" + from, from + "A:b\n\nFrom " + strings.Repeat("x", 1100) + "\n",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		b = expand(b)
		ours, err := readAll(b)
		want := simpleReader(b)
		var r *vitrine.Refusal
		if err != nil {
			if !errors.As(err, &r) || len(want) > 0 || len(bytes.Trim(b, "\r\n")) == 0 {
				t.Fatalf("%v, the second reader finds %d", err, len(want))
			}
			return
		}
		if len(ours) > 0 && ours[0].Unreadable != "" {
			if ours[0].Size != int64(want[0].from) || len(bytes.Trim(b[:want[0].from], "\r\n")) == 0 && want[0].from <= slack {
				t.Fatalf("%d bytes before the first message, the second reader finds %d", ours[0].Size, want[0].from)
			}
			ours = ours[1:]
		}
		if len(ours) != len(want) {
			t.Fatalf("%d items, the second reader finds %d", len(ours), len(want))
		}
		for i, w := range want {
			compare(t, b, ours[i], w)
			stop := len(b)
			if i+1 < len(want) {
				stop = want[i+1].from
			}
			if gap := string(b[w.end:stop]); gap != "" && gap != "\n" && gap != "\r\n" {
				t.Fatalf("item %d leaves %q to the next", i, gap)
			}
		}
	})
}

func compare(t *testing.T, b []byte, it collect.Item, w simpleItem) {
	stored := b[w.start:w.end]
	if it.Offset != int64(w.start) || it.Size != int64(len(stored)) || it.SHA256 != vitrine.DigestOf(stored) || (it.Uncertain != "") != w.hides {
		t.Fatalf("item %+v, the second reader finds %+v", it, w)
	}
	plain := quotedFrom.ReplaceAll(stored, []byte("$1"))
	if w.form != "" && it.Form != w.form || w.form == "" && it.Form == formCl2 {
		t.Fatalf("form %s, the second reader finds %q", it.Form, w.form)
	}
	if quoted := len(plain) != len(stored) && w.form == ""; quoted != (it.Form == formRd || it.Form == formO) {
		t.Fatalf("form %s of %q", it.Form, stored)
	}
	if it.Unquoted != nil && (it.Unquoted.SHA256 != vitrine.DigestOf(plain) || it.Unquoted.Size != int64(len(plain))) {
		t.Fatalf("without quoting %+v, the second reader finds %d bytes", it.Unquoted, len(plain))
	}
	if (it.Unquoted != nil) != (it.Form == formRd) {
		t.Fatalf("form %s, unquoted %v", it.Form, it.Unquoted)
	}
}
