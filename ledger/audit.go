package ledger

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"
)

// Audit is the full audit of a published directory (spec/report.md, section 4).
type Audit struct {
	Fetch Fetch
	// Rand gives the weights of the batches; it must not be predictable.
	Rand io.Reader
	// Sampled checks one range proof in sixteen. The verdict says so: it shows
	// neither that nothing is left out nor that there is no second story.
	Sampled bool
	// Keys are the log keys (vkeys) that the reader trusts already, by class; a
	// ledger without one is believed to be whose key it names.
	Keys map[Class]string
	// Entries reads leaves of periods that keep them from the public too, where
	// Fetch has them, as it may for an auditor.
	Entries bool
	// Progress is told how many bundles of how many were checked.
	Progress func(done, total uint64)
	// Workers is how many goroutines check; 0 takes one a processor.
	Workers int
}

// Verdict is what an accepted audit shows.
type Verdict struct {
	Ledgers []Ledger
	Reports []*Report
	Sampled bool
	Files   int // of the directory's own that were signed, and agree

	versions map[Hash]bool // the digests of all versions of all reports
}

// Ledger is one log as it was audited.
type Ledger struct {
	Class      Class
	Chain      Chain
	Checkpoint Checkpoint
	Bundles    uint64 // whose entries were read
	Proofs     uint64 // range proofs that were checked
	// Closed are the periods whose leaves are not public: their sums stand in the
	// tree, and that these are sums of small numbers rests on the auditor.
	Closed map[uint64]bool
	// Statements are what auditors said, in the order in which it was logged.
	Statements []Stated

	roots   map[uint64]Hash   // at the end of each tick
	times   map[uint64]uint64 // of their checkpoints, if anybody watches
	cells   map[CellName]Hash
	notices []Notice
	next    *Period // whose header is public ahead of it; nil if none is
	reader  *reader
}

// Run audits the directory. An error that is an *Unread says that something
// could not be read, or ctx's that it was interrupted; any other, what does not
// hold.
func (a *Audit) Run(ctx context.Context) (*Verdict, error) {
	v, err := a.ledgers(ctx)
	if err != nil {
		return nil, err
	}
	for _, step := range []func(*Verdict) error{a.reports, a.site} {
		if err := step(v); err != nil {
			return nil, err
		}
	}
	return v, nil
}

// ledgers audits the logs of the directory.
func (a *Audit) ledgers(ctx context.Context) (*Verdict, error) {
	v := &Verdict{Sampled: a.Sampled, versions: map[Hash]bool{}}
	for _, class := range []Class{Public, Restricted} {
		l, err := a.ledger(ctx, class)
		if class == Restricted && errors.Is(err, errAbsent) {
			continue
		}
		if err != nil {
			return nil, err
		}
		v.Ledgers = append(v.Ledgers, *l)
	}
	return v, nil
}

// errAbsent says that there is no such log.
var errAbsent = errors.New("there is none")

func (a *Audit) ledger(ctx context.Context, class Class) (*Ledger, error) {
	r := &reader{fetch: a.Fetch, class: class}
	if _, err := r.get("checkpoint"); errors.Is(err, fs.ErrNotExist) && class == Restricted {
		return nil, errAbsent
	}
	chain, cp, err := r.checkpoint("checkpoint")
	if err != nil {
		return nil, err
	}
	l := &Ledger{Class: class, Chain: chain, Checkpoint: cp, reader: r, Closed: map[uint64]bool{}, roots: map[uint64]Hash{}, times: map[uint64]uint64{}, cells: map[CellName]Hash{}}
	if want := a.Keys[class]; want != "" && chain[len(chain)-1].Keys.Log != want {
		return nil, fmt.Errorf("%s ledger: its key is %s, not the one that was given", class, chain[len(chain)-1].Keys.Log)
	}
	notices, err := r.get("notices.json")
	if err != nil {
		return nil, err
	}
	if l.notices, err = ParseNotices(notices); err != nil {
		return nil, fmt.Errorf("%s ledger: %w", class, err)
	}
	for _, step := range []func() error{l.readNext, func() error { return a.read(ctx, r, l) }} {
		if err := step(); err != nil {
			return nil, l.fault(err)
		}
	}
	return l, l.announced()
}

// announced checks that each header was fixed before its period.
func (l *Ledger) announced() error {
	for _, n := range l.notices {
		if n.Bundle >= l.Checkpoint.Size/BundleSize {
			return fmt.Errorf("%s ledger: a notice of bundle %d, which there is not", l.Class, n.Bundle)
		}
		if _, place, err := l.Chain.At(n.Bundle * BundleSize); err != nil || place.Tick == 0 || place.Bundle != 0 {
			return fmt.Errorf("%s ledger: a notice of bundle %d, which is not the first of a tick", l.Class, n.Bundle)
		}
	}
	first := l.Chain[0]
	if t, ok := l.times[BundleSize]; ok && t >= first.From {
		return fmt.Errorf("%s ledger: header 0 was cosigned at %d, its period began at %d", l.Class, t, first.From)
	}
	for _, check := range []func() error{l.chosen, l.documents} {
		if err := check(); err != nil {
			return l.fault(err)
		}
	}
	return nil
}

// fault names the ledger, if err does not do so yet.
func (l *Ledger) fault(err error) error {
	if name := string(l.Class) + " ledger: "; !strings.HasPrefix(err.Error(), name) {
		return fmt.Errorf("%s%w", name, err)
	}
	return err
}

func (l *Ledger) announcedBefore(p *Period) bool {
	return slices.ContainsFunc(l.notices, func(n Notice) bool {
		return n.Kind == NoticeHeader && n.Digest == p.Hash && l.seen(n.Bundle) < p.From
	})
}

// seen is when a quorum had seen a bundle: the time of its tick's checkpoint,
// or, where nobody watches, when the tick was due.
func (l *Ledger) seen(bundle uint64) uint64 {
	p, place, err := l.Chain.At(bundle * BundleSize)
	if err != nil {
		return 1 << 62
	}
	return l.timeOf(p, place.Tick)
}

func (l *Ledger) timeOf(p *Period, tick uint64) uint64 {
	if t, ok := l.times[p.After(tick)]; ok {
		return t
	}
	return uint64(p.TickTime(tick).Unix())
}
