package report

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"github.com/vitrine-project/vitrine/ledger"
)

// TestDraft has ledger itself make the statement of the last report, commitments
// and all, and wants it to say what the plans of the other tests make up by hand,
// and the pages to be the same.
func TestDraft(t *testing.T) {
	for _, name := range []string{"full", "states", "letters", "unknown"} {
		p := plans(t)[name]
		p.periods = min(p.periods, 2)
		v := p.view(t)
		last := &v.Reports[len(v.Reports)-1]
		by := slices.Clone(last.Statement.Tables)
		draft := &ledger.Draft{Statement: ledger.Statement{Name: last.Statement.Name}}
		for _, table := range by {
			header := last.Ledgers[table.Class][table.Header]
			i := slices.IndexFunc(header.Tables, func(h ledger.Table) bool { return h.Name == table.Name })
			first := header.Tables[i].Cells[0]
			sums := func(c ledger.CellName) (ledger.Running, error) {
				var sum ledger.Running
				if sheet, _ := last.Ledgers[table.Class].Sheet(c); c == first {
					for k, f := range sheet.Fields {
						sum.V[k] = p.counts(int(table.Header), table.Name, f.Name)
					}
				}
				return sum, nil
			}
			if err := draft.Add(last.Ledgers[table.Class], ledger.ReadyTable{Header: table.Header, Table: header.Tables[i]}, sums, bytes.NewReader(noise(20))); err != nil {
				t.Fatal(err)
			}
		}
		without := func(rows []ledger.Row) (said []string) {
			for _, r := range rows {
				for _, f := range r.Fields {
					f.Point = nil
					said = append(said, fmt.Sprint(r.Name, reflect.ValueOf(f.Low).IsNil(), told(Published{Statement: ledger.Statement{Tables: []ledger.Row{{Class: r.Class, Name: r.Name, Fields: []ledger.Total{f}}}}})))
				}
			}
			return said
		}
		if want, got := without(by), without(draft.Statement.Tables); !slices.Equal(want, got) {
			t.Fatalf("%s: ledger says %v, want %v", name, got, want)
		}
		before, err := Pages(v, v.newest())
		if err != nil {
			t.Fatal(err)
		}
		last.Statement.Tables = draft.Statement.Tables
		after, err := Pages(v, v.newest())
		if err != nil {
			t.Fatal(err)
		}
		alike(t, before, after)
	}
}

// noise is bytes that look random, for n scalars.
func noise(n int) []byte {
	var b []byte
	for i := range uint32(n * 2) {
		h := sha256.Sum256(binary.BigEndian.AppendUint32(nil, i))
		b = append(b, h[:]...)
	}
	return b
}

var renew = flag.Bool("renew", false, "write the pages of testdata anew")

// TestGolden keeps what pages say, so that a change of words or rules is seen
// as such: each page as text, and the data as it is.
func TestGolden(t *testing.T) {
	for plan, report := range map[string]string{"full": "2026-H2", "letters": "2026-H1", "first": "2026-H2"} {
		files := site(t, plans(t)[plan].view(t))
		got := map[string][]byte{}
		for _, name := range slices.Sorted(maps.Keys(files)) {
			rest, ok := strings.CutPrefix(name, "reports/"+report+"/")
			switch {
			case ok && strings.HasSuffix(rest, ".html"):
				got[plan+"-"+strings.TrimSuffix(rest, ".html")+".txt"] = []byte(written(parse(t, files[name])))
			case ok && (rest == "tables.csv" || rest == "aggregator.csv"):
				got[plan+"-"+rest] = files[name]
			}
		}
		for name, b := range got {
			path := filepath.Join("testdata", name)
			if *renew {
				if err := os.MkdirAll("testdata", 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(path, b, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(b, want) {
				t.Errorf("%s differs; if that is meant, run the test with -renew and read the difference\n%s", path, firstDifference(b, want))
			}
		}
	}
}

func firstDifference(got, want []byte) string {
	g, w := strings.Split(string(got), "\n"), strings.Split(string(want), "\n")
	for i := range min(len(g), len(w)) {
		if g[i] != w[i] {
			return fmt.Sprintf("line %d is\n%s\nand was\n%s", i+1, g[i], w[i])
		}
	}
	return fmt.Sprintf("%d lines, and were %d", len(g), len(w))
}

// written is a page as lines of text: one a block, cells parted by bars, and
// what a drawing is described with.
func written(doc *html.Node) string {
	var lines []string
	var walk func(n *html.Node)
	walk = func(n *html.Node) {
		switch {
		case n.Type != html.ElementNode && n.Type != html.DocumentNode:
			return
		case slices.Contains([]string{"title", "h1", "h2", "h3", "p", "li", "dt", "dd", "figcaption", "desc", "summary", "label", "pre"}, n.Data):
			if text := textOf(n); text != "" {
				lines = append(lines, text)
			}
			return
		case n.Data == "tr":
			var cells []string
			for c := range n.ChildNodes() {
				if c.Type == html.ElementNode {
					cells = append(cells, textOf(c))
				}
			}
			lines = append(lines, strings.Join(cells, " | "))
			return
		}
		for c := range n.ChildNodes() {
			walk(c)
		}
	}
	walk(doc)
	return strings.Join(lines, "\n") + "\n"
}
