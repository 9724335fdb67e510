package sequencer

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/ledger"
)

// Begin takes header 0 and publishes it, which must be before its period. To
// begin once more with the same header finishes what was begun.
func (l *Log) Begin(ctx context.Context, h *ledger.Header) error {
	if err := l.begin(h); err != nil {
		return err
	}
	if _, tick, _, ok := l.Next(); ok && tick == 0 {
		_, err := l.Tick(ctx, nil)
		return err
	}
	return nil
}

func (l *Log) begin(h *ledger.Header) error {
	l.work.Lock()
	defer l.work.Unlock()
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.chain) > 0 && l.chain[0].Hash == h.Hash() {
		return nil
	}
	if l.last != nil {
		return vitrine.Refusef(vitrine.Refused, "the ledger in %s has begun with another header", l.o.Dir)
	}
	if err := l.signs(h); err != nil {
		return err
	}
	return l.keep(nil, h)
}

// signs checks that the key at hand is the one that a header names.
func (l *Log) signs(h *ledger.Header) error {
	want := fmt.Sprintf("%s+%08x+", l.o.Signer.Name(), l.o.Signer.KeyHash())
	if !strings.HasPrefix(h.Keys.Log, want) {
		return vitrine.Refusef(vitrine.Usage, "header %d says that %s signs for the log, the key at hand is %s…: check which key this is", h.Number, h.Keys.Log, want)
	}
	return nil
}

// keep takes a header behind those of a chain.
func (l *Log) keep(behind ledger.Chain, h *ledger.Header) error {
	if l.stopped != nil {
		return l.stopped
	}
	chain, err := behind.With(h)
	if err != nil {
		return vitrine.Refusef(vitrine.Usage, "%v", err)
	}
	b, err := h.Marshal()
	if err != nil {
		return vitrine.Refusef(vitrine.Usage, "%v", err)
	}
	if err := l.write(headerName(h.Number), b); err != nil {
		return err
	}
	l.chain = chain
	return nil
}

// Add takes the next header. The next tick that is planned announces it, and
// its bundle comes with the first tick of its period. A header that would be
// announced too late must continue the one before, and no other may have been
// announced. Another header of the same number takes its place, as long as none
// of its ticks is planned, and its period has not begun or cannot begin with
// it. When Add returns, a crash does not forget the header.
func (l *Log) Add(_ context.Context, h *ledger.Header) error {
	l.work.Lock() // a tick that is being made keeps the headers that it began with
	defer l.work.Unlock()
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.last == nil {
		return vitrine.Refusef(vitrine.Refused, "the ledger in %s has not begun", l.o.Dir)
	}
	chain, replaced := l.chain, ledger.Hash{}
	if n := uint64(len(chain)) - 1; h.Number == n && n > l.last.Period {
		if chain[n].Hash == h.Hash() {
			return l.queue(ledger.NoticeHeader, h.Hash())
		}
		if l.begun(chain[n].Header) && l.settled(n) == nil {
			return vitrine.Refusef(vitrine.Refused, "header %d is fixed: its period has begun", n)
		}
		chain, replaced = chain[:n], chain[n].Hash
	}
	if err := l.mayCome(chain, h); err != nil {
		return err
	}
	if err := l.keep(chain, h); err != nil {
		return err
	}
	waiting := slices.DeleteFunc(slices.Clone(l.pending), func(p pending) bool { return p.Digest == replaced })
	if err := l.setPending(waiting); err != nil {
		return err
	}
	return l.queue(ledger.NoticeHeader, h.Hash())
}

func (l *Log) begun(h *ledger.Header) bool { return l.o.Now().Unix() >= int64(h.From) }
