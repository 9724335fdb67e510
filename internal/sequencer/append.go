package sequencer

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/go-logr/logr"
	"github.com/transparency-dev/tessera"
	"github.com/transparency-dev/tessera/storage/posix"
	"golang.org/x/mod/sumdb/note"
	"k8s.io/klog/v2"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/ledger"
)

// The appender publishes for itself whenever its tree has grown, at most so
// often (less it does not allow), and a batch waits so long for its last entry.
const (
	innerInterval = 100 * time.Millisecond
	batchAge      = time.Second
)

// appender is Tessera with its tree, for as long as it takes to append a tick.
// It publishes by a clock of its own, in the middle of a tick if its tree
// happens to stand there. So what it signs with is made for the occasion and
// thrown away: the log's key signs nothing but trees at a tick's end, and these
// stand elsewhere.
type appender struct {
	*tessera.Appender
	reader tessera.LogReader
	close  func() error
}

// quiet has Tessera not write to standard error: its words are not for those who
// read ours, and what goes wrong comes back as an error.
var quiet = sync.OnceFunc(func() { klog.SetLogger(logr.Discard()) })

// openAppender opens the tree for a batch of n entries. Nothing is ever taken
// for a duplicate: the entries behind a header are all the same.
func (l *Log) openAppender(ctx context.Context, n int) (*appender, error) {
	quiet()
	private, _, err := note.GenerateKey(l.o.Rand, "not-public")
	if err != nil {
		return nil, err
	}
	signer, err := note.NewSigner(private)
	if err != nil {
		return nil, err
	}
	driver, err := posix.New(ctx, posix.Config{Path: l.path(logDir)})
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx)) // what is begun is finished: a plan waits for it
	a, shutdown, reader, err := tessera.NewAppender(ctx, driver, tessera.NewAppendOptions().
		WithCheckpointSigner(signer).
		WithBatching(uint(max(n, 1)), batchAge). // one batch: the tree goes from one tick's end to the next in one step
		WithCheckpointInterval(innerInterval).
		WithCheckpointRepublishInterval(0).
		WithGarbageCollectionInterval(0))
	if err != nil {
		cancel()
		return nil, err
	}
	return &appender{a, reader, func() error {
		defer cancel() // only now: what was added is in the tree
		return shutdown(ctx)
	}}, nil
}

// logSize is how many entries Tessera's tree has.
func (l *Log) logSize(ctx context.Context) (size uint64, err error) {
	if _, err := os.Stat(l.path(logDir + "/.state/treeState")); errors.Is(err, os.ErrNotExist) {
		return 0, nil
	}
	a, err := l.openAppender(ctx, 0)
	if err != nil {
		return 0, fmt.Errorf("open log: %w", err)
	}
	size, err = a.reader.IntegratedSize(ctx)
	return size, errors.Join(err, a.close())
}

// append has the log hold the plan's entries: all that it does not have yet, at
// their places. A log that is not where the plan begins, or has other entries
// than the plan's, stops.
func (l *Log) append(ctx context.Context, p *plan) error {
	have, err := l.logSize(ctx)
	if err != nil {
		return err
	}
	if err := l.follows(p, have); err != nil {
		return err
	}
	if p.entries != nil && have < p.After.Size() {
		missing := p.entries[have-p.Before.Size():]
		if err := l.add(ctx, have, missing); err != nil {
			return l.explain("append", err)
		}
		l.reached("append: done")
	}
	if err := stands(l.path(logDir), p.After); err != nil {
		return l.damaged("the log's tree is not that of the plan of %s: %v", l.name(p), err)
	}
	return nil
}

func (l *Log) add(ctx context.Context, at uint64, entries [][]byte) (err error) {
	a, err := l.openAppender(ctx, len(entries))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, a.close()) }()
	futures := make([]tessera.IndexFuture, len(entries))
	for i, e := range entries {
		futures[i] = a.Add(ctx, tessera.NewEntry(e))
	}
	for i, f := range futures {
		got, err := f()
		if err != nil {
			return err
		}
		if got.Index != at+uint64(i) {
			return l.damaged("the log put entry %d at %d: another process writes to it", at+uint64(i), got.Index)
		}
	}
	l.reached("append: integrated")
	return nil
}

// follows checks that a log of that size is the one that the plan was made for,
// and that what it has of the plan's entries is the plan's.
func (l *Log) follows(p *plan, have uint64) error {
	switch {
	case have < p.Before.Size():
		return l.damaged("the log has %d entries, but the plan of %s begins at %d: the log is an older copy", have, l.name(p), p.Before.Size())
	case have > p.After.Size():
		return l.damaged("the log has %d entries, but the newest plan, of %s, ends at %d: the plans are an older copy", have, l.name(p), p.After.Size())
	case p.entries == nil && have != p.After.Size():
		return l.damaged("the log has %d entries, but the plan of %s, which was published, ends at %d: the log is an older copy", have, l.name(p), p.After.Size())
	case have == p.Before.Size():
		if err := stands(l.path(logDir), p.Before); err != nil {
			return l.damaged("the log's tree is not the one that the plan of %s was made for: %v", l.name(p), err)
		}
	case p.entries != nil:
		return l.compare(p, have)
	}
	return nil
}

// compare compares what the log has of a plan's entries.
func (l *Log) compare(p *plan, have uint64) error {
	for n := p.Before.Bundles; n*ledger.BundleSize < have; n++ {
		width := min(have-n*ledger.BundleSize, ledger.BundleSize)
		name := ledger.EntriesPath(n)
		if width < ledger.BundleSize {
			name += fmt.Sprintf(".p/%d", width)
		}
		b, err := os.ReadFile(filepath.Join(l.path(logDir), name))
		if err != nil {
			return l.damaged("the log has %d entries, but %s cannot be read: %v", have, name, err)
		}
		from := (n - p.Before.Bundles) * ledger.BundleSize
		if !bytes.Equal(b, packEntries(p.entries[from:from+width])) {
			return l.damaged("bundle %d of the log is not the one that the plan of %s says", n, l.name(p))
		}
	}
	return nil
}

// damaged says that the directory is not what this program left there. Nothing
// is repaired by guessing: what is appended once is there for good.
func (l *Log) damaged(format string, args ...any) error {
	return vitrine.Refusef(vitrine.Unverified, "the ledger in %s has stopped: "+format+". Bring back the directory as it last was, whole; never one that is older, since a second history would be published", append([]any{l.o.Dir}, args...)...)
}

// name names a plan for people.
func (l *Log) name(p *plan) string { return fmt.Sprintf("tick %d of period %d", p.Tick, p.Period) }
