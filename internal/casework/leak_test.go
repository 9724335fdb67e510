package casework_test

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/vitrine-project/vitrine/internal/collect"
	"github.com/vitrine-project/vitrine/internal/collect/mail"
	"github.com/vitrine-project/vitrine/internal/vitrinetest"
)

// TestPiecesLetGo: what a piece took is free again when the next one begins.
func TestPiecesLetGo(t *testing.T) {
	const pieces, growth = 16, 8 << 20
	p := vitrinetest.New(t, "")
	var box strings.Builder
	for i := range pieces * 1000 {
		fmt.Fprintf(&box, "From a@example.org Thu Aug 22 12:36:23 2002\nFrom: a@example.org\nMessage-ID: <%d@example.org>\n\nx\n\n", i)
	}
	if err := os.Mkdir(filepath.Join(p.Dir, "box"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(p.Dir, "box", "alice.mbox"), []byte(box.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	source, err := mail.Mbox("mail", filepath.Join(p.Dir, "box", "{account}.mbox"))
	if err != nil {
		t.Fatal(err)
	}
	p.Sources, p.Piece = []collect.Configured{{Source: source, MayWrite: "a test"}}, collect.Limit{Seen: 1000}
	var heap []uint64
	p.Reached = func(point string) {
		if point == "collect: piece kept" {
			var m runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&m)
			heap = append(heap, m.HeapAlloc)
		}
	}
	id, dem := received(t, p)
	if err := p.Approve(t.Context(), id, p.Signed(t, dem.Statement, 2), "clerk"); err != nil {
		t.Fatal(err)
	}
	step(t, p, "collect", id)
	if len(heap) < pieces || heap[len(heap)-1] > heap[1]+growth {
		t.Errorf("after %d pieces the heap went from %d to %d bytes", len(heap), heap[1], heap[len(heap)-1])
	}
}
