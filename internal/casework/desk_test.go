package casework_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/internal/casework"
	"github.com/vitrine-project/vitrine/internal/store"
	"github.com/vitrine-project/vitrine/internal/vitrinetest"
	"github.com/vitrine-project/vitrine/internal/vitrinetest/need"
)

// step runs one of the machine's steps by hand, twice: the second time must do
// nothing.
func step(t *testing.T, p *vitrinetest.Provider, name string, id vitrine.ID) {
	t.Helper()
	for range 2 {
		if err := p.Steps()[name](t.Context(), id); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}
}

func demand(t *testing.T, p *vitrinetest.Provider, id vitrine.ID) vitrine.Demand {
	t.Helper()
	dem, err := p.Demand(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return dem
}

// received takes the demand as far as its statement.
func received(t *testing.T, p *vitrinetest.Provider) (vitrine.ID, vitrine.Demand) {
	t.Helper()
	sub := p.Submission(t)
	id, err := p.Receive(t.Context(), sub, []byte("paper"), "clerk")
	if err != nil {
		t.Fatal(err)
	}
	step(t, p, "check", id)
	if err := p.Review(t.Context(), id, sub.Asked, nil, "counsel"); err != nil {
		t.Fatal(err)
	}
	return id, demand(t, p, id)
}

// TestSteps takes a demand through every step, each of them twice, on both
// databases.
func TestSteps(t *testing.T) {
	for name, database := range map[string]func(*testing.T) string{"sqlite": func(*testing.T) string { return "" }, "postgres": func(t *testing.T) string { return need.Postgres(t) }} {
		t.Run(name, func(t *testing.T) {
			p := vitrinetest.New(t, database(t))
			id, dem := received(t, p)
			if again, err := p.Receive(t.Context(), p.Submission(t), []byte("paper"), "clerk"); err != nil || again != id {
				t.Errorf("the same demand again: %s, %v", again, err)
			}
			if err := p.Approve(t.Context(), id, p.Signed(t, dem.Statement, 1), "clerk"); vitrine.ExitCode(err) != 4 {
				t.Errorf("one signature of two: %v", err)
			}
			step(t, p, "collect", id) // without a mandate it does nothing
			if err := p.Approve(t.Context(), id, p.Signed(t, dem.Statement, 2), "clerk"); err != nil {
				t.Fatal(err)
			}
			for _, s := range []string{"collect", "seal", "deliver"} {
				step(t, p, s, id)
			}
			dem = demand(t, p, id)
			if dem.Stage != vitrine.Delivered || dem.Seq != 7 || dem.Collection.In != 2 || dem.Collection.Out != 1 || len(dem.Packages) != 1 {
				t.Errorf("%s after %d events: %+v", dem.Stage, dem.Seq, dem.Collection)
			}
			if holds, err := p.Holds.Digests(); err != nil || len(holds) != 0 {
				t.Errorf("%d holds are left (%v)", len(holds), err)
			}
			if _, err := os.Stat(p.PackagePath(dem.Packages[0])); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestNewScope wants a new scope to void the signatures, and the collector to
// do nothing under the old ones.
func TestNewScope(t *testing.T) {
	p := vitrinetest.New(t, "")
	id, dem := received(t, p)
	signed := p.Signed(t, dem.Statement, 2)
	if err := p.Approve(t.Context(), id, signed, "clerk"); err != nil {
		t.Fatal(err)
	}
	less := dem.Granted
	var err error
	if less.Period, err = vitrine.NewPeriod(less.Period.From().AddDate(0, 0, 1), less.Period.To()); err != nil {
		t.Fatal(err)
	}
	ds := []vitrine.Difference{{Field: "from", Asked: "x", Granted: "y", Reason: "agreed"}}
	if err := p.Review(t.Context(), id, less, ds, "counsel"); err != nil {
		t.Fatal(err)
	}
	step(t, p, "collect", id)
	dem = demand(t, p, id)
	if dem.Stage != vitrine.Reviewed || !dem.Mandate.IsZero() || dem.Collection != nil {
		t.Errorf("%s, mandate %s", dem.Stage, dem.Mandate)
	}
	if err := p.Approve(t.Context(), id, signed, "clerk"); vitrine.ExitCode(err) != 4 || !strings.Contains(err.Error(), "0 of 2") {
		t.Errorf("the old signatures: %v", err)
	}
}

// TestReplaced reads a paper anew before and after data was collected for it.
func TestReplaced(t *testing.T) {
	p := vitrinetest.New(t, "")
	id, dem := received(t, p)
	other := p.Submission(t)
	other.Asked.Accounts = []vitrine.Account{"bob"}
	second, err := p.Receive(t.Context(), other, []byte("paper"), "clerk")
	if err != nil || second == id {
		t.Fatalf("%s, %v", second, err)
	}
	if first := demand(t, p, id); first.Stage != vitrine.Rejected || first.Refusal.Ground != casework.Replaced {
		t.Errorf("the first reading is %s", first.Stage)
	}
	step(t, p, "deliver", id)
	if _, err := os.Stat(p.LetterPath(id)); err == nil {
		t.Error("the authority gets a letter about a reading of ours")
	}
	p = vitrinetest.New(t, "")
	id, dem = received(t, p)
	if err := p.Approve(t.Context(), id, p.Signed(t, dem.Statement, 2), "clerk"); err != nil {
		t.Fatal(err)
	}
	step(t, p, "collect", id)
	if _, err := p.Receive(t.Context(), other, []byte("paper"), "clerk"); vitrine.ExitCode(err) != 2 {
		t.Errorf("read anew after collection: %v", err)
	}
}

// TestRefusedByLaw wants the article, a letter, and no way on.
func TestRefusedByLaw(t *testing.T) {
	p := vitrinetest.New(t, "")
	sub := p.Submission(t)
	sub.Instrument = "us/subpoena"
	id, err := p.Receive(t.Context(), sub, []byte("paper"), "clerk")
	if err != nil {
		t.Fatal(err)
	}
	step(t, p, "check", id)
	err = p.Review(t.Context(), id, sub.Asked, nil, "counsel")
	var why *vitrine.Refusal
	if !errors.As(err, &why) || why.Kind != vitrine.Refused || !strings.Contains(why.Ground, "2703") {
		t.Fatalf("a subpoena for content: %v", err)
	}
	if err := p.Refuse(t.Context(), id, why, "counsel"); err != nil {
		t.Fatal(err)
	}
	step(t, p, "deliver", id)
	if b, err := os.ReadFile(p.LetterPath(id)); err != nil || !strings.Contains(string(b), "2703") {
		t.Errorf("the letter: %v\n%s", err, b)
	}
	if err := p.Review(t.Context(), id, sub.Asked, nil, "counsel"); err == nil {
		t.Error("a refused demand was reviewed")
	}
}

// TestUnneeded leaves a hold and a volume of a process that died, beside those
// of a demand that needs them.
func TestUnneeded(t *testing.T) {
	p := vitrinetest.New(t, "")
	id, dem := received(t, p)
	if err := p.Approve(t.Context(), id, p.Signed(t, dem.Statement, 2), "clerk"); err != nil {
		t.Fatal(err)
	}
	step(t, p, "collect", id)
	if _, _, err := p.Holds.Put(strings.NewReader("left behind")); err != nil {
		t.Fatal(err)
	}
	if _, _, err := p.Packages.Put(strings.NewReader("left behind")); err != nil {
		t.Fatal(err)
	}
	if err := p.DropUnneeded(t.Context()); err != nil {
		t.Fatal(err)
	}
	holds, err := p.Holds.Digests()
	if err != nil || len(holds) != 1 || holds[0] != demand(t, p, id).Collection.Hold {
		t.Errorf("holds %v, %v", holds, err)
	}
	if packages, err := p.Packages.Digests(); err != nil || len(packages) != 0 {
		t.Errorf("packages %v, %v", packages, err)
	}
}

// TestSwappedHold puts another hold under a demand: what others collected must
// not be sealed.
func TestSwappedHold(t *testing.T) {
	p := vitrinetest.New(t, "")
	id, dem := received(t, p)
	if err := p.Approve(t.Context(), id, p.Signed(t, dem.Statement, 2), "clerk"); err != nil {
		t.Fatal(err)
	}
	step(t, p, "collect", id)
	mallory := vitrinetest.New(t, "") // signs and seals with other keys
	mid, mdem := received(t, mallory)
	if err := mallory.Approve(t.Context(), mid, mallory.Signed(t, mdem.Statement, 2), "clerk"); err != nil {
		t.Fatal(err)
	}
	step(t, mallory, "collect", mid)
	hold := func(p *vitrinetest.Provider, id vitrine.ID) string {
		return filepath.Join(p.Dir, "holds", demand(t, p, id).Collection.Hold.Hex())
	}
	if err := os.Rename(hold(mallory, mid), hold(p, id)); err != nil {
		t.Fatal(err)
	}
	if err := p.Steps()["seal"](t.Context(), id); err == nil {
		t.Error("another's hold was sealed")
	}
}

// TestAnothersMandate puts the signed statement of one demand under another,
// as whoever can write to the database could.
func TestAnothersMandate(t *testing.T) {
	p := vitrinetest.New(t, "")
	_, first := received(t, p)
	other := p.Submission(t)
	other.Reference, other.Asked.Accounts = "R-2", []vitrine.Account{"bob"}
	id, err := p.Receive(t.Context(), other, []byte("another paper"), "clerk")
	if err != nil {
		t.Fatal(err)
	}
	step(t, p, "check", id)
	err = p.DB.Update(t.Context(), func(tx *store.Tx) error {
		return tx.Append(id, vitrine.Event{Seq: 3, Stage: vitrine.Reviewed, At: vitrinetest.Now, By: "mallory", Scope: &other.Asked, Statement: first.Statement})
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Approve(t.Context(), id, p.Signed(t, first.Statement, 2), "mallory"); vitrine.ExitCode(err) != 4 || !strings.Contains(err.Error(), "not about demand") {
		t.Errorf("another demand's signatures: %v", err)
	}
	if dem := demand(t, p, id); dem.Stage != vitrine.Reviewed {
		t.Errorf("the demand is %s", dem.Stage)
	}
}
