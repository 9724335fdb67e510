package main

import (
	"bytes"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/BurntSushi/toml"

	"github.com/vitrine-project/vitrine/internal/checking"
	"github.com/vitrine-project/vitrine/internal/vitrinetest/chromium"
	"github.com/vitrine-project/vitrine/internal/vitrinetest/need"
)

// TestDemoInBrowser checks the demo's newest report and its receipt in Chromium,
// as whoever opens the page does.
func TestDemoInBrowser(t *testing.T) {
	if testing.Short() {
		t.Skip("the demo takes a minute")
	}
	need.Tool(t, "chromium")
	var out, story bytes.Buffer
	if code := (program{stdout: &out, stderr: &story, now: time.Now}).run(t.Context(), []string{"demo", "--once", "--json", "--dir", filepath.Join(t.TempDir(), "world")}); code != 0 {
		t.Fatalf("demo: exit code %d\n%s", code, &story)
	}
	var made struct{ Public, Receipt, Document string }
	if err := json.Unmarshal(out.Bytes(), &made); err != nil {
		t.Fatal(err)
	}
	var demand struct{ Authority, Reference string }
	if _, err := toml.DecodeFile(filepath.Join(filepath.Dir(made.Document), "demand.toml"), &demand); err != nil {
		t.Fatal(err)
	}
	var names []string
	index, err := os.ReadFile(filepath.Join(made.Public, "reports", "index.json"))
	if err == nil {
		err = json.Unmarshal(index, &names)
	}
	if err != nil || len(names) == 0 {
		t.Fatalf("the demo published no report: %v", err)
	}

	b := chromium.New(t, http.FileServer(http.Dir(made.Public)))
	b.Open("reports/" + names[len(names)-1] + "/")
	said := b.Press("#check-report", "#check-output")
	if b.Text(`document.documentElement.dataset.check || ""`) != "good" || !strings.Contains(said, "The report is what the ledger says.") || !strings.Contains(said, "fewer than two of three") {
		t.Errorf("the page says %q", said)
	}
	b.Choose("#check-receipt", made.Receipt)
	b.Choose("#check-document", made.Document)
	b.Fill("#check-authority", demand.Authority)
	b.Fill("#check-reference", demand.Reference)
	said = b.Press("#check-papers", "#check-receipt-output")
	if !strings.Contains(said, "Your demand is in the ledger.") || !strings.Contains(said, "Counted in table") || strings.Contains(said, "reference and document") {
		t.Errorf("of its receipt the page says %q", said)
	}
	b.Clean()

	// the command says the same of both
	o := checking.Options{Site: made.Public, Document: made.Document, Authority: demand.Authority, Reference: demand.Reference, Now: time.Now}
	for kind, path := range map[string]string{"receipt": made.Receipt, "report": made.Public} {
		if _, err := o.Check(t.Context(), kind, []string{path}); err != nil {
			t.Error(err)
		}
	}
}
