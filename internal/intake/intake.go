// Package intake turns hostile bytes into what was asked, granted or decided:
// a demand file, a grant file, a decisions file, each in TOML. What it returns
// is whole and in its one form; everything else is refused with the key that
// is wrong and what to write instead. It touches no file.
package intake

import (
	"errors"
	"fmt"
	"strings"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/internal/collect/search"
	"github.com/vitrine-project/vitrine/law"
)

// Demand is a demand file: what was asked, and where its document lies,
// relative to the file.
type Demand struct {
	Submission   vitrine.Submission
	DocumentPath string
}

type demandFile struct {
	Reference      string   `toml:"reference"`
	Authority      string   `toml:"authority"`
	Instrument     string   `toml:"instrument"`
	Document       string   `toml:"document"`
	Received       moment   `toml:"received"`
	Accounts       []string `toml:"accounts"`
	Categories     []string `toml:"categories"`
	From           moment   `toml:"from"`
	To             moment   `toml:"to"`
	Zone           string   `toml:"zone"`
	Clock          string   `toml:"clock"`
	Correspondents []string `toml:"correspondents"`
	Keywords       []string `toml:"keywords"`
}

// ParseDemand reads a demand file. The submission's document has its name but
// not yet its size and digest.
func ParseDemand(b []byte) (Demand, error) {
	var f demandFile
	if err := Decode(b, &f); err != nil {
		return Demand{}, err
	}
	if err := f.instrument(b); err != nil {
		return Demand{}, err
	}
	d, err := f.demand()
	return d, usage(err)
}

// instrument refuses an id that no law here has. It is a slip of whoever typed
// it: what nobody knows cannot be refused with an article.
func (f demandFile) instrument(b []byte) error {
	if _, ok := law.Lookup(vitrine.InstrumentID(f.Instrument)); ok || f.Instrument == "" {
		return nil
	}
	var known []string
	for _, i := range law.All() {
		known = append(known, string(i.ID))
	}
	near := Nearest(f.Instrument, known)
	if Alike(f.Instrument, near[0]) {
		near[0] += " (did you mean this?)"
	}
	return at(b, []string{"instrument"}, "instrument %q is not known: want one of %s", f.Instrument, strings.Join(near, ", "))
}

func (f demandFile) demand() (Demand, error) {
	var d Demand
	reference, err := vitrine.ParseReference(f.Reference)
	if err != nil {
		return d, err
	}
	if f.Authority == "" || f.Instrument == "" {
		return d, fmt.Errorf("authority or instrument is missing: an entry of the directory, and what it sent, such as \"us/search-warrant\"")
	}
	for key, v := range map[string]string{"authority": f.Authority, "instrument": f.Instrument, "document": f.Document} {
		if err := vitrine.Plain(key, v); err != nil {
			return d, err
		}
	}
	if f.Document == "" || len(f.Document) > 4096 {
		return d, fmt.Errorf("document is missing: the path of the paper that came with the demand, relative to this file")
	}
	received, err := f.Received.instant("received")
	if err != nil {
		return d, err
	}
	scope, err := f.scope()
	if err != nil {
		return d, err
	}
	name := f.Document[strings.LastIndexAny(f.Document, `/\`)+1:]
	if name == "" {
		return d, fmt.Errorf("document %q is a directory: give the paper's own path", f.Document)
	}
	return Demand{DocumentPath: f.Document, Submission: vitrine.Submission{
		Reference: reference, Authority: vitrine.AuthorityID(f.Authority), Instrument: vitrine.InstrumentID(f.Instrument),
		Document: vitrine.Document{Name: name}, Received: received, Asked: scope,
	}}, nil
}

func (f demandFile) scope() (vitrine.Scope, error) {
	s := vitrine.Scope{Clock: vitrine.Clock(f.Clock), Zone: f.Zone, Correspondents: f.Correspondents}
	var err error
	if s.Keywords, err = keywords(f.Keywords); err != nil {
		return s, err
	}
	for _, a := range f.Accounts {
		s.Accounts = append(s.Accounts, vitrine.Account(a))
	}
	for _, c := range f.Categories {
		s.Categories = append(s.Categories, vitrine.Category(c))
	}
	if len(s.Accounts) > 0 && len(s.Categories) > 0 { // Normal says what is missing there first
		if s.Period, err = period(f.From, f.To, f.Zone); err != nil {
			return s, err
		}
	}
	return s.Normal()
}

// keywords are those of a file in their folded form: what cannot be seen is
// refused before folding takes it out.
func keywords(values []string) ([]string, error) {
	var all []string
	for _, v := range values {
		if err := vitrine.Plain("keyword", v); err != nil {
			return nil, err
		}
		all = append(all, search.Fold(v))
	}
	return all, nil
}

// usage makes an error about a file's content one for its writer.
func usage(err error) error {
	var r *vitrine.Refusal
	if err == nil || errors.As(err, &r) {
		return err
	}
	return vitrine.Refusef(vitrine.Usage, "%v", err)
}
