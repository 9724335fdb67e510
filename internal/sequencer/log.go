// Package sequencer is the only writer of a ledger. It plans each tick whole,
// keeps the plan, and only then appends, so that a crash never makes a second
// plan for the same place; it publishes a tick at its second or late, never
// early, never without its quorum of witnesses, and leaves none out. What the
// plans hold of facts is on the disk sealed only. Where the directory is not as
// it was left, it stops. It follows spec/ledger.md.
package sequencer

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"os"
	"slices"
	"sync"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/ledger"
)

// Sealer seals what a plan holds of facts, and unseals it.
type Sealer interface {
	Seal(plain []byte) ([]byte, error)
	Unseal(sealed []byte) ([]byte, error)
}

// Options say what a ledger is written with.
type Options struct {
	Dir       string      // of this ledger alone
	Signer    note.Signer // the log's key
	Witnesses []Witness   // how to reach the keys of the headers' policies
	Client    *http.Client
	Seal      Sealer
	Rand      io.Reader
	Now       func() time.Time
	// Seen is the size of the tree that the caller knows to be published, from
	// where it keeps its own records; a directory with less is an old copy, and
	// is not written to.
	Seen uint64
	// Reached is called at each of Points, for tests that kill the process there.
	Reached func(point string)
}

// Log is one ledger, open for writing.
type Log struct {
	o    Options
	lock *os.File

	work sync.Mutex // held while a tick is made; the rest is read meanwhile

	mu      sync.Mutex
	chain   ledger.Chain
	last    *plan // the newest; nil before header 0
	sums    ledger.Sums
	notices []ledger.Notice // that are public
	pending []pending
	stopped error // why nothing more is written
	began   time.Time
	index   index
}

// Open opens the ledger in a directory, which is made if it is not there. What
// a killed process had begun is brought to where only the witnesses and the
// clock are needed, byte for byte as it was planned. A directory that is not as
// it was left is refused.
func Open(ctx context.Context, o Options) (*Log, error) {
	l := &Log{o: o}
	lock, err := lockDir(o.Dir)
	if err != nil {
		return nil, l.explain("lock", err)
	}
	l.lock = lock
	if err := l.recover(ctx); err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	return l, nil
}

// Close ends the writing.
func (l *Log) Close() error {
	l.work.Lock()
	defer l.work.Unlock()
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.stopped == nil {
		l.stopped = fs.ErrClosed
	}
	return l.lock.Close()
}

// Chain returns the headers that were taken.
func (l *Log) Chain() ledger.Chain {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.chain)
}

// Public is what anybody may see, as spec/report.md lays out ledger/CLASS/. It
// is always that of a whole tick. What of it is published of a ledger whose
// entries are not public, the caller decides.
func (l *Log) Public() fs.FS { return os.DirFS(l.path(publicDir)) }

// Size is the size of the tree that is published.
func (l *Log) Size() uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.published().Size()
}

// Began is when header 0 was published, by this machine's clock; the end of all
// time if it was not.
func (l *Log) Began() (time.Time, error) {
	l.mu.Lock()
	last, began := l.last, l.began
	l.mu.Unlock()
	if began.IsZero() && last != nil {
		b, err := l.read(planName(0, 0))
		if err != nil {
			return began, l.explain("read plan", err)
		}
		p, err := parsePlan(b)
		if err != nil {
			return began, l.damaged("%s: %v", planName(0, 0), err)
		}
		if p.Published != 0 {
			began = time.Unix(p.Published, 0)
			l.mu.Lock()
			l.began = began
			l.mu.Unlock()
		}
	}
	if began.IsZero() {
		began = time.Unix(1<<40, 0)
	}
	return began, nil
}

// published is the tree that is public.
func (l *Log) published() ledger.Tree {
	switch {
	case l.last == nil:
		return ledger.Tree{}
	case l.last.Published == 0:
		return l.last.Before
	}
	return l.last.After
}

// Next returns the tick that is published next, and when; ok is false if its
// period has no header yet. Tick 0 is header 0 itself, which waits for nothing.
func (l *Log) Next() (p *ledger.Period, tick uint64, at time.Time, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.next()
}

func (l *Log) next() (p *ledger.Period, tick uint64, at time.Time, ok bool) {
	if len(l.chain) == 0 {
		return nil, 0, at, false
	}
	if p = l.chain[0]; l.last != nil {
		p, tick = l.chain[l.last.Period], l.last.Tick
		if l.last.Published != 0 {
			tick++
		}
		if tick > p.Ticks {
			if p.Number+1 >= uint64(len(l.chain)) {
				return nil, 0, at, false
			}
			p, tick = l.chain[p.Number+1], 1
		}
	}
	if tick > 0 {
		at = p.TickTime(tick)
	}
	return p, tick, at, true
}

// Room is how many slots of a tick the sheet has, in the period of the next
// tick.
func (l *Log) Room(sheet string) int {
	p, _, _, ok := l.Next()
	if !ok {
		return 0
	}
	return room(p)[sheet]
}

func room(p *ledger.Period) map[string]int {
	slots := map[string]int{}
	for _, g := range p.Grid {
		slots[g.Sheet] = g.Slots
	}
	return slots
}

// Sums returns what a cell holds, as far as it was planned; complete says that
// its last tick is published.
func (l *Log) Sums(cell ledger.CellName) (sum ledger.Running, complete bool, err error) {
	l.mu.Lock()
	last, sums, chain := l.last, l.sums, l.chain
	l.mu.Unlock()
	if _, ok := chain.Sheet(cell); !ok || last == nil || cell.Period > last.Period {
		return sum, false, vitrine.Refusef(vitrine.Usage, "the ledger has no cell of sheet %s in period %d yet", cell.Sheet, cell.Period)
	}
	if cell.Period == last.Period {
		return sums[cell.Sheet], last.Tick == chain[cell.Period].Ticks && last.Published != 0, nil
	}
	_, s, err := l.readPlan(planName(cell.Period, chain[cell.Period].Ticks))
	if err != nil {
		return sum, false, err
	}
	return s.Sums[cell.Sheet], true, nil
}

// Checkpoint returns the newest cosigned checkpoint.
func (l *Log) Checkpoint() ([]byte, error) { return l.read(publicDir + "/checkpoint") }

// stop has the log write nothing more until it is opened again: after a fault
// in the middle of a tick the disk is believed only once it was read anew.
func (l *Log) stop(err error) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err != nil && l.stopped == nil {
		l.stopped = err
	}
	return err
}

// reached tells a test where the process is.
func (l *Log) reached(point string) {
	if l.o.Reached != nil {
		l.o.Reached(point)
	}
}

// Points are the places at which a test kills the process.
var Points = []string{
	"file: synced",
	"plan: made", "plan: kept",
	"append: integrated", "append: done",
	"publish: cosigned", "publish: checkpoint kept", "publish: tiles", "publish: notices", "publish: done", "publish: plan closed",
}
