package vitrine

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "write docs/lifecycle.md anew")

// walker takes a demand through random events, valid and not, and keeps its
// own books of what was accepted. It knows the promises, not the table.
type walker struct {
	rand     *rand.Rand
	demand   Demand
	accepted []Event

	statement string         // of the last review
	signed    Digest         // of the signatures that are still good
	refused   bool           //
	stranger  bool           // and may come again
	col       *Collection    //
	decided   map[int64]bool // item → produce
	delivered map[int64]bool // undeterminable items that are in a volume
	volumes   int
}

func newWalker(seed uint64) *walker {
	w := &walker{rand: rand.New(rand.NewPCG(seed, 7)), decided: map[int64]bool{}, delivered: map[int64]bool{}}
	w.demand.ID = testSubmission().ID()
	return w
}

func testSubmission() Submission {
	from := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	p, err := NewPeriod(from, from.AddDate(0, 1, 0))
	if err != nil {
		panic(err)
	}
	return Submission{
		Reference: "A-1", Authority: "us-x", Instrument: "us/search-warrant", Received: from.AddDate(0, 2, 0),
		Document: Document{Name: "w.pdf", Size: 3, SHA256: DigestOf([]byte("pdf"))},
		Asked:    Scope{Accounts: []Account{"alice", "bob"}, Categories: []Category{Content}, Period: p, Clock: ClockReceived},
	}
}

var allStages = []Stage{Received, Verified, Reviewed, Mandated, Collected, Decided, Produced, Delivered, Rejected, Extended, Released, "nonsense"}

// event makes a random event, mostly a sensible one for where the demand is.
func (w *walker) event() Event {
	stage := allStages[w.rand.IntN(len(allStages))]
	if w.rand.IntN(3) > 0 {
		if next := w.likely(); len(next) > 0 {
			stage = next[w.rand.IntN(len(next))]
		}
	}
	e := Event{Seq: w.demand.Seq + 1, Stage: stage, At: time.Unix(int64(1e9+w.demand.Seq), 0).UTC(), By: "someone"}
	if w.one(20) {
		e.Seq += w.rand.IntN(3) - 1
	}
	if w.one(30) {
		e.By = ""
	}
	switch stage {
	case Received:
		s := testSubmission()
		if w.one(5) {
			s.Reference = "other"
		}
		e.Submission = &s
	case Reviewed:
		w.review(&e)
	case Mandated:
		e.Mandate, e.Approvals, e.Approvers = w.digest(), []Approval{{"sig"}}, []string{"a", "b"}
		if w.one(6) {
			e.Approvers = nil
		}
	case Collected:
		e.Mandate, e.Collection = w.digest(), w.collection()
	case Decided:
		w.decide(&e)
	case Produced:
		w.produce(&e)
	case Delivered:
		e.Mandate, e.To = w.digest(), "outbox"
	case Extended:
		e.Mandate, e.Renewal = w.digest(), &Renewal{Reference: "again", Document: Document{Name: "r.pdf", Size: 1, SHA256: DigestOf([]byte("renewal"))}}
		if w.one(6) {
			e.Renewal = nil
		}
	case Released:
		e.Mandate, e.Refusal = w.digest(), &Refusal{Kind: Refused, Text: "over"}
	case Rejected:
		e.Refusal = &Refusal{Kind: Refused, Text: "no"}
		if w.one(2) {
			e.Refusal.Ground = UnknownAuthority
		}
	}
	return e
}

func (w *walker) one(in int) bool { return w.rand.IntN(in) == 0 }

// likely are the stages that would lead somewhere from here.
func (w *walker) likely() []Stage {
	return map[Stage][]Stage{
		New: {Received}, Received: {Verified}, Verified: {Reviewed}, Reviewed: {Mandated, Mandated, Reviewed}, Mandated: {Collected, Collected, Reviewed},
		Collected: {Decided, Decided, Produced, Produced, Produced, Extended}, Extended: {Extended, Released}, Decided: {Produced}, Produced: {Delivered, Decided}, Delivered: {Decided, Delivered}, Rejected: {Received},
	}[w.demand.Stage]
}

func (w *walker) digest() Digest {
	if w.one(6) {
		return DigestOf([]byte("another text"))
	}
	if w.one(8) {
		return Digest{}
	}
	return DigestOf([]byte(w.statement))
}

func (w *walker) review(e *Event) {
	s := testSubmission().Asked
	if w.one(3) {
		s.Accounts = s.Accounts[:1]
		e.Differences = []Difference{{Field: "accounts", Reason: "not-particular"}}
	}
	if w.one(6) {
		s.Accounts = []Account{"mallory"}
	}
	e.Scope, e.Statement = &s, fmt.Sprintf("statement %d", w.rand.IntN(1000))
}

func (w *walker) collection() *Collection {
	k := Counts{In: int64(w.rand.IntN(3)), Out: int64(w.rand.IntN(3)), Undeterminable: int64(w.rand.IntN(4)), Unreadable: int64(w.rand.IntN(2))}
	k.Seen = k.In + k.Out + k.Undeterminable + k.Unreadable
	c := &Collection{Counts: k, Containers: []Container{{Name: "INBOX", Counts: k}}}
	if w.one(8) {
		c.Seen++
	}
	if w.one(8) {
		c.Containers[0].In++
		c.Containers[0].Seen++
	}
	return c
}

func (w *walker) decide(e *Event) {
	e.Mandate, e.Statement, e.Approvers, e.Decisions = w.digest(), "ruling", []string{"a", "b"}, &Decisions{}
	for n := int64(1); n <= 4; n++ {
		if w.one(2) {
			if w.one(2) {
				e.Decisions.Produced = append(e.Decisions.Produced, n)
			} else {
				e.Decisions.Withheld = append(e.Decisions.Withheld, n)
			}
		}
	}
}

func (w *walker) produce(e *Event) {
	e.Mandate = w.digest()
	p := Package{Volume: w.volumes + 1, Items: w.due(), Open: w.open()}
	switch w.rand.IntN(10) {
	case 0:
		p.Volume++
	case 1:
		p.Items++
	case 2:
		p.Items--
	case 3:
		p.Open++
	}
	e.Package = &p
}

// due is how many items the next volume must hold, by the walker's own books.
func (w *walker) due() int64 {
	n := int64(0)
	for item, produce := range w.decided {
		if produce && !w.delivered[item] {
			n++
		}
	}
	if w.volumes == 0 && w.col != nil {
		n += w.col.In
	}
	return n
}

func (w *walker) open() int64 {
	if w.col == nil {
		return 0
	}
	return w.col.Undeterminable - int64(len(w.decided))
}

// step applies one event and says which promise was broken, if any.
func (w *walker) step() error {
	e, before := w.event(), w.demand
	after, err := w.demand.Apply(e)
	if err != nil {
		if !reflect.DeepEqual(after, before) {
			return fmt.Errorf("an event that was turned away (%s) changed the demand", e.Stage)
		}
		return nil
	}
	w.demand = after
	if err := w.accept(e); err != nil {
		return err
	}
	w.accepted = append(w.accepted, e)
	folded, err := Fold(w.demand.ID, w.accepted)
	if err != nil || !reflect.DeepEqual(folded, w.demand) {
		return fmt.Errorf("the fold of the events is not the demand: %v", err)
	}
	return nil
}

// accept checks an event that Apply let pass against the promises, and keeps
// the books.
func (w *walker) accept(e Event) error {
	if w.refused && (e.Stage != Received || !w.stranger) {
		return fmt.Errorf("%s after refused", e.Stage)
	}
	if e.Seq != len(w.accepted)+1 || e.By == "" {
		return fmt.Errorf("event %d by %q accepted as number %d", e.Seq, e.By, len(w.accepted)+1)
	}
	mandated := !w.signed.IsZero() && w.signed == DigestOf([]byte(w.statement)) && e.Mandate == w.signed
	switch e.Stage {
	case Received:
		if !w.demand.Mandate.IsZero() || w.demand.Statement != "" || w.demand.Refusal != nil {
			return fmt.Errorf("received again with what was decided before")
		}
		w.refused, w.statement, w.signed = false, "", Digest{}
	case Reviewed:
		return w.acceptReview(e)
	case Mandated:
		if e.Mandate != DigestOf([]byte(w.statement)) || w.statement == "" || len(e.Approvers) == 0 {
			return fmt.Errorf("mandated on another text")
		}
		w.signed = e.Mandate
	case Collected:
		if !mandated {
			return fmt.Errorf("collected without a mandate on this scope")
		}
		if k := e.Collection.Counts; k.Seen != k.In+k.Out+k.Undeterminable+k.Unreadable || k != e.Collection.Containers[0].Counts {
			return fmt.Errorf("collected with open sums")
		}
		w.col = e.Collection
	case Decided:
		return w.acceptDecision(e, mandated)
	case Produced:
		if !mandated || w.col == nil {
			return fmt.Errorf("produced without a mandate on this scope")
		}
		if p := e.Package; p.Volume != w.volumes+1 || p.Items != w.due() || p.Open != w.open() {
			return fmt.Errorf("produced %+v where %d items were due and %d open", *p, w.due(), w.open())
		}
		w.volumes++
		for item, produce := range w.decided {
			w.delivered[item] = produce
		}
	case Delivered:
		if !mandated || w.volumes == 0 {
			return fmt.Errorf("delivered what was not produced under this mandate")
		}
	case Extended, Released:
		if !mandated || w.col == nil || w.volumes > 0 || e.Stage == Extended && e.Renewal == nil {
			return fmt.Errorf("%s without anything that is preserved", e.Stage)
		}
		w.refused = e.Stage == Released
	case Rejected:
		if w.col != nil {
			return fmt.Errorf("refused after data was collected")
		}
		w.refused, w.stranger = true, e.Refusal.Ground == UnknownAuthority
	}
	return nil
}

func (w *walker) acceptReview(e Event) error {
	if w.col != nil {
		return fmt.Errorf("a new scope after data was collected")
	}
	if slices.Contains(e.Scope.Accounts, "mallory") {
		return fmt.Errorf("granted an account nobody asked for")
	}
	if len(e.Scope.Accounts) == 1 && (len(e.Differences) != 1 || e.Differences[0].Reason == "") {
		return fmt.Errorf("narrowed without a reason")
	}
	if !w.demand.Mandate.IsZero() || w.demand.Approvals != nil || w.demand.Approvers != nil {
		return fmt.Errorf("a new scope left old signatures standing")
	}
	w.statement, w.signed = e.Statement, Digest{}
	return nil
}

func (w *walker) acceptDecision(e Event, mandated bool) error {
	if !mandated || w.col == nil {
		return fmt.Errorf("decided without a mandate on this scope")
	}
	for i, ns := range [][]int64{e.Decisions.Produced, e.Decisions.Withheld} {
		for _, n := range ns {
			if _, twice := w.decided[n]; twice {
				return fmt.Errorf("item %d decided twice", n)
			}
			w.decided[n] = i == 0
		}
	}
	if w.open() < 0 {
		return fmt.Errorf("more items decided than were open")
	}
	return nil
}

// walk returns the first broken promise in a number of random walks, and how
// many walks came as far as a delivery.
func walk(walks int) (delivered int, err error) {
	for seed := range walks {
		w := newWalker(uint64(seed))
		for range 60 {
			if err := w.step(); err != nil {
				return delivered, fmt.Errorf("walk %d, after %d events: %w", seed, len(w.accepted), err)
			}
		}
		if w.demand.Stage == Delivered {
			delivered++
		}
	}
	return delivered, nil
}

func TestModel(t *testing.T) {
	delivered, err := walk(3000)
	if err != nil {
		t.Fatal(err)
	}
	if delivered < 100 {
		t.Fatalf("only %d walks came as far as a delivery: the walk is too shallow to show anything", delivered)
	}
}

// TestModelSeesViolations breaks one promise at a time in the table and wants
// the walk to find it.
func TestModelSeesViolations(t *testing.T) {
	good := Steps
	defer func() { Steps = good }()
	row := func(s Stage) int { return slices.IndexFunc(Steps, func(r Step) bool { return r.Stage == s }) }
	for name, plant := range map[string]func(){
		"collect without mandate": func() {
			i := row(Collected)
			Steps[i].From = []Stage{Reviewed, Mandated}
			Steps[i].fold = func(d *Demand, e Event) error { d.Collection = e.Collection; return nil }
		},
		"old signatures survive": func() {
			Steps[row(Reviewed)].fold = func(d *Demand, e Event) error {
				m, a, p := d.Mandate, d.Approvals, d.Approvers
				err := foldReviewed(d, e)
				d.Mandate, d.Approvals, d.Approvers = m, a, p
				return err
			}
		},
		"life after refusal": func() { Steps[row(Verified)].From = []Stage{Received, Rejected} },
		"more produced than due": func() {
			Steps[row(Produced)].fold = func(d *Demand, e Event) error {
				if err := d.underMandate(e); err != nil {
					return err
				}
				d.Packages = append(slices.Clone(d.Packages), *e.Package)
				d.Pending = nil
				return nil
			}
		},
		"a refusal after collection": func() { Steps[row(Rejected)].From = append(slices.Clone(good[row(Rejected)].From), Collected) },
	} {
		Steps = slices.Clone(good)
		plant()
		if _, err := walk(3000); err == nil {
			t.Errorf("%s: planted, and the walk did not find it", name)
		}
	}
}

func TestLifecycleDoc(t *testing.T) {
	var b strings.Builder
	b.WriteString("# The lifecycle of a demand\n\nGenerated from the table `vitrine.Steps` by `go test -run TestLifecycleDoc -update .`; do not edit.\n\n")
	b.WriteString("| event | may follow | what it says | the machine's next step |\n|---|---|---|---|\n")
	for _, s := range Steps {
		from := make([]string, 0, len(s.From))
		for _, f := range s.From {
			from = append(from, string(f))
		}
		if slices.Equal(s.From, []Stage{New}) {
			from = []string{"(nothing)"}
		}
		next := strings.Join(s.Queues, ", ")
		if next == "" {
			next = "none: people act"
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", s.Stage, strings.Join(from, ", "), s.Says, next)
	}
	b.WriteString("\nA machine's step is queued in the transaction that appends the event. People's steps are review, approve and decide.\n")
	if *update {
		if err := os.WriteFile("docs/lifecycle.md", []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	have, err := os.ReadFile("docs/lifecycle.md")
	if err != nil || string(have) != b.String() {
		t.Errorf("docs/lifecycle.md is not what the table says (%v): go test -run TestLifecycleDoc -update .", err)
	}
}
