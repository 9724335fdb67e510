package main

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/internal/casework"
	"github.com/vitrine-project/vitrine/internal/keyring"
	"github.com/vitrine-project/vitrine/internal/report"
	"github.com/vitrine-project/vitrine/internal/sequencer"
	"github.com/vitrine-project/vitrine/internal/store"
	"github.com/vitrine-project/vitrine/law"
	"github.com/vitrine-project/vitrine/ledger"
)

// LedgerConfig says how demands are counted. A change takes effect with the
// next period's header.
type LedgerConfig struct {
	Origin     string           `toml:"origin"` // the ledger's name, such as example.org/vitrine, for good; nobody
	Keys       string           `toml:"keys"`   // directory of its keys, "keys/ledger" if left out; whoever reads it can sign for the ledger and see what it counts; the operator
	Period     string           `toml:"period"` // calendar-half if left out; nobody
	Tick       string           `toml:"tick"`   // time between ticks, "24h" if left out; nobody
	Ticks      int              `toml:"ticks"`  // so many a period, in place of tick; nobody
	Lag        string           `toml:"lag"`    // from a tick's time to its publication, "72h" if left out; nobody
	Sheets     []string         `toml:"sheets"` // instruments that are counted, all if left out; whoever can leave one out can hide what it would count; counsel
	Slots      []SlotsConfig    `toml:"slots"`
	Accounts   []AccountsConfig `toml:"accounts"`
	Comment    []CommentConfig  `toml:"comment"`
	Contact    string           `toml:"contact"` // as it stands on report pages; nobody
	URL        string           `toml:"url"`     // where the public directory is served; nobody
	Demo       bool             `toml:"demo"`    // pages say that nothing in them is real; nobody
	Live       bool             `toml:"live"`    // in a demonstration: ticks of the running period come only while something waits to be counted; nobody
	Quorum     int              `toml:"quorum"`  // witnesses that it takes; whoever can lower it can show two ledgers; counsel
	Witness    []WitnessConfig  `toml:"witness"`
	Restricted RestrictedConfig `toml:"restricted"`
}

// SlotsConfig is how many facts of a sheet a tick has room for, at least.
type SlotsConfig struct {
	Sheet string `toml:"sheet"` // nobody
	Slots int    `toml:"slots"` // nobody
}

// WitnessConfig is one who watches the ledger.
type WitnessConfig struct {
	Organisation string `toml:"organisation"` // not the provider; counsel
	Key          string `toml:"key"`          // its vkey; counsel
	URL          string `toml:"url"`          // of its C2SP tlog-witness interface; nobody
	Trial        string `toml:"trial"`        // a key file of this machine that plays a witness, in place of the others: it proves nothing; nobody
}

// AccountsConfig is how many accounts the provider had in a period, which
// shares are taken of. Nobody can check it.
type AccountsConfig struct {
	Period string `toml:"period"`   // such as 2026-H1; nobody
	Number uint64 `toml:"number"`   // counsel
	Means  string `toml:"means"`    // such as "open on the last day"; nobody
	French string `toml:"means_fr"` // the same, on French pages; nobody
	German string `toml:"means_de"` // and on German ones; nobody
}

// CommentConfig is what the provider says itself on the page of a period's
// report. Nobody can check it.
type CommentConfig struct {
	Period   string `toml:"period"`   // such as 2026-H1; nobody
	Language string `toml:"language"` // en, fr or de; nobody
	Text     string `toml:"text"`     // an empty line parts paragraphs; nobody
}

// RestrictedConfig is the ledger of process that the law lets one report in
// bands only.
type RestrictedConfig struct {
	Publication string `toml:"publication"` // off (if left out), auditor, after-embargo or live; counsel
	Structure   string `toml:"structure"`   // us/1874-a1 to us/1874-a4; counsel
	Lag         string `toml:"lag"`         // "720h" if left out; nobody
	Ticks       int    `toml:"ticks"`       // so many a period, in place of tick, in demonstrations; nobody
	Counsel     string `toml:"counsel"`     // the approver who signs these settings; counsel
	Signature   string `toml:"signature"`   // counsel's, of these settings, "keys/restricted.sig" if left out; nobody
}

func seconds(s string) time.Duration {
	d, _ := time.ParseDuration(s) // fill has looked
	return d
}

// counting is what the headers of one class say.
func (c LedgerConfig) counting(class ledger.Class, keys ledger.Keys) casework.Counting {
	n := casework.Counting{
		Class: class, Origin: c.Origin, Cadence: law.Cadence(c.Period), Delta: seconds(c.Tick), Lag: seconds(c.Lag), Ticks: c.Ticks, Sheets: c.Sheets, Slots: map[string]int{},
		Publication: ledger.Live, Keys: keys, Audit: ledger.AuditRule{Randomness: "drand quicknet", Sample: 60}, Witnesses: ledger.Witnesses{Quorum: c.Quorum},
	}
	for _, s := range c.Slots {
		n.Slots[s.Sheet] = s.Slots
	}
	if class == ledger.Restricted {
		n.Origin += "/restricted"
		n.Lag, n.Ticks, n.Structure, n.Publication = seconds(c.Restricted.Lag), c.Restricted.Ticks, c.Restricted.Structure, ledger.Publication(c.Restricted.Publication)
		if c.Restricted.Structure == "us/1874-a4" {
			n.Cadence = law.Years
		}
	}
	for _, w := range c.Witness {
		n.Witnesses.Keys = append(n.Witnesses.Keys, ledger.Witness{Key: w.Key, Organisation: w.Organisation})
	}
	return n
}

// openBooks opens the ledgers of the config, and makes their keys where there
// is no ledger yet.
func openBooks(ctx context.Context, d *casework.Desk, o deskOptions, data string) (closeAll func() error, err error) {
	var logs []*sequencer.Log
	closeAll = func() error {
		var errs []error
		for _, l := range logs {
			errs = append(errs, l.Close())
		}
		return errors.Join(errs...)
	}
	if err := o.config.counselSigned(o.base); err != nil {
		return nil, err
	}
	c := o.config.Ledger
	d.Books = map[ledger.Class]*casework.Book{}
	for _, class := range []ledger.Class{ledger.Public, ledger.Restricted} {
		dir := filepath.Join(data, "ledger", string(class))
		if class == ledger.Restricted && c.Restricted.Publication == "off" {
			if _, err := os.Stat(filepath.Join(dir, "headers")); err == nil {
				return nil, errors.Join(stillCounts(dir), closeAll())
			}
			continue
		}
		var seen int64
		if err := d.DB.View(ctx, func(tx *store.Tx) (err error) { seen, err = tx.Furthest(string(class)); return err }); err != nil {
			return nil, errors.Join(err, closeAll())
		}
		b, err := openBook(ctx, o, class, dir, uint64(seen+1))
		if err != nil {
			return nil, errors.Join(err, closeAll())
		}
		logs = append(logs, b.Log)
		d.Books[class] = b
	}
	return closeAll, nil
}

// stillCounts refuses to forget a ledger that has begun: its promises would be
// broken, and reports that name it could no longer be checked.
func stillCounts(dir string) error {
	return vitrine.Refusef(vitrine.Usage, "[ledger.restricted] publication is off, but the restricted ledger in %s has begun: nothing was done. It goes on, so that promises are kept and published reports can be checked; to publish less of it from the next header on, choose \"auditor\"", dir)
}

func openBook(ctx context.Context, o deskOptions, class ledger.Class, dir string, seen uint64) (*casework.Book, error) {
	c := o.config.Ledger
	keys := resolve(o.base, c.Keys)
	counting := c.counting(class, ledger.Keys{})
	_, err := os.Stat(filepath.Join(dir, "headers"))
	fresh := errors.Is(err, fs.ErrNotExist)
	logKey, err := notary(filepath.Join(keys, "log-"+string(class)), counting.Origin, fresh)
	if err != nil {
		return nil, err
	}
	promise, err := notary(filepath.Join(keys, "promise"), c.Origin+"/promise", fresh)
	if err != nil {
		return nil, err
	}
	reports, err := notary(filepath.Join(keys, "report"), c.Origin+"/report", fresh)
	if err != nil {
		return nil, err
	}
	b := &casework.Book{Promises: promise, Reports: reports, Live: c.Live}
	b.Sealer = keyring.NewPeriods(keys, string(class), b.NowPeriod)
	b.Counting = c.counting(class, ledger.Keys{Log: logKey.Public(), Promise: []string{promise.Public()}, Report: reports.Public()})
	witnesses, err := c.witnesses(o, &b.Counting)
	if err != nil {
		return nil, err
	}
	b.Log, err = sequencer.Open(ctx, sequencer.Options{Dir: dir, Signer: logKey, Witnesses: witnesses, Seal: b.Sealer, Rand: rand.Reader, Now: o.now, Seen: seen, Reached: o.reached})
	return b, err
}

// notary opens a key, which is made with a new ledger and never later.
func notary(path, name string, fresh bool) (*keyring.Notary, error) {
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) && fresh {
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			return nil, fmt.Errorf("make directory: %w", err)
		}
		if err := keyring.NewNoteKey(path, name); err != nil {
			return nil, err
		}
	}
	return keyring.OpenNotary(path)
}

// witnesses says how to reach each witness. One that is played on this machine
// gets its key here.
func (c LedgerConfig) witnesses(o deskOptions, n *casework.Counting) ([]sequencer.Witness, error) {
	var list []sequencer.Witness
	for i, w := range c.Witness {
		if w.Trial == "" {
			list = append(list, sequencer.Witness{Key: w.Key, URL: w.URL})
			continue
		}
		key, err := trialKey(resolve(o.base, w.Trial))
		if err != nil {
			return nil, err
		}
		c := sequencer.NewCosigner(trialName(i), key, o.now)
		n.Witnesses.Keys[i].Key = c.Key()
		list = append(list, c.Witness())
	}
	return list, nil
}

func trialName(i int) string { return fmt.Sprintf("trial-witness-%d", i+1) }

// trialKey reads the key of a witness that this machine plays, or makes one.
// It guards nothing.
func trialKey(path string) (ed25519.PrivateKey, error) {
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		b = make([]byte, ed25519.SeedSize)
		if _, err := rand.Read(b); err != nil {
			return nil, err
		}
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			return nil, fmt.Errorf("make directory: %w", err)
		}
		err = replaceFile(path, b)
	}
	if err != nil {
		return nil, vitrine.Refusef(vitrine.Usage, "[[ledger.witness]] trial: %v: name a file that vitrine may read and write", err)
	}
	if len(b) != ed25519.SeedSize {
		return nil, vitrine.Refusef(vitrine.Usage, "[[ledger.witness]] trial: %s is no key of %d bytes: name a file that is not there yet, and it is made", path, ed25519.SeedSize)
	}
	return ed25519.NewKeyFromSeed(b), nil
}

// stated is the number as a report states it.
func (a AccountsConfig) stated() report.Accounts {
	s := report.Accounts{Period: a.Period, Number: a.Number, Means: a.Means}
	for code, text := range map[string]string{"fr": a.French, "de": a.German} {
		if text == "" {
			continue
		}
		if s.MeansIn == nil {
			s.MeansIn = map[string]string{}
		}
		s.MeansIn[code] = text
	}
	return s
}

// words are what a report's page says beside its totals.
func (c LedgerConfig) words(p law.Period) report.Words {
	w := report.Words{Contact: c.Contact, Demo: c.Demo, LiveTicks: c.Live}
	for _, a := range c.Accounts {
		if a.Period == p.Name() {
			w.Accounts = append(w.Accounts, a.stated())
		}
	}
	for _, c := range c.Comment {
		if c.Period == p.Name() {
			if w.Comment == nil {
				w.Comment = map[string]string{}
			}
			w.Comment[c.Language] = c.Text
		}
	}
	return w
}
