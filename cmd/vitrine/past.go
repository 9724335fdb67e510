package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/internal/keyring"
	"github.com/vitrine-project/vitrine/law"
	"github.com/vitrine-project/vitrine/ledger"
)

// pastDemand is one demand of the demo's earlier periods.
type pastDemand struct {
	instrument, authority string
	accounts              []string
	from, to              time.Time
	at                    time.Time // when it comes
}

// The demo's sheets: few, so that the page is short. A provider counts all.
var demoSheets = []string{"us/search-warrant", "us/subpoena", "us/emergency", "eu/epoc-content/de"}

// demoPeriods are the two past half-years and the present one.
func demoPeriods(now time.Time) ([3]law.Period, error) {
	current, err := law.Halves.Containing(now)
	if err != nil {
		return [3]law.Period{}, err
	}
	before, err := law.Halves.Containing(current.From.AddDate(0, 0, -1))
	if err != nil {
		return [3]law.Period{}, err
	}
	first, err := law.Halves.Containing(before.From.AddDate(0, 0, -1))
	return [3]law.Period{first, before, current}, err
}

// pastDemands are what came to the provider before, some in each period under
// each instrument that it counts: answered, refused, without data, and orders
// that the law lets one count in bands only.
func pastDemands(periods [3]law.Period, now time.Time) []pastDemand {
	var all []pastDemand
	for n, p := range periods {
		end := p.To
		if end.After(now) {
			end = now.AddDate(0, 0, -1)
		}
		each := 12 + 3*n
		step := end.Sub(p.From) / time.Duration(each+1)
		for i := range each {
			d := pastDemand{at: p.From.Add(step*time.Duration(i+1) + time.Duration(n)*time.Hour).Truncate(time.Second), from: periods[0].From.AddDate(0, -2, 0), to: periods[0].From.AddDate(0, -1, 0)}
			switch {
			case i%5 == 1: // a subpoena does not reach content: refused
				d.instrument, d.authority, d.accounts = "us/subpoena", "us-dc-wawd", []string{"emil", "frieda"}
			case i%5 == 2:
				d.instrument, d.authority, d.accounts = "eu/epoc-content", "de-sta-koeln", []string{"dora"}
			case i%5 == 4:
				d.instrument, d.authority, d.accounts = "us/fisa-content", "us-fbi", []string{"dora"}
			case i%15 == 8:
				d.instrument, d.authority, d.accounts = "us/emergency", "us-dc-wawd", []string{"emil"} // whom nobody knows: no data
			case i%5 == 3:
				d.instrument, d.authority, d.accounts = "us/search-warrant", "us-dc-wawd", []string{"dora", "emil"}
			default:
				d.instrument, d.authority, d.accounts = "us/search-warrant", "us-dc-wawd", []string{"dora"}
			}
			all = append(all, d)
		}
	}
	return all
}

// past plays the periods before today through the commands that a provider
// calls, at the times at which it would have called them: the ledger begins,
// demands are answered, and after each period a report is built.
func (d demo) past(ctx context.Context, w *world) error {
	periods, err := demoPeriods(d.now())
	if err != nil {
		return err
	}
	if err := d.reportAt(ctx, w, periods[0].From.Add(-12*time.Hour)); err != nil {
		return err
	}
	demands := pastDemands(periods, d.now())
	bars := newBars(d.stderr)
	defer bars.Finish()
	reported := 0
	for i, p := range demands {
		for reported < 2 && p.at.After(periods[reported].To.AddDate(0, 0, 3)) {
			if err := d.reportAt(ctx, w, periods[reported].To.AddDate(0, 0, 3)); err != nil {
				return err
			}
			reported++
		}
		bars.draw("demands of the past", int64(i), int64(len(demands)), false)
		if err := d.answerPast(ctx, w, i, p); err != nil {
			return err
		}
	}
	return nil
}

// at is the program at another time.
func (d demo) at(t time.Time) demo {
	d.program.now = func() time.Time { return t }
	d.program.stderr = quiet{}
	return d
}

// quiet takes what commands of the past say to people.
type quiet struct{}

func (quiet) Write(b []byte) (int, error) { return len(b), nil }

func (d demo) reportAt(ctx context.Context, w *world, t time.Time) error {
	_, err := d.at(t).call(ctx, "report", "build", "--config", w.config, "--out", w.public)
	return err
}

// answerPast writes one demand of the past and answers it.
func (d demo) answerPast(ctx context.Context, w *world, i int, p pastDemand) error {
	dir := filepath.Join(w.dir, "authority", "past", fmt.Sprintf("%02d", i+1))
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("make directory: %w", err)
	}
	reference := fmt.Sprintf("%s-%02d", p.at.Format("06-01"), i+1)
	document := filepath.Join(dir, "document.txt")
	if err := writeNew(document, fmt.Sprintf("%s %s of %s (a made-up one, for the demo)\n", p.instrument, reference, p.at.Format("2 January 2006"))); err != nil {
		return err
	}
	demand := fmt.Sprintf("reference  = %q\nauthority  = %q\ninstrument = %q\ndocument   = \"document.txt\"\nreceived   = %s\naccounts   = [%s]\ncategories = [\"content\"]\nfrom       = %s\nto         = %s\nclock      = \"received\"\n",
		reference, p.authority, p.instrument, p.at.Format(time.RFC3339), quotedList(p.accounts), p.from.Format(time.RFC3339), p.to.Format(time.RFC3339))
	path := filepath.Join(dir, "demand.toml")
	if err := writeNew(path, demand); err != nil {
		return err
	}
	args := append([]string{"answer", "--config", w.config, "--demand", path, "--out", filepath.Join(w.dir, "outbox", "past")}, w.approve()...)
	_, err := d.at(p.at.Add(time.Hour)).call(ctx, args...)
	var r *vitrine.Refusal
	if errors.As(err, &r) && r.Kind == vitrine.Refused {
		err = nil // as it must be
	}
	if err == nil && i == 0 {
		w.firstReference, w.firstDocument, w.firstAuthority = reference, document, p.authority
	}
	return err
}

func quotedList[T ~string](list []T) string {
	var quoted []string
	for _, s := range list {
		quoted = append(quoted, strconv.Quote(string(s)))
	}
	return strings.Join(quoted, ", ")
}

// published brings the public directory to the present and plays the authority
// of the first demand: it opens its receipts with its own key, and checks them
// against what is published.
func (d demo) published(ctx context.Context, w world, r *Result) error {
	if err := d.reportAt(ctx, &w, d.now()); err != nil {
		return err
	}
	if _, err := d.call(ctx, "receipts", "--config", w.config, "--out", filepath.Join(w.dir, "outbox", "past")); err != nil {
		return err
	}
	text, err := w.openReceipts()
	if err != nil {
		return err
	}
	if err := writeNew(w.receipts, text); err != nil {
		return err
	}
	if err := writeNew(w.receipt, firstOf(text)); err != nil {
		return err
	}
	r.Public, r.Receipt, r.Document = w.public, w.receipt, w.firstDocument
	return nil
}

// openReceipts opens the newest receipts of the first demand with its
// authority's key.
func (w world) openReceipts() (string, error) {
	paths, err := filepath.Glob(filepath.Join(w.dir, "outbox", "past", "*.receipts-*.age"))
	if err != nil {
		return "", err
	}
	id, err := keyring.OpenSealer(w.identity)
	if err != nil {
		return "", err
	}
	want := ledger.Hash(vitrine.Submission{Authority: vitrine.AuthorityID(w.firstAuthority), Reference: w.firstReference, Document: vitrine.Document{SHA256: w.digest()}}.Subject())
	best := ""
	for _, path := range paths {
		b, err := os.ReadFile(path)
		if err != nil {
			return "", err
		}
		text, err := id.Unseal(b)
		if err != nil {
			continue // another authority's
		}
		first, err := ledger.ParseReceipt([]byte(firstOf(string(text))))
		if err == nil && first.Fact.Subject == want && len(text) > len(best) {
			best = string(text)
		}
	}
	if best == "" {
		return "", vitrine.Refusef(vitrine.Failed, "the demo's first demand has no receipts: start again in an empty --dir")
	}
	return best, nil
}

func (w world) digest() vitrine.Digest {
	b, err := os.ReadFile(w.firstDocument)
	if err != nil {
		return vitrine.Digest{}
	}
	return vitrine.DigestOf(b)
}

// firstOf is the first of several receipts that stand one behind the other.
func firstOf(text string) string {
	const head = "c2sp.org/tlog-proof@v1\n"
	if i := strings.Index(text[1:], head); i >= 0 {
		return text[:i+1]
	}
	return text
}
