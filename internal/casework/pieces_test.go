package casework_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/internal/collect"
	"github.com/vitrine-project/vitrine/internal/store"
	"github.com/vitrine-project/vitrine/internal/vitrinetest"
)

// failing is a source that fails for good at the n-th item it lists.
type failing struct {
	collect.Source
	left   int
	behind []string // positions from which it was asked to list
}

var errBroken = errors.New("broken")

func (f *failing) Enumerate(ctx context.Context, c collect.Container, after string, yield func(collect.Item) error) error {
	f.behind = append(f.behind, after)
	return f.Source.Enumerate(ctx, c, after, func(it collect.Item) error {
		if f.left--; f.left < 0 {
			return errBroken
		}
		return yield(it)
	})
}

// mandated is a desk that collects an item a piece from a source that fails,
// with a demand that is ready to be collected.
func mandated(t *testing.T, n int) (*vitrinetest.Provider, *failing, vitrine.ID) {
	t.Helper()
	p := vitrinetest.New(t, "")
	source := &failing{Source: p.Sources[0].Source, left: n}
	p.Sources[0].Source, p.Piece = source, collect.Limit{Seen: 1}
	id, dem := received(t, p)
	if err := p.Approve(t.Context(), id, p.Signed(t, dem.Statement, 2), "clerk"); err != nil {
		t.Fatal(err)
	}
	return p, source, id
}

func pieces(t *testing.T, p *vitrinetest.Provider, id vitrine.ID) (kept []store.Piece) {
	t.Helper()
	err := p.DB.View(t.Context(), func(tx *store.Tx) error {
		all, err := tx.Pieces()
		kept = all[id]
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return kept
}

// TestPiecesGoOn: a collection that failed goes on behind the last piece that
// was kept, and leaves nothing behind but its hold.
func TestPiecesGoOn(t *testing.T) {
	p, source, id := mandated(t, 2)
	if err := p.Steps()["collect"](t.Context(), id); !errors.Is(err, errBroken) {
		t.Fatalf("the third item failed: %v", err)
	}
	if err := p.DropUnneeded(t.Context()); err != nil { // as at every start
		t.Fatal(err)
	}
	if kept := pieces(t, p, id); len(kept) != 2 {
		t.Fatalf("%d pieces are kept, want 2", len(kept))
	}
	source.left, source.behind = 100, nil
	step(t, p, "collect", id)
	dem := demand(t, p, id)
	if dem.Collection == nil || dem.Collection.Counts != (vitrine.Counts{Seen: 3, In: 2, Out: 1}) || len(dem.Collection.Containers) != 1 {
		t.Errorf("collected %+v", dem.Collection)
	}
	if slices.Contains(source.behind, "") {
		t.Errorf("what was collected before was listed again: from %q", source.behind)
	}
	if holds, err := p.Holds.Digests(); err != nil || len(holds) != 1 || holds[0] != dem.Collection.Hold {
		t.Errorf("%d holds (%v), want the demand's alone", len(holds), err)
	}
	if kept := pieces(t, p, id); len(kept) > 0 {
		t.Errorf("%d pieces are left", len(kept))
	}
	if _, err := os.Stat(filepath.Join(p.Unfinished, string(id))); err == nil {
		t.Error("the collection's directory is left")
	}
	for _, s := range []string{"seal", "deliver"} {
		step(t, p, s, id)
	}
}

// TestPiecesChanged: a piece that is missing, or not the one that was signed
// for its place, counts for nothing: everything is collected anew.
func TestPiecesChanged(t *testing.T) {
	for name, spoil := range map[string]func(*testing.T, *vitrinetest.Provider, vitrine.ID){
		"missing": func(t *testing.T, p *vitrinetest.Provider, id vitrine.ID) {
			if err := p.Holds.Delete(pieces(t, p, id)[0].Digest); err != nil {
				t.Fatal(err)
			}
		},
		"swapped": func(t *testing.T, p *vitrinetest.Provider, id vitrine.ID) {
			kept := pieces(t, p, id)
			slices.Reverse(kept)
			err := p.DB.Update(t.Context(), func(tx *store.Tx) error {
				if err := tx.DropPieces(id); err != nil {
					return err
				}
				return errors.Join(tx.AddPiece(id, kept[0]), tx.AddPiece(id, kept[1]))
			})
			if err != nil {
				t.Fatal(err)
			}
		},
		"another mandate's": func(t *testing.T, p *vitrinetest.Provider, id vitrine.ID) {
			kept := pieces(t, p, id)
			err := p.DB.Update(t.Context(), func(tx *store.Tx) error {
				kept[0].Mandate = vitrine.DigestOf([]byte("another"))
				return errors.Join(tx.DropPieces(id), tx.AddPiece(id, kept[0]), tx.AddPiece(id, kept[1]))
			})
			if err != nil {
				t.Fatal(err)
			}
		},
	} {
		p, source, id := mandated(t, 2)
		if err := p.Steps()["collect"](t.Context(), id); !errors.Is(err, errBroken) {
			t.Fatal(err)
		}
		spoil(t, p, id)
		source.left, source.behind = 100, nil
		step(t, p, "collect", id)
		if dem := demand(t, p, id); dem.Collection == nil || dem.Collection.Counts != (vitrine.Counts{Seen: 3, In: 2, Out: 1}) {
			t.Errorf("%s: collected %+v", name, dem.Collection)
		}
		if !slices.Contains(source.behind, "") {
			t.Errorf("%s: it went on from %q", name, source.behind)
		}
		if holds, err := p.Holds.Digests(); err != nil || len(holds) != 1 {
			t.Errorf("%s: %d holds (%v)", name, len(holds), err)
		}
	}
}
