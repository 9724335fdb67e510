package production_test

import (
	"io"
	"strings"
	"testing"

	"filippo.io/age"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/production"
)

func TestWriterRefuses(t *testing.T) {
	create := func() *production.Writer {
		w, err := production.Create(io.Discard, t.TempDir(), []age.Recipient{newIdentity(t).Recipient()})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(w.Abort)
		return w
	}
	w := create()
	if _, err := w.Add(item(5), strings.NewReader("x")); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Add(item(5), strings.NewReader("x")); err == nil {
		t.Error("the same number twice")
	}
	w = create()
	it := item(1)
	it.SHA256 = vitrine.DigestOf([]byte("before"))
	if _, err := w.Add(it, strings.NewReader("after")); err == nil {
		t.Error("bytes that changed were taken")
	}
	w = create()
	for _, name := range []string{"../x.txt", "/etc/passwd", "data/000001.eml", "mandate/../../x.txt", "x", "MANDATE/1.sig", "a/b/c.txt", ".x.txt", "con\x00.txt"} {
		if err := w.Tag(name, nil); err == nil {
			t.Errorf("a paper may be called %q", name)
		}
	}
	if _, err := production.Create(io.Discard, t.TempDir(), nil); err == nil {
		t.Error("sealed to nobody")
	}
}
