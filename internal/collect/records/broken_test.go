package records

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/internal/collect"
	"github.com/vitrine-project/vitrine/internal/vitrinetest/databases"
	"github.com/vitrine-project/vitrine/internal/vitrinetest/signed"
)

// TestCutConnection cuts the connection at many bytes of a whole run: it goes
// on where it stood, and holds what an unbroken one does.
func TestCutConnection(t *testing.T) {
	databases.Each(t, func(t *testing.T, d *databases.Database) {
		if d.Kind == databases.SQLite {
			t.Skip("not of this kind: there is no connection")
		}
		d.Exec("create table t (id bigint primary key, account varchar(20), a varchar(400), b varchar(400))")
		for i := range 40 {
			d.Exec(fmt.Sprintf("insert into t values (%d, 'alice', '%s', 'b%d')", i, strings.Repeat("a", i*9), i))
		}
		proxy, address := databases.Through(t, d.Reader())
		tables := []Table{{Name: "t", From: "t", Account: "account", Order: []string{"id"}, Times: Times{Standing: true},
			Columns: map[vitrine.Category][]string{vitrine.Subscriber: {"a"}, vitrine.Content: {"b"}}}}
		run := func() (string, vitrine.Counts, error) {
			s, err := source(t, d, address, tables)
			if err != nil {
				t.Fatal(err)
			}
			period, err := vitrine.NewPeriod(time.Unix(0, 0), time.Unix(1, 0))
			if err != nil {
				t.Fatal(err)
			}
			scope := vitrine.Scope{Accounts: []vitrine.Account{"alice"}, Categories: vitrine.Categories, Period: period, Clock: vitrine.ClockReceived}
			var held shown
			col, err := collect.Job{Mandate: signed.Mandate(t, scope, s.Declaration()), Sources: []collect.Configured{{Source: s}}, Hold: &held, Dir: t.TempDir(),
				Now: func() time.Time { return signed.Now }, Patience: []time.Duration{0, 0}}.Run(t.Context())
			return held.String(), col.Counts, err
		}
		proxy.FailOnce(-1, false)
		want, counts, err := run()
		if err != nil || counts.In != 80 {
			t.Fatal(counts, err)
		}
		total := proxy.Passed()
		for after := int64(0); after < total; after += max(total/60, 1) {
			proxy.FailOnce(after, false)
			got, n, err := run()
			if err != nil || n != counts || got != want {
				t.Errorf("cut behind byte %d of %d: %+v, %v, equal %v", after, total, n, err, got == want)
			}
		}
	})
}
