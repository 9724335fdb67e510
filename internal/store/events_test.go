package store_test

import (
	"bytes"
	"crypto/sha256"
	"database/sql"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/internal/store"
)

// stored is a row as the tests read it by themselves.
type stored struct {
	n, seq                    int64
	demand                    string
	subject, body, prev, hash []byte
}

func rows(t testing.TB, db *sql.DB) (out []stored) {
	t.Helper()
	found, err := db.Query(`select n, seq, demand, subject, body, prev, hash from vitrine_event order by n`)
	if err != nil {
		t.Fatal(err)
	}
	defer found.Close()
	for found.Next() {
		var s stored
		if err := found.Scan(&s.n, &s.seq, &s.demand, &s.subject, &s.body, &s.prev, &s.hash); err != nil {
			t.Fatal(err)
		}
		out = append(out, s)
	}
	return out
}

// chained is the hash by its description, written a second time.
func chained(s stored) []byte {
	var b bytes.Buffer
	b.WriteString("vitrine/event/v1")
	b.WriteByte(0)
	b.Write(s.prev)
	for _, part := range []any{uint32(8), s.n, uint32(len(s.demand)), []byte(s.demand), uint32(8), s.seq, uint32(len(s.body)), s.body} {
		binary.Write(&b, binary.BigEndian, part)
	}
	sum := sha256.Sum256(b.Bytes())
	return sum[:]
}

func appendAll(t testing.TB, db *store.DB, id vitrine.ID, events ...vitrine.Event) {
	t.Helper()
	err := db.Update(t.Context(), func(tx *store.Tx) error {
		for _, e := range events {
			if err := tx.Append(id, e); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// three demands, their events interleaved.
func three(t testing.TB, db *store.DB) (ids []vitrine.ID) {
	t.Helper()
	for _, ref := range []string{"A", "B", "C"} {
		ids = append(ids, receive(t, db, ref, "check"))
	}
	for seq := 2; seq < 6; seq++ {
		for i, ref := range []string{"A", "B", "C"} {
			e := reviewed(seq, submission(ref))
			if seq == 2 {
				e = verified(seq)
			}
			appendAll(t, db, ids[i], e)
		}
	}
	return ids
}

func TestChain(t *testing.T) {
	both(t, func(t *testing.T, o store.Options) {
		db := open(t, o)
		if n, head, err := db.Audit(t.Context()); n != 0 || !head.IsZero() || err != nil {
			t.Errorf("empty: %d, %s, %v", n, head, err)
		}
		three(t, db)
		last := make([]byte, 32)
		for i, s := range rows(t, raw(t, o)) {
			if s.n != int64(i+1) || !bytes.Equal(s.prev, last) || !bytes.Equal(s.hash, chained(s)) || !json.Valid(s.body) {
				t.Errorf("event %d is not chained as described", s.n)
			}
			last = s.hash
		}
		n, head, err := db.Audit(t.Context())
		if n != 15 || !bytes.Equal(head[:], last) || err != nil {
			t.Errorf("Audit = %d, %s, %v; the last hash is %x", n, head, err, last)
		}
	})
}

// TestFixedHash pins the bytes: whoever changes them breaks every store.
func TestFixedHash(t *testing.T) {
	s := stored{n: 1, seq: 1, demand: "abcdefghijklmnop", body: []byte(`{"seq":1}`), prev: make([]byte, 32)}
	// printf 'vitrine/event/v1\0' ; 32 zeros ; … | sha256sum
	if got := hex.EncodeToString(chained(s)); got != fixedHash {
		t.Errorf("the description now hashes to %s", got)
	}
}

const fixedHash = "6e685d6f3b81ff5834d0b5830f5ab351f4374e8590c970d9a79feb0107d713e1"

func TestLists(t *testing.T) {
	both(t, func(t *testing.T, o store.Options) {
		db := open(t, o)
		ids := three(t, db)
		again := submission("A")
		again.Asked.Accounts = []vitrine.Account{"alice", "bob"} // the same paper, read otherwise
		appendAll(t, db, again.ID(), received(again))
		err := db.View(t.Context(), func(tx *store.Tx) error {
			all, err := tx.Demands()
			if err != nil || !slices.Equal(all, append(slices.Clone(ids), again.ID())) {
				t.Errorf("Demands = %v, %v", all, err)
			}
			same, err := tx.BySubject(again.Subject())
			if err != nil || !slices.Equal(same, []vitrine.ID{ids[0], again.ID()}) {
				t.Errorf("BySubject = %v, %v", same, err)
			}
			none, err := tx.BySubject(vitrine.Digest{})
			if err != nil || len(none) > 0 {
				t.Errorf("BySubject(nothing) = %v, %v", none, err)
			}
			events, err := tx.Events(ids[1])
			if err != nil || len(events) != 5 || events[1].Findings[0].Text != "é < 語 & \u2028" {
				t.Errorf("Events = %v, %v", events, err)
			}
			d, err := tx.Demand("aaaaaaaaaaaaaaaa")
			if err != nil || d.Seq != 0 || d.ID != "aaaaaaaaaaaaaaaa" || d.Stage != vitrine.New {
				t.Errorf("a demand that is not there: %+v, %v", d, err)
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	})
}

// TestAppendRefuses wants what cannot follow, or could not be read again, not
// to be stored.
func TestAppendRefuses(t *testing.T) {
	both(t, func(t *testing.T, o store.Options) {
		o.Now = func() time.Time { return day }
		db := open(t, o)
		sub := submission("A")
		id := receive(t, db, "A", "check")
		future, nameless, broken := verified(2), verified(2), verified(2)
		future.At, nameless.By, broken.By = day.Add(2*time.Minute), "", "a\xffb"
		for name, e := range map[string]vitrine.Event{
			"twice": received(sub), "a gap": verified(3), "the same number": verified(1), "out of order": reviewed(2, sub),
			"the future": future, "nobody's": nameless, "not text": broken, "unknown": {Seq: 2, Stage: "sold", At: day, By: "x"},
		} {
			if err := db.Update(t.Context(), func(tx *store.Tx) error { return tx.Append(id, e) }); err == nil {
				t.Errorf("%s: appended", name)
			}
		}
		other := submission("B")
		if err := db.Update(t.Context(), func(tx *store.Tx) error { return tx.Append("aaaaaaaaaaaaaaaa", received(other)) }); err == nil {
			t.Error("a demand was appended under another's id")
		}
		if n, _, err := db.Audit(t.Context()); n != 1 || err != nil {
			t.Errorf("%d events: %v", n, err)
		}
	})
}

// TestAppendModel appends at random, also what cannot follow, to a few demands
// and wants the store to hold exactly what went through.
func TestAppendModel(t *testing.T) {
	both(t, func(t *testing.T, o store.Options) {
		db := open(t, o)
		round, total := 0, int64(0)
		rapid.Check(t, func(rt *rapid.T) {
			round++
			model := map[vitrine.ID][]vitrine.Event{}
			for range rapid.IntRange(1, 12).Draw(rt, "steps") {
				sub := submission(fmt.Sprint(round, rapid.IntRange(0, 2).Draw(rt, "demand")))
				id := sub.ID()
				seq := len(model[id]) + rapid.SampledFrom([]int{1, 1, 1, 1, 0, 2}).Draw(rt, "gap")
				e := rapid.SampledFrom([]vitrine.Event{received(sub), verified(seq), reviewed(seq, sub)}).Draw(rt, "event")
				if e.Stage == vitrine.Received {
					e.Seq = seq
				}
				// The oracle is the lifecycle itself, over a list in memory.
				_, wrong := vitrine.Fold(id, append(slices.Clone(model[id]), e))
				fails := rapid.IntRange(0, 4).Draw(rt, "rollback") == 0
				err := db.Update(t.Context(), func(tx *store.Tx) error {
					if err := tx.Append(id, e); err != nil {
						return err
					}
					if fails {
						return errors.New("changed my mind")
					}
					return nil
				})
				if (err == nil) != (wrong == nil && !fails) {
					rt.Fatalf("append %d %s to %d events: %v, want %v", e.Seq, e.Stage, len(model[id]), err, wrong)
				}
				if err == nil {
					model[id] = append(model[id], e)
					total++
				}
			}
			for id, events := range model {
				want, _ := json.Marshal(events)
				var got []vitrine.Event
				err := db.View(t.Context(), func(tx *store.Tx) (err error) { got, err = tx.Events(id); return err })
				if b, _ := json.Marshal(got); err != nil || len(events) > 0 && string(b) != string(want) {
					rt.Fatalf("stored %s, want %s: %v", b, want, err)
				}
			}
		})
		if n, _, err := db.Audit(t.Context()); n != total || err != nil {
			t.Errorf("%d events, want %d: %v", n, total, err)
		}
	})
}

// TestConcurrentAppends has many write to the same demands at once: none may
// be lost, none refused, and the chain has one order.
func TestConcurrentAppends(t *testing.T) {
	both(t, func(t *testing.T, o store.Options) {
		db := open(t, o)
		ids := three(t, db)
		refs := []string{"A", "B", "C"}
		var wg sync.WaitGroup
		var failed atomic.Int32
		for g := range 6 {
			wg.Go(func() {
				for i := range 8 {
					k := (g + i) % 3
					err := db.Update(t.Context(), func(tx *store.Tx) error {
						d, err := tx.Demand(ids[k])
						if err != nil {
							return err
						}
						return tx.Append(ids[k], reviewed(d.Seq+1, submission(refs[k])))
					})
					if err != nil {
						failed.Add(1)
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
		if n, _, err := db.Audit(t.Context()); n != 15+48 || err != nil || failed.Load() > 0 {
			t.Errorf("%d events, %d failed: %v", n, failed.Load(), err)
		}
	})
}

func FuzzParseEvent(f *testing.F) {
	sub := submission("A")
	for _, e := range []vitrine.Event{
		received(sub), verified(2), reviewed(3, sub),
		{Seq: 4, Stage: vitrine.Rejected, At: day, By: "x", Refusal: vitrine.Refusef(vitrine.Refused, "no")},
		{Seq: 5, Stage: vitrine.Produced, At: day, By: "x", Package: &vitrine.Package{Volume: 1, Name: "n"}, Mandate: vitrine.DigestOf(nil)},
		{Seq: 6, Stage: vitrine.Decided, At: day, By: "x", Decisions: &vitrine.Decisions{Produced: []int64{1}}},
		{Seq: 7, Stage: vitrine.Collected, At: day, By: "x", Collection: &vitrine.Collection{Counts: vitrine.Counts{Seen: 1, In: 1}, Missing: []vitrine.Account{"bob"}}},
	} {
		b, err := store.FormatEvent(e)
		if err != nil {
			f.Fatal(err)
		}
		if _, err := store.ParseEvent(b); err != nil {
			f.Fatalf("%s: %v", b, err)
		}
		f.Add(b)
		f.Add([]byte(strings.Replace(string(b), ":", ": ", 1)))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		e, err := store.ParseEvent(b)
		if err != nil {
			return
		}
		if again, err := store.FormatEvent(e); err != nil || !bytes.Equal(again, b) {
			t.Fatalf("%q became %q: %v", b, again, err)
		}
	})
}
