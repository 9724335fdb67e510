package sequencer

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

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
// announced too late must continue the one before. Until its period's first
// tick is planned, another header of the same number takes its place. When Add
// returns, a crash does not forget the header.
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
		chain, replaced = chain[:n], chain[n].Hash
	}
	if !l.inTime(chain, h) {
		return vitrine.Refusef(vitrine.Refused, "header %d would be announced when its period has begun: only a header that continues header %d can follow now", h.Number, h.Number-1)
	}
	if err := l.keep(chain, h); err != nil {
		return err
	}
	l.pending = slices.DeleteFunc(slices.Clone(l.pending), func(p pending) bool { return p.Digest == replaced })
	return l.queue(ledger.NoticeHeader, h.Hash())
}

// inTime reports whether the next tick that is planned comes before the header's
// period, or the header needs no announcement.
func (l *Log) inTime(chain ledger.Chain, h *ledger.Header) bool {
	if continues(chain, h) {
		return true
	}
	p, tick := l.chain[l.last.Period], l.last.Tick+1 // the next that is planned
	if tick > p.Ticks {
		if p.Number+1 >= uint64(len(chain)) {
			return false
		}
		p, tick = chain[p.Number+1], 1
	}
	at := p.TickTime(tick)
	if now := l.o.Now(); now.After(at) {
		at = now
	}
	return at.Before(time.Unix(int64(h.From), 0))
}

// continues reports whether a header says nothing new.
func continues(chain ledger.Chain, h *ledger.Header) bool {
	like, err := chain[len(chain)-1].Continue(h.To)
	if err != nil {
		return false
	}
	chain.Join(like)
	return like.Hash() == h.Hash()
}

// announced reports whether the header of a period that begins now may stand in
// the log: it was cosigned before its period, or continues the one before.
func (l *Log) announced(p *ledger.Period) error {
	l.mu.Lock()
	chain, notices := l.chain, l.notices
	l.mu.Unlock()
	if p.Number == 0 || continues(chain[:p.Number], p.Header) {
		return nil
	}
	for _, n := range notices {
		if n.Kind != ledger.NoticeHeader || n.Digest != p.Hash {
			continue
		}
		q, place, err := chain.At(n.Bundle * ledger.BundleSize)
		if err != nil {
			return l.damaged("%v", err)
		}
		_, cp, err := l.kept(chain, q.After(place.Tick))
		if err != nil {
			return err
		}
		at, ok := cp.Time()
		if !ok {
			at = uint64(q.TickTime(place.Tick).Unix())
		}
		if at < p.From {
			return nil
		}
	}
	return vitrine.Refusef(vitrine.Refused, "header %d was not announced before its period began: add one that continues header %d in its place", p.Number, p.Number-1)
}
