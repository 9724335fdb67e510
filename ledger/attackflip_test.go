package ledger

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"io/fs"
	"maps"
	mrand "math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
)

// flips is how many single bits are changed, one at a time.
const flips = 4096

// tiny is the smallest directory that has a file of every kind: a public ledger
// of one tick, a restricted one whose leaves are not public, a report that was
// corrected, an auditor's statement, a header ahead of its period.
var tiny = sync.OnceValue(func() *world {
	w := newWorld(builder{})
	h := w.header(Public, 1,
		Sheet{Name: "us/subpoena/ca", Fields: []Field{{"demand", Rule{Small, 10}, 1}, {"account", Rule{Kind: Hidden}, 1}}},
		Sheet{Name: "us/wiretap", Fields: []Field{{"demand", Rule{Kind: Exact}, 1}}})
	l := w.public()
	l.add(h)
	l.add(must(h.Continue(h.To + day)))
	closed := w.header(Restricted, 1, Sheet{Name: "us/fisa-content", Fields: bandFields(250)})
	closed.Publication = Auditor
	r := w.logs[Restricted]
	r.add(closed)
	statement := []byte("an auditor's statement")
	l.notice(NoticeStatement, sha256.Sum256(statement))
	w.put(Public, "documents/"+Hash(sha256.Sum256(statement)).String(), statement)
	l.next(append(l.demand("us/subpoena/ca", "S-1", "", "alice"), l.demand("us/wiretap", "W-1", "")...)...)
	r.next(r.demand("us/fisa-content", "F-1", "", "frank")...)
	r.keepFromPublic()
	told := w.tell("2026-a")
	words := []byte("a page whose words were corrected")
	w.dir["reports/2026-a/index.html"] = words
	told.Files[0].SHA256 = sha256.Sum256(words)
	w.sign(told, 2)
	return w
})

// keepFromPublic takes the leaves of a log from the directory.
func (l *writtenLog) keepFromPublic() {
	for n := range uint64(len(l.entries) / BundleSize) {
		delete(l.w.dir, classPath(l.class, EntriesPath(n)))
		if _, place, _ := l.chain.At(n * BundleSize); place.Tick > 0 {
			l.w.put(l.class, TrailerPath(n), l.entries[n*BundleSize+Slots])
		}
	}
}

// TestBitFlips changes one bit anywhere in a published directory, and again.
// There is no file of which a bit does not matter.
func TestBitFlips(t *testing.T) {
	w := tiny().branch(t, "tiny")
	w.accepted()
	total := 0
	for _, b := range w.dir {
		total += len(b)
	}
	random := mrand.New(seeded("flips"))
	done := 0
	for _, path := range slices.Sorted(maps.Keys(w.dir)) {
		n := max(16, flips*len(w.dir[path])/total)
		for range n {
			at, bit := random.IntN(len(w.dir[path])), random.IntN(8)
			if err := w.flipped(path, at, bit); err == nil {
				t.Errorf("%s: bit %d of byte %d was changed, and the audit accepts", path, bit, at)
			}
			done++
		}
	}
	if done < flips {
		t.Errorf("only %d bits were changed", done)
	}
}

// flipped audits the directory with one bit changed.
func (w *world) flipped(path string, at, bit int) error {
	c := *w
	c.dir = maps.Clone(w.dir)
	c.dir[path] = bytes.Clone(c.dir[path])
	c.dir[path][at] ^= 1 << bit
	if strings.HasPrefix(path, classPath(Restricted, "")) { // which is audited behind the public one
		a := &Audit{Fetch: c.fetch, Rand: rand.Reader}
		_, err := a.ledger(context.Background(), Restricted)
		return err
	}
	_, err := c.audit()
	return err
}

// TestReportsReadNoLedger checks what lets tests audit a log once for many
// reports: that the check of reports reads nothing of the logs' files.
func TestReportsReadNoLedger(t *testing.T) {
	w := tiny().branch(t, "tiny")
	v := w.accepted()
	a := &Audit{Rand: rand.Reader, Fetch: func(path string) ([]byte, error) {
		if !strings.HasPrefix(path, "reports/") {
			t.Errorf("%s was read", path)
			return nil, fs.ErrNotExist
		}
		return w.fetch(path)
	}}
	if err := a.reports(&Verdict{Ledgers: v.Ledgers, versions: map[Hash]bool{}}); err != nil {
		t.Error(err)
	}
}

// TestEveryFileIsRead removes each file of the directory, one at a time.
func TestEveryFileIsRead(t *testing.T) {
	w := tiny().branch(t, "tiny")
	for path := range w.dir {
		if strings.HasSuffix(path, "headers/1.json") {
			continue // nobody need know the next header before it is announced
		}
		c := *w
		c.dir = maps.Clone(w.dir)
		delete(c.dir, path)
		if _, err := c.audit(); err == nil {
			t.Errorf("without %s the audit accepts", path)
		}
	}
}
