package mail

import (
	"context"
	"runtime"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/vitrine-project/vitrine/internal/collect"
)

// How messages are read ahead of their turn: in batches, a few at a time.
const (
	aheadBatch   = 32
	aheadBatches = 8
	maxAhead     = 3       // goroutines
	firstRead    = 8 << 10 // bytes of a message: nearly all headers are shorter
)

// fetched is the beginning of one message. ok is false where there is anything
// unusual about it: then it is looked at again when its turn comes.
type fetched struct {
	st unix.Stat_t
	n  int // bytes of its header, with the blank line
	ok bool
}

type letterBatch struct {
	list    []entry
	got     [aheadBatch]fetched
	buffers [aheadBatch * firstRead]byte
	done    chan struct{}
}

// lettersAhead reads a listing's messages on the other cores. nil reads none.
type lettersAhead struct {
	ordered chan *letterBatch
	free    chan *letterBatch
	current *letterBatch
	from    int // index of the first message of current
	cancel  context.CancelFunc
	running sync.WaitGroup
}

// readAhead begins to read a listing from its first message on.
func (b *box) readAhead(ctx context.Context, list []entry) *lettersAhead {
	workers := min(maxAhead, runtime.GOMAXPROCS(0)-1)
	if workers < 1 || len(list) < 2*aheadBatch {
		return nil
	}
	ctx, cancel := context.WithCancel(ctx)
	a := &lettersAhead{ordered: make(chan *letterBatch, aheadBatches), free: make(chan *letterBatch, aheadBatches), from: -aheadBatch, cancel: cancel}
	jobs := make(chan *letterBatch, aheadBatches)
	for range aheadBatches {
		a.free <- &letterBatch{done: make(chan struct{}, 1)}
	}
	for range workers {
		a.running.Go(func() {
			for job := range jobs {
				b.fetch(job)
				job.done <- struct{}{}
			}
		})
	}
	a.running.Go(func() {
		defer close(jobs)
		for len(list) > 0 {
			select {
			case <-ctx.Done():
				return
			case next := <-a.free:
				n := min(aheadBatch, len(list))
				next.list, list = list[:n], list[n:]
				jobs <- next // neither is ever full: there are no more batches
				a.ordered <- next
			}
		}
	})
	return a
}

// fetch reads the beginnings of a batch's messages.
func (b *box) fetch(job *letterBatch) {
	for i, e := range job.list {
		job.got[i] = b.fetchOne(e, job.buffers[i*firstRead:(i+1)*firstRead])
	}
}

func (b *box) fetchOne(e entry, buffer []byte) (f fetched) {
	fd, err := collect.OpenAt(b.dirs[e.sub], e.name, 0)
	if err != nil {
		return f
	}
	defer unix.Close(fd)
	if err := collect.Again(func() error { return unix.Fstat(fd, &f.st) }); err != nil || f.st.Mode&unix.S_IFMT != unix.S_IFREG {
		return f
	}
	n, err := preadFull(fd, buffer[:min(int64(len(buffer)), max(f.st.Size, 1))], 0)
	if err != nil {
		return f
	}
	f.n, f.ok = headerEnd(buffer[:n])
	return f
}

// take returns the header of the message with that index, if it was read. The
// bytes are valid until the next call, and indices ascend by one.
func (a *lettersAhead) take(i int) (header []byte, st unix.Stat_t, ok bool) {
	if a == nil {
		return nil, st, false
	}
	if i >= a.from+aheadBatch {
		if a.current != nil {
			a.free <- a.current
		}
		a.current = <-a.ordered
		<-a.current.done
		a.from += aheadBatch
	}
	f := &a.current.got[i-a.from]
	at := (i - a.from) * firstRead
	return a.current.buffers[at : at+f.n], f.st, f.ok
}

// stop ends all reading.
func (a *lettersAhead) stop() {
	if a != nil {
		a.cancel()
		a.running.Wait()
	}
}
