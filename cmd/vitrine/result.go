package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/internal/checking"
	"github.com/vitrine-project/vitrine/production"
)

// Result is what answer and demo print with --json. Keys are added, never
// removed.
type Result struct {
	Dir            string   `json:"dir"`
	Config         string   `json:"config"`
	Package        string   `json:"package"`
	Identity       string   `json:"identity"`
	Trust          string   `json:"trust"`
	Seen           int64    `json:"items_seen"`
	In             int64    `json:"items_in"`
	Out            int64    `json:"items_out"`
	Undeterminable int64    `json:"items_undeterminable"`
	Unreadable     int64    `json:"items_unreadable"`
	Verified       bool     `json:"verified"`
	Demand         string   `json:"demand"`
	Packages       []string `json:"packages"` // every volume; package is the first
	Open           int64    `json:"items_open"`
	Letter         string   `json:"letter,omitempty"`
	Decisions      string   `json:"decisions,omitempty"` // the list of open items
	Public         string   `json:"public,omitempty"`    // demo: the public directory
	Receipt        string   `json:"receipt,omitempty"`   // demo: an authority's receipts
	Document       string   `json:"document,omitempty"`  // demo: the paper that they are for
	// Sources are the sources that were visited, in the mandate's order.
	Sources []SourceResult `json:"sources"`
}

// SourceResult is what one source had.
type SourceResult struct {
	Name   string `json:"name"`
	Family string `json:"family"`
	vitrine.Counts
}

// bySource sums up a collection by source.
func bySource(col vitrine.Collection) []SourceResult {
	all := []SourceResult{}
	for _, v := range col.Sources {
		r := SourceResult{Name: v.Source, Family: v.Family}
		for _, c := range col.Containers {
			if c.Source == v.Source {
				r.Counts = r.Add(c.Counts)
			}
		}
		all = append(all, r)
	}
	return all
}

// report says what was done for a demand, from what is stored and written. It
// has nothing to do with the reports of the ledger.
func (c *clerk) report(ctx context.Context, config Config, dem vitrine.Demand) error {
	r := Result{Dir: c.desk.Outbox, Demand: string(dem.ID), Packages: []string{}, Open: dem.Open(), Sources: []SourceResult{}}
	var err error
	if r.Config, err = filepath.Abs(c.config); err != nil {
		return fmt.Errorf("find config: %w", err)
	}
	if dem.Collection != nil {
		k := dem.Collection.Counts
		r.Seen, r.In, r.Out, r.Undeterminable, r.Unreadable = k.Seen, k.In, k.Out, k.Undeterminable, k.Unreadable
		r.Sources = bySource(*dem.Collection)
	}
	if len(dem.Packages) == 0 {
		r.Letter = c.desk.LetterPath(dem.ID)
	} else if err := c.checkVolumes(config, dem, &r); err != nil {
		return err
	}
	if dem.Open() > 0 && len(dem.Packages) > 0 {
		r.Decisions = c.desk.DecisionsPath(dem)
	}
	if c.json {
		return json.NewEncoder(c.stdout).Encode(r)
	}
	if dem.Stage == vitrine.Rejected {
		fmt.Fprintf(c.stdout, "Demand %s is refused. Send the letter: %s\n", dem.Submission.Reference, r.Letter)
		return nil
	}
	c.tell(dem, r)
	return nil
}

// checkVolumes writes the trust file and verifies each volume's outer form as
// it lies in the outbox.
func (c *clerk) checkVolumes(config Config, dem vitrine.Demand, r *Result) error {
	r.Trust = filepath.Join(c.desk.Outbox, "trust.toml")
	if err := writeTrust(r.Trust, config, c.desk.Ring.Public()); err != nil {
		return err
	}
	trust, err := checking.LoadTrust(r.Trust, c.now)
	if err != nil {
		return err
	}
	for _, p := range dem.Packages {
		path := c.desk.PackagePath(p)
		if _, err := production.VerifySealed(path, trust); err != nil {
			return err
		}
		r.Packages = append(r.Packages, path)
	}
	r.Package, r.Verified = r.Packages[0], true
	return nil
}

func (c *clerk) tell(dem vitrine.Demand, r Result) {
	w := c.stdout
	fmt.Fprintf(w, "Demand %s (%s): %s seen, %d in scope, %d out, %d undeterminable, %d unreadable.\n",
		dem.Submission.Reference, dem.ID, counted(int(r.Seen), "item"), r.In, r.Out, r.Undeterminable, r.Unreadable)
	for _, a := range dem.Collection.Missing {
		fmt.Fprintf(w, "No source knows account %q: the answer for it is \"no data found\".\n", a)
	}
	if r.Letter != "" {
		fmt.Fprintf(w, "The data is preserved; nothing is produced under this instrument. Letter: %s\n", r.Letter)
		c.tellPromises()
		return
	}
	for _, p := range dem.Packages {
		fmt.Fprintf(w, "Volume %d, %s: %s\n", p.Volume, counted(int(p.Items), "item"), c.desk.PackagePath(p))
	}
	if r.Open > 0 {
		fmt.Fprintf(w, "Open: %s. Fill in %s, then call again with --decisions and --statement, and once more with --decisions and --approve.\n", counted(int(r.Open), "item"), r.Decisions)
	}
	fmt.Fprintf(w, "Send each volume with its .json. The authority checks with: vitrine verify VOLUME --trust %s\n", r.Trust)
	c.tellPromises()
}

// tellPromises says what the authority has of the ledger.
func (c *clerk) tellPromises() {
	if _, err := os.Stat(c.desk.PromisesPath(c.id)); err == nil {
		fmt.Fprintf(c.stdout, "Send it %s too: the signed promise that its demand is counted. The proof follows: vitrine receipts --config %s --out DIR\n", c.desk.PromisesPath(c.id), c.config)
	}
}
