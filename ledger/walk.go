package ledger

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"runtime"
	"slices"
	"strconv"
	"sync"

	"golang.org/x/mod/sumdb/tlog"
)

// job is a bundle with what its check needs from before.
type job struct {
	period  *Period
	tick    uint64
	number  int
	bundle  uint64
	entries [][]byte
	hashes  []byte // of the entries, if they are not public
	before  []byte
	notes   Hash
	root    Hash // of the bundle's own tree
	err     error
}

// read fetches every bundle, in order, and has workers check them.
func (a *Audit) read(ctx context.Context, r *reader, l *Ledger) error {
	workers := a.Workers
	if workers < 1 {
		workers = runtime.GOMAXPROCS(0)
	}
	w := &walk{audit: a, reader: r, ledger: l, tree: &Tree{}, tiles: &tiling{reader: r}, sums: map[string][]byte{}}
	for range workers {
		w.batches = append(w.batches, newBatch(a.Rand))
		w.held = append(w.held, nil)
	}
	total := l.Checkpoint.Size / BundleSize
	const chunk = 64
	for first := uint64(0); first < total; first += chunk {
		if err := ctx.Err(); err != nil {
			return err
		}
		var jobs []*job
		for n := first; n < min(first+chunk, total); n++ {
			j, err := w.job(n)
			if err != nil {
				if earlier := w.check(jobs); earlier != nil {
					return earlier
				}
				return err
			}
			jobs = append(jobs, j)
		}
		if err := w.check(jobs); err != nil {
			return err
		}
		if a.Progress != nil {
			a.Progress(min(first+chunk, total), total)
		}
	}
	if root := w.tree.Root(); root != l.Checkpoint.Root {
		return fmt.Errorf("the entries make the root %s, the checkpoint says %s", root, l.Checkpoint.Root)
	}
	if err := w.tiles.end(); err != nil && !a.Sampled {
		return err
	}
	return w.flush(true)
}

// walk goes through a log from its first entry to the last.
type walk struct {
	audit   *Audit
	reader  *reader
	ledger  *Ledger
	tree    *Tree
	tiles   *tiling
	sums    map[string][]byte // of the present period, by sheet
	notes   Hash
	noticed int // how many notices the chain has
	batches []*batch
	held    [][]uint64 // the bundles in each batch
}

// job fetches bundle n and reads what the next one needs of it.
func (w *walk) job(n uint64) (*job, error) {
	p, place, err := w.ledger.Chain.At(n * BundleSize)
	if err != nil {
		return nil, err
	}
	j := &job{period: p, tick: place.Tick, number: place.Bundle, bundle: n}
	if err := w.fetch(j); err != nil {
		return nil, err
	}
	if place.Tick == 0 {
		w.sums = map[string][]byte{}
		return j, nil
	}
	if err := w.follow(j); err != nil {
		return nil, fmt.Errorf("bundle %d (tick %d of period %d): %w", n, j.tick, p.Number, err)
	}
	return j, nil
}

// fetch reads the bundle's entries; where leaves are not public, its hashes and
// its trailer.
func (w *walk) fetch(j *job) (err error) {
	perhaps := (j.period.Publication == AfterEmbargo || w.audit.Entries) && !w.ledger.Closed[j.period.Number]
	if j.tick == 0 || j.period.Publication == Live || perhaps {
		j.entries, err = w.reader.entries(j.bundle)
		switch {
		case j.tick == 0 && errors.Is(err, fs.ErrNotExist) && j.period.Publication != Live:
			j.entries = j.period.HeaderBundle() // what it must be
			return nil
		case perhaps && errors.Is(err, fs.ErrNotExist) && j.period.Publication != Live:
		case err != nil:
			return err
		case len(j.entries) != BundleSize:
			return fmt.Errorf("bundle %d has %d entries, not %d", j.bundle, len(j.entries), BundleSize)
		default:
			return nil
		}
	}
	w.ledger.Closed[j.period.Number] = true
	if j.hashes, err = w.reader.get("tile/0/" + tilePath(j.bundle)); err != nil {
		return err
	}
	if len(j.hashes) != 32*BundleSize {
		return fmt.Errorf("the hashes of bundle %d have %d bytes, not %d", j.bundle, len(j.hashes), 32*BundleSize)
	}
	trailer, err := w.reader.get(TrailerPath(j.bundle))
	if err != nil {
		return err
	}
	j.entries = make([][]byte, BundleSize)
	j.entries[Slots] = trailer
	return nil
}

// follow takes sums and notices from a bundle's trailer to the next bundle.
func (w *walk) follow(j *job) error {
	if j.number == 0 {
		for ; w.noticed < len(w.ledger.notices) && w.ledger.notices[w.noticed].Bundle == j.bundle; w.noticed++ {
			w.notes = w.ledger.notices[w.noticed].After(w.notes)
		}
	}
	j.notes = w.notes
	sheets := j.period.sheetsOf(j.number)
	trailer := j.entries[Slots]
	if len(trailer) != trailerHead+32*len(sheets)+proofSize {
		return fmt.Errorf("the trailer has %d bytes, not %d", len(trailer), trailerHead+32*len(sheets)+proofSize)
	}
	for n, i := range sheets {
		name := j.period.Sheets[i].Name
		before, ok := w.sums[name]
		if !ok {
			before = make([]byte, 32)
		}
		j.before = append(j.before, before...)
		w.sums[name] = trailer[trailerHead+32*n : trailerHead+32*n+32]
		if j.tick == j.period.Ticks {
			w.ledger.cells[CellName{j.period.Number, name}] = Hash(w.sums[name])
		}
	}
	return nil
}

// check hands the jobs to the workers, and takes their trees in order.
func (w *walk) check(jobs []*job) error {
	var wg sync.WaitGroup
	for k := range w.batches {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for i := k; i < len(jobs); i += len(w.batches) {
				jobs[i].err = w.one(jobs[i], k)
			}
		}()
	}
	wg.Wait()
	for _, j := range jobs {
		if j.err != nil {
			return fmt.Errorf("bundle %d (tick %d of period %d): %w", j.bundle, j.tick, j.period.Number, j.err)
		}
		w.tree.add(j.root)
		w.ledger.Bundles++
		if err := w.tiles.add(j.root); err != nil && !w.audit.Sampled {
			return err
		}
		if err := w.tickEnds(j); err != nil {
			return err
		}
	}
	return w.flush(false)
}

func (w *walk) one(j *job, k int) error {
	if j.hashes != nil {
		return j.closed()
	}
	hashes := entryHashes(j.entries)
	if !w.audit.Sampled {
		if err := w.reader.sameTile(0, j.bundle, hashes); err != nil {
			return err
		}
	}
	j.root = rootOf(hashes)
	if j.tick == 0 {
		for i, e := range j.period.HeaderBundle() {
			if string(e) != string(j.entries[i]) {
				return fmt.Errorf("entry %d is not that of header %d", i, j.period.Number)
			}
		}
		return nil
	}
	b, err := j.period.readBundle(j.tick, j.number, j.entries, j.before)
	if err != nil {
		return err
	}
	if b.notes != j.notes {
		return errors.New("its notices are not those of notices.json")
	}
	if w.audit.Sampled {
		if n, err := below(16, w.audit.Rand); err != nil || n > 0 {
			return err
		}
	}
	w.held[k] = append(w.held[k], j.bundle)
	return w.batches[k].add(b.transcript(), b.statement(), b.proof)
}

// closed checks what a bundle shows whose leaves are not public: that its
// trailer stands in the tree, at its place.
func (j *job) closed() error {
	level := make([]tlog.Hash, BundleSize)
	for i := range level {
		level[i] = tlog.Hash(j.hashes[32*i : 32*i+32])
	}
	if tlog.RecordHash(j.entries[Slots]) != level[Slots] {
		return errors.New("its trailer is not the one in the tree")
	}
	j.root = rootOf(level)
	b := &bundle{period: j.period, tick: j.tick, number: j.number, notes: j.notes}
	if !bytes.HasPrefix(j.entries[Slots], b.head()) {
		return errors.New("the trailer is that of another place: its header, tick, number or notices differ")
	}
	for rest := j.entries[Slots][trailerHead : len(j.entries[Slots])-proofSize]; len(rest) > 0; rest = rest[32:] {
		if _, err := decodePoint(rest[:32]); err != nil {
			return err
		}
	}
	return nil
}

// flush verifies the batches once one is full, or all is read: all at once, since
// one alone would keep one core.
func (w *walk) flush(all bool) error {
	if !all && !slices.ContainsFunc(w.held, func(h []uint64) bool { return len(h) >= batchSize }) {
		return nil
	}
	var wg sync.WaitGroup
	failed := make([]error, len(w.batches))
	for k, b := range w.batches {
		if len(w.held[k]) == 0 {
			continue
		}
		wg.Add(1)
		go func() {
			defer wg.Done()
			if bad, err := b.verify(); err != nil {
				failed[k] = fmt.Errorf("bundle %d: its range proof does not hold: %w", w.held[k][bad], err)
			}
		}()
	}
	wg.Wait()
	for k, err := range failed {
		if err != nil {
			return err
		}
		w.ledger.Proofs += uint64(len(w.held[k]))
		w.held[k] = nil
	}
	return nil
}

// tickEnds compares the kept checkpoint of a tick with the tree so far.
func (w *walk) tickEnds(j *job) error {
	size := (j.bundle + 1) * BundleSize
	if j.tick > 0 && size != j.period.After(j.tick) || j.tick == 0 && j.period.Number > 0 {
		return nil
	}
	b, err := w.reader.get("checkpoints/" + strconv.FormatUint(size, 10))
	if err != nil {
		return err
	}
	cp, err := j.period.openPublished(b)
	if err != nil {
		return fmt.Errorf("checkpoints/%d: %w", size, err)
	}
	if cp.Size != size || cp.Root != w.tree.Root() {
		return fmt.Errorf("checkpoints/%d is that of another tree than the entries make", size)
	}
	w.ledger.roots[size] = cp.Root
	if t, ok := cp.Time(); ok {
		w.ledger.times[size] = t
	}
	return nil
}
