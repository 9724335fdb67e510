package sequencer

import (
	"errors"
	"io/fs"
	"slices"
	"time"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/ledger"
)

// mayCome refuses a header that the audit would not accept: it must be announced
// before its period, or continue the one before while no other was announced.
func (l *Log) mayCome(behind ledger.Chain, h *ledger.Header) error {
	if len(behind) == 0 || h.Number != uint64(len(behind)) || l.inTime(behind, h) {
		return nil // keep says what is wrong with its number
	}
	if !sameTerms(behind, h) {
		return vitrine.Refusef(vitrine.Refused, "header %d would be announced when its period has begun: only a header that continues header %d can follow now", h.Number, h.Number-1)
	}
	chain, err := behind.With(h)
	if err != nil {
		return nil
	}
	if other, _, err := l.announcements(chain, h.Number); err != nil || other != (ledger.Hash{}) {
		return errors.Join(err, vitrine.Refusef(vitrine.Refused, "header %s was announced before its period, and it is too late to announce another in its place: that one follows", other))
	}
	return nil
}

// inTime reports whether the next tick that is planned comes before the header's
// period.
func (l *Log) inTime(behind ledger.Chain, h *ledger.Header) bool {
	p, tick := l.chain[l.last.Period], l.last.Tick+1
	if tick > p.Ticks {
		if p.Number+1 >= uint64(len(behind)) {
			return false
		}
		p, tick = behind[p.Number+1], 1
	}
	at := p.TickTime(tick)
	if now := l.o.Now(); now.After(at) {
		at = now
	}
	return at.Before(time.Unix(int64(h.From), 0))
}

// sameTerms reports whether a header says nothing new.
func sameTerms(behind ledger.Chain, h *ledger.Header) bool {
	like, err := behind[len(behind)-1].Continue(h.To)
	if err != nil {
		return false
	}
	behind.Join(like)
	return like.Hash() == h.Hash()
}

// announcements looks for what was announced for a period: whether its header
// was, before it began, and which other header was behind it, that never came.
// A tick that is not public yet is taken for one of now.
func (l *Log) announcements(chain ledger.Chain, number uint64) (other ledger.Hash, announced bool, err error) {
	p, before := chain[number], chain[number-1]
	for _, n := range l.notices {
		if n.Kind != ledger.NoticeHeader {
			continue
		}
		at, err := l.seen(chain, n.Bundle)
		if err != nil {
			return other, false, err
		}
		used := slices.ContainsFunc(chain, func(q *ledger.Period) bool { return q.Hash == n.Digest })
		switch {
		case n.Digest == p.Hash:
			other, announced = ledger.Hash{}, announced || at < p.From
		case !used && at >= before.From && at < p.From:
			other = n.Digest
		}
	}
	return other, announced, nil
}

// seen is when a quorum had seen a bundle.
func (l *Log) seen(chain ledger.Chain, bundle uint64) (uint64, error) {
	p, place, err := chain.At(bundle * ledger.BundleSize)
	if err != nil {
		return 0, l.damaged("%v", err)
	}
	_, cp, err := l.kept(chain, p.After(place.Tick))
	if errors.Is(err, fs.ErrNotExist) {
		return uint64(l.o.Now().Unix()), nil
	}
	if err != nil {
		return 0, err
	}
	if at, ok := cp.Time(); ok {
		return at, nil
	}
	return uint64(p.TickTime(place.Tick).Unix()), nil
}

// Settled refuses while it is not certain that a header will stand in the log
// as it is. From the beginning of its period on, one that is settled stays: a
// fact may be promised under it.
func (l *Log) Settled(number uint64) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if number >= uint64(len(l.chain)) {
		return vitrine.Refusef(vitrine.Refused, "the ledger has no header %d", number)
	}
	return l.settled(number)
}

func (l *Log) settled(number uint64) error {
	switch {
	case l.last == nil || number == 0 && l.published().Bundles == 0:
		return vitrine.Refusef(vitrine.Refused, "header 0 is not published yet")
	case number <= l.last.Period:
		return nil
	}
	other, announced, err := l.announcements(l.chain, number)
	if err != nil {
		return err
	}
	if other != (ledger.Hash{}) {
		return vitrine.Refusef(vitrine.Refused, "header %d is not the last one that was announced before its period: %s was", number, other)
	}
	if !announced && !sameTerms(l.chain[:number], l.chain[number].Header) {
		return vitrine.Refusef(vitrine.Refused, "header %d was not announced before its period began: add one that continues header %d in its place", number, number-1)
	}
	return nil
}

// announces reports whether a tick of that time that is planned now may say a
// pending notice. A header that changes something is not announced when its
// period has begun. Nor is one in a tick that is made up and whose time is before
// the period before it: it would seem to be in that period's header's place.
func (l *Log) announces(p pending, at time.Time) bool {
	i := slices.IndexFunc(l.chain, func(q *ledger.Period) bool { return q.Hash == p.Digest })
	if p.Kind != ledger.NoticeHeader || i < 1 {
		return true
	}
	if at.Unix() < int64(l.chain[i-1].From) {
		return false
	}
	return !l.begun(l.chain[i].Header) || sameTerms(l.chain[:i], l.chain[i].Header)
}
