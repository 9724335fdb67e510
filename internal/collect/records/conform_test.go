package records

import (
	"encoding/csv"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/internal/collect"
	"github.com/vitrine-project/vitrine/internal/vitrinetest/conform"
	"github.com/vitrine-project/vitrine/internal/vitrinetest/databases"
	"github.com/vitrine-project/vitrine/internal/vitrinetest/truth"
)

// features are what every source of records has.
var features = []truth.Feature{truth.Case, truth.Containers, truth.Lasting, truth.Undated, truth.Categories, truth.Secrets}

// customers and connections are the two tables of the suite.
var (
	customers = Table{Name: "customers", From: "customers", Account: "account", Order: []string{"id"}, Times: Times{Since: "since", Until: "until"},
		Columns: map[vitrine.Category][]string{vitrine.Subscriber: {"name", "phone"}}, Secret: []string{"hidden"}}
	connections = Table{Name: "connections", From: "connections", Account: "account", Order: []string{"id"}, Times: Times{Time: "made"},
		Columns: map[vitrine.Category][]string{vitrine.Traffic: {"ip", "port"}}, Secret: []string{"hidden"}}
)

// when is a time as a text, or nil where it is not known.
func when(t time.Time, form string) any {
	if t.IsZero() {
		return nil
	}
	return t.UTC().Format(form)
}

// TestConformTables runs the suite on each kind of database.
func TestConformTables(t *testing.T) {
	databases.Each(t, func(t *testing.T, d *databases.Database) {
		form := time.RFC3339
		if d.Kind == databases.MariaDB {
			form = "2006-01-02 15:04:05"
			d.Admin.SetMaxOpenConns(1)
			d.Exec("set time_zone = '+00:00'")
		}
		at := d.Type("timestamptz", "timestamp null", "text")
		d.Exec("create table customers (id bigint primary key, account varchar(60), name varchar(100), phone varchar(40), since "+at+", until "+at+", hidden varchar(60))",
			"create table connections (id bigint primary key, account varchar(60), ip varchar(40), port varchar(10), made "+at+", hidden varchar(60))")
		reader := d.Reader()
		stage := conform.Stage{Family: truth.Records, Has: features, Plant: func(t testing.TB, items []truth.Item) {
			for _, it := range items {
				id, err := strconv.Atoi(it.Name)
				if err != nil {
					t.Fatal(err)
				}
				values := []any{id, it.Account, it.Values[0].Text, it.Values[1].Text, when(it.Received.From, form)}
				if it.Lasting {
					values = append(values, when(it.Received.To, form))
				}
				if _, err := d.Admin.Exec("insert into "+it.Container+" values ("+d.Marks(len(values)+1)+")", append(values, it.Secret)...); err != nil {
					t.Fatal(err)
				}
			}
		}}
		open := func(address string) func(testing.TB) collect.Source {
			return func(t testing.TB) collect.Source {
				s, err := source(t, d, address, []Table{customers, connections})
				if err != nil {
					t.Fatal(err)
				}
				return s
			}
		}
		stage.Source = open(reader)
		if d.Kind != databases.SQLite { // whose file can be written wherever tests run
			stage.Writable = open(d.Address)
		}
		conform.Run(t, stage)
	})
}

// TestConformCSV runs it on CSV files, of all accounts and of one each.
func TestConformCSV(t *testing.T) {
	for name, path := range map[string]string{"of all": "", "of each": "{account}/"} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			own := path != ""
			var c CSV
			for _, table := range []Table{customers, connections} {
				table.From, table.Order = "", nil
				if own {
					table.Account = ""
				}
				c.Files = append(c.Files, File{Path: filepath.Join(dir, path+table.Name+".csv"), Table: table})
			}
			conform.Run(t, conform.Stage{
				Family: truth.Records, Has: features,
				Plant: func(t testing.TB, items []truth.Item) {
					for _, it := range items {
						plantCSV(t, dir, own, it)
					}
				},
				Source: func(t testing.TB) collect.Source {
					s, err := c.Open("records", strings.Clone)
					if err != nil {
						t.Fatal(err)
					}
					return s
				},
			})
		})
	}
}

// plantCSV adds an item's record to its file.
func plantCSV(t testing.TB, dir string, own bool, it truth.Item) {
	t.Helper()
	text := func(at time.Time) string {
		s, _ := when(at, time.RFC3339).(string)
		return s
	}
	head, row := []string{it.Values[0].Column, "hidden", it.Values[1].Column}, []string{it.Values[0].Text, it.Secret, it.Values[1].Text}
	if it.Lasting {
		head, row = append(head, "since", "until"), append(row, text(it.Received.From), text(it.Received.To))
	} else {
		head, row = append(head, "made"), append(row, text(it.Received.From))
	}
	if own {
		dir = filepath.Join(dir, it.Account)
	} else {
		head, row = append(head, "account"), append(row, it.Account)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, it.Container+".csv")
	_, err := os.Stat(path)
	f, err2 := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err2 != nil {
		t.Fatal(err2)
	}
	defer f.Close()
	w := csv.NewWriter(f)
	if err != nil {
		w.Write(head)
	}
	w.Write(row)
	if w.Flush(); w.Error() != nil {
		t.Fatal(w.Error())
	}
}
