package store_test

import (
	"fmt"
	"testing"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/internal/store"
)

// TestFacts: a fact is queued once, waits in the order of its coming, and is
// placed once.
func TestFacts(t *testing.T) {
	both(t, func(t *testing.T, o store.Options) {
		db := open(t, o)
		err := db.Update(t.Context(), func(tx *store.Tx) error {
			for i := range 5 {
				f := store.Fact{ID: fmt.Sprint("f", i), Class: "public", Sheet: []string{"a", "b"}[i%2], Type: "demand", Demand: "d", Leaf: []byte{1, byte(i)}, Sealed: []byte{9}, Due: 7}
				if added, err := tx.AddFact(f); err != nil || !added {
					return fmt.Errorf("added %v: %w", added, err)
				}
				if added, err := tx.AddFact(f); err != nil || added {
					return fmt.Errorf("added again: %v: %w", added, err)
				}
			}
			return tx.Placed("f2", 300)
		})
		if err != nil {
			t.Fatal(err)
		}
		var waiting []store.Fact
		var backlog int
		view := func(f func(*store.Tx) error) {
			t.Helper()
			if err := db.View(t.Context(), f); err != nil {
				t.Fatal(err)
			}
		}
		view(func(tx *store.Tx) (err error) { waiting, err = tx.Waiting("public", "a", 0, 0, 10); return err })
		if len(waiting) != 2 || waiting[0].ID != "f0" || waiting[1].ID != "f4" || waiting[0].Index != -1 {
			t.Errorf("waiting: %+v", waiting)
		}
		var furthest, none int64
		view(func(tx *store.Tx) (err error) {
			if furthest, err = tx.Furthest("public"); err == nil {
				none, err = tx.Furthest("restricted")
			}
			return err
		})
		if furthest != 300 || none != -1 {
			t.Errorf("furthest %d, %d", furthest, none)
		}
		view(func(tx *store.Tx) (err error) { backlog, err = tx.Backlog("public", "b"); return err })
		if backlog != 2 {
			t.Errorf("backlog %d", backlog)
		}
		view(func(tx *store.Tx) (err error) { waiting, err = tx.FactsOf(vitrine.ID("d")); return err })
		if len(waiting) != 5 || waiting[2].Index != 300 {
			t.Errorf("of the demand: %+v", waiting)
		}
		for _, change := range []func(tx *store.Tx) error{
			func(tx *store.Tx) error { return tx.Placed("f2", 301) },
			func(tx *store.Tx) error { return tx.Placed("nobody", 1) },
			func(tx *store.Tx) error { return tx.Reseal("f2", 1, []byte{1}, []byte{2}) },
		} {
			if err := db.Update(t.Context(), change); err == nil {
				t.Error("a fact that is placed was changed")
			}
		}
		if err := db.Update(t.Context(), func(tx *store.Tx) error { return tx.Placed("f2", 300) }); err != nil {
			t.Errorf("placed where it is: %v", err)
		}
	})
}
