package main

import (
	"database/sql"
	"path/filepath"
	"strings"
	"testing"

	_ "modernc.org/sqlite"

	"github.com/vitrine-project/vitrine"
)

// write changes the database as whoever can write to it could.
func (s *stage) write(query string) {
	s.t.Helper()
	db, err := sql.Open("sqlite", filepath.Join(s.data(), "vitrine.db"))
	if err != nil {
		s.t.Fatal(err)
	}
	defer db.Close()
	done, err := db.Exec(query)
	if err != nil {
		s.t.Fatal(err)
	}
	if n, err := done.RowsAffected(); err != nil || n == 0 {
		s.t.Fatalf("%s: %d rows, %v", query, n, err)
	}
}

// TestEditedQueue changes what waits to be counted, or takes it away: which row
// it is is said, and nothing is counted.
func TestEditedQueue(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.build(on(0, 100))
	s.demand(on(0, 110), "us/search-warrant", "dora", "emil")
	kept := filepath.Join(s.dir, "kept")
	copied(t, s.data(), kept)
	build := []string{"report", "build", "--config", s.config, "--out", s.public}
	for query, words := range map[string]string{
		`update vitrine_fact set sealed = cast(substr(sealed, 1, length(sealed) - 1) || x'00' as blob) where type = 'account'`: "(account of demand ",
		`update vitrine_fact set leaf = (select leaf from vitrine_fact where type = 'content') where type = 'demand'`:          "the leaf is not that of what is sealed",
		`update vitrine_fact set sealed = (select sealed from vitrine_fact where type = 'content') where type = 'demand'`:      "the row says another period, sheet or type",
		`update vitrine_fact set sheet = 'us/subpoena' where type = 'demand'`:                                                  "the row says another period, sheet or type",
		`update vitrine_fact set period = 1 where type = 'account'`:                                                            "the row says another period, sheet or type",
		`update vitrine_fact set sheet = 'us/nowhere' where type = 'demand'`:                                                   "us/nowhere",
		`update vitrine_fact set period = 7 where type = 'demand'`:                                                             "which has no header",
		`update vitrine_fact set received = 2000000000 where type = 'demand'`:                                                  "which is still to come",
		`update vitrine_fact set place = 300 where type = 'demand'`:                                                            "is said to stand at entry 300",
		`update vitrine_fact set class = 'restricted' where type = 'demand'`:                                                   "(demand of demand ",
		`delete from vitrine_fact where type = 'demand'`:                                                                       "(demand of demand ",
		`delete from vitrine_fact where type = 'content'`:                                                                      "(content of demand ",
		`delete from vitrine_fact where n = (select max(n) from vitrine_fact where type = 'account')`:                          "(account of demand ",
		`delete from vitrine_fact`: "is missing",
	} {
		copied(t, kept, s.data())
		s.write(query)
		s.refuses(on(1, 3), vitrine.Unverified, words, build...)
		s.refuses(on(1, 3), vitrine.Unverified, "Nothing was counted", build...)
	}
	copied(t, kept, s.data())
	s.build(on(1, 3))
	if v := s.verdict(); s.row(v, "public", 0, "us/search-warrant", "account") != "2" {
		t.Error("the accounts are not counted")
	}
}

// TestTicksDivideADay: ticks that fit one period and not the next would end the
// ledger when it is too late to announce others.
func TestTicksDivideADay(t *testing.T) {
	for tick, fits := range map[string]bool{"24h": true, "1h": true, "90m": true, "96h": false, "7h": false, "48h": false} {
		c := LedgerConfig{Tick: tick}
		if err := c.fill(); (err == nil) != fits || !fits && !strings.Contains(err.Error(), "divides a day") {
			t.Errorf("%s: %v", tick, err)
		}
	}
}

// TestClockAhead: nobody watches the ledger, and the clock jumps by more than a
// period. Nothing is recorded or published, unless a person says that it is
// right: what is refused then is another thing, that these ticks do not fit.
func TestClockAhead(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	edit(t, s.config, "quorum = 2", "quorum = 0")
	s.build(on(0, 100)) // announces it
	s.build(on(1, 3))
	s.build(on(1, 100))
	then, checkpoint := on(3, 200), filepath.Join(s.public, "ledger/public/checkpoint")
	before := string(readAll(t, checkpoint))
	build := []string{"report", "build", "--config", s.config, "--out", s.public}
	s.refuses(then, vitrine.Refused, "--today 2027-07-20", build...)
	s.refuses(then, vitrine.Refused, "Nothing was done", "receipts", "--config", s.config, "--out", s.outbox)
	s.refuses(then, vitrine.Refused, "--today 2027-07-20", append(build, "--today", "2027-07-19")...)
	if string(readAll(t, checkpoint)) != before {
		t.Error("something was published")
	}
	if _, err := s.call(then, append(build, "--today", "2027-07-20")...); err == nil || strings.Contains(err.Error(), "--today") {
		t.Errorf("told the day: %v", err)
	}
}
