package casework

import (
	"context"
	"path/filepath"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/internal/authority"
	"github.com/vitrine-project/vitrine/ledger"
)

// DeclinedPath is where the outbox has the signed answer that what came is no
// demand, and why.
func (d *Desk) DeclinedPath(id vitrine.ID) string {
	return filepath.Join(d.Outbox, string(id)+".declined.txt")
}

// stranger reports whether an event refuses what came from nobody in the
// directory of authorities: that is no demand, and is not counted as one.
func stranger(e vitrine.Event) bool {
	return e.Stage == vitrine.Rejected && slices.ContainsFunc(e.Findings, func(f vitrine.Finding) bool { return f.Code == authority.Known && !f.OK })
}

// decline answers a demand that was refused when it was checked: with the
// promise that it is counted, or, to a stranger, with a signed "no demand" and
// why.
func (d *Desk) decline(ctx context.Context, dem vitrine.Demand) error {
	b := d.signs(dem.Submission.Instrument)
	events, err := d.Events(ctx, dem.ID)
	if err != nil || b == nil {
		return err
	}
	if dem.Refusal.Ground != vitrine.UnknownAuthority {
		return d.promise(ctx, dem.ID)
	}
	refused := events[len(events)-1]
	received := uint64(dem.Submission.Received.Unix())
	note, err := ledger.Declined{
		Origin: b.Origin, Document: ledger.Hash(dem.Submission.Document.SHA256), Received: received,
		Declined: max(received, uint64(refused.At.Unix())), Because: oneLine(dem.Refusal.Text),
	}.Sign(b.Promises)
	if err != nil {
		return err
	}
	return d.place(d.DeclinedPath(dem.ID), note)
}

// oneLine makes a reason fit the answer's one line.
func oneLine(s string) string {
	s = strings.Join(strings.Fields(s), " ")
	s = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) || r == utf8.RuneError {
			return '?'
		}
		return r
	}, s)
	for len(s) > ledger.MaxBecause {
		_, size := utf8.DecodeLastRuneInString(s)
		s = s[:len(s)-size]
	}
	return strings.TrimSpace(s)
}

// signs is the ledger whose keys sign what the sender of a paper gets: that of
// its instrument, or the public one where the law knows no such instrument.
func (d *Desk) signs(id vitrine.InstrumentID) *Book {
	if b, i := d.book(id); b != nil || i.ID != "" {
		return b
	}
	return d.Books[ledger.Public]
}
