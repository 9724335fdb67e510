package report

import (
	"context"
	"crypto/sha3"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/vitrine-project/vitrine/internal/sequencer"
	"github.com/vitrine-project/vitrine/law"
	"github.com/vitrine-project/vitrine/ledger"
)

// Builder makes the public directory: it tells each table once its time has
// come, keeps what was told, and never tells it again.
type Builder struct {
	Provider string
	URL      string
	Logs     []*sequencer.Log // the public one first
	State    string           // the directory where published reports are kept
	Words    func(law.Period) Words
	Signer   ledger.Signer // of report notes
	// Catalogue are the files of what the provider says it stores, by their paths.
	Catalogue map[string][]byte
	// Checking is told how many bundles of the new directory were audited.
	Checking func(done, total uint64)
	// Reached is called at each of Points, for tests that kill the process there.
	Reached func(point string)
}

// Built says what Build did.
type Built struct {
	New     string   // the report that was added, "" if no table was due
	Reports []string // all, oldest first
	Verdict *ledger.Verdict
}

// Build writes the public directory to out, which is replaced as a whole once
// the full audit of what was written accepts. The ledgers must be at the
// present.
func (b Builder) Build(ctx context.Context, out string) (Built, error) {
	kept, err := b.kept()
	if err != nil {
		return Built{}, err
	}
	if err := b.lost(kept); err != nil {
		return Built{}, err
	}
	fresh, err := b.compose(kept)
	if err != nil {
		return Built{}, fmt.Errorf("compose report: %w", err)
	}
	if fresh == nil {
		return b.finish(ctx, out, kept, "")
	}
	kept = append(kept, fresh.Published)
	if err := b.keep(kept, len(kept)-1, fresh.report, nil); err != nil {
		return Built{}, fmt.Errorf("keep report: %w", err)
	}
	return b.finish(ctx, out, kept, fresh.Statement.Name)
}

// finish has the ledgers say what is kept, and writes the public directory.
func (b Builder) finish(ctx context.Context, out string, kept []Published, added string) (Built, error) {
	built := Built{New: added, Reports: names(kept)}
	if err := b.say(kept); err != nil {
		return built, err
	}
	var err error
	built.Verdict, err = b.publish(ctx, out, kept)
	return built, err
}

func (b Builder) chains() map[ledger.Class]ledger.Chain {
	m := map[ledger.Class]ledger.Chain{}
	for _, l := range b.Logs {
		if c := l.Chain(); len(c) > 0 {
			m[c[0].Class] = c
		}
	}
	return m
}

// periodNamed is the period that a report is about: the newest that is
// complete in its public ledger.
func periodNamed(p Published) (law.Period, error) {
	s := p.Statement.Ledgers[0]
	chain := p.Ledgers[s.Class]
	at, tick, err := chain.TickAt(s.Size)
	if err != nil {
		return law.Period{}, err
	}
	if tick < at.Ticks && at.Number > 0 {
		at = chain[at.Number-1]
	}
	return law.NewPeriod(time.Unix(int64(at.From), 0).UTC(), time.Unix(int64(at.To), 0).UTC())
}

// state is a log at its newest tick.
type state struct {
	ledger.State
	log   *sequencer.Log
	chain ledger.Chain
	ready []ledger.ReadyTable
}

func (b Builder) state(l *sequencer.Log) (state, error) {
	s := state{log: l, chain: l.Chain()}
	raw, err := l.Checkpoint()
	if err != nil {
		return s, err
	}
	size, err := ledger.CheckpointSize(raw)
	if err != nil {
		return s, err
	}
	p, tick, err := s.chain.TickAt(size)
	if err != nil {
		return s, err
	}
	cp, err := p.OpenCheckpoint(raw)
	if err != nil {
		return s, err
	}
	now, watched := cp.Time()
	if !watched {
		now = uint64(p.TickTime(tick).Unix())
	}
	s.State = ledger.State{Class: p.Class, Origin: p.Origin, Root: cp.Root, Size: cp.Size}
	for _, q := range s.chain[:p.Number+1] {
		s.Headers = append(s.Headers, q.Hash)
	}
	s.ready = s.chain.Ready(p, tick, now)
	return s, nil
}

// compose makes the next report, or nil if no table waits to be told. The
// randomness of its proofs follows from the openings of its cells, so that the
// same ledger makes the same report.
func (b Builder) compose(kept []Published) (*fresh, error) {
	type rowName struct {
		class  ledger.Class
		header uint64
		table  string
	}
	told := map[rowName]bool{}
	for _, p := range kept {
		for _, t := range p.Statement.Tables {
			told[rowName{t.Class, t.Header, t.Name}] = true
		}
	}
	draft := &ledger.Draft{Statement: ledger.Statement{Number: uint64(len(kept)), Tables: []ledger.Row{}}}
	seed := sha3.NewSHAKE256()
	seed.Write([]byte("vitrine/report-seed/v1\x00"))
	var states []state
	for _, l := range b.Logs {
		s, err := b.state(l)
		if err != nil {
			return nil, err
		}
		s.ready = slices.DeleteFunc(s.ready, func(t ledger.ReadyTable) bool { return told[rowName{s.Class, t.Header, t.Name}] })
		states = append(states, s)
		draft.Statement.Ledgers = append(draft.Statement.Ledgers, s.State)
		if err := s.secrets(seed); err != nil {
			return nil, err
		}
	}
	p := Published{Statement: draft.Statement, Ledgers: b.chains(), Version: 1}
	var err error
	if p.Period, err = periodNamed(p); err != nil {
		return nil, err
	}
	draft.Statement.Name = freeName(p.Period.Name(), kept)
	said, err := json.Marshal(draft.Statement)
	if err != nil {
		return nil, err
	}
	seed.Write(said)
	rows := 0
	for _, s := range states {
		for _, t := range s.ready {
			if err := draft.Add(s.chain, t, s.sum, seed); err != nil {
				return nil, err
			}
			rows++
		}
	}
	if rows == 0 {
		return nil, nil
	}
	report, err := draft.Prove(seed)
	if err != nil {
		return nil, err
	}
	p.Statement = report.Statement
	if b.Words != nil {
		p.Words = b.Words(p.Period)
	}
	return &fresh{p, report}, nil
}

type fresh struct {
	Published
	report *ledger.Report
}

func (s state) sum(c ledger.CellName) (ledger.Running, error) {
	r, complete, err := s.log.Sums(c)
	if err == nil && !complete {
		err = fmt.Errorf("the cell of %s in period %d is not complete", c.Sheet, c.Period)
	}
	return r, err
}

// secrets feeds the openings of all cells that are told to the seed.
func (s state) secrets(seed io.Writer) error {
	for _, t := range s.ready {
		for _, c := range t.Cells {
			r, err := s.sum(c)
			if err != nil {
				return err
			}
			b, err := json.Marshal(r)
			if err != nil {
				return err
			}
			seed.Write(b)
		}
	}
	return nil
}

// freeName is the period's name, or with a number behind it if a report of the
// period was published before.
func freeName(name string, kept []Published) string {
	free := name
	for n := 2; slices.ContainsFunc(kept, func(p Published) bool { return p.Statement.Name == free }); n++ {
		free = fmt.Sprintf("%s-%d", name, n)
	}
	return free
}
