package report

import (
	"os"
	"path/filepath"
	"testing"
)

// site writes every file of a view, as it is published.
func site(t testing.TB, v View) map[string][]byte {
	t.Helper()
	files, err := Site(v)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range v.Reports {
		pages, err := Pages(v, r.Statement.Name)
		if err != nil {
			t.Fatal(err)
		}
		for name, b := range pages {
			files["reports/"+r.Statement.Name+"/"+name] = b
		}
	}
	return files
}

// TestWrite leaves the sites in VITRINE_PAGES, for who wants to look at them.
func TestWrite(t *testing.T) {
	dir := os.Getenv("VITRINE_PAGES")
	if dir == "" {
		t.Skip("VITRINE_PAGES names no directory")
	}
	for name, p := range plans(t) {
		for path, b := range site(t, p.view(t)) {
			to := filepath.Join(dir, name, path)
			if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(to, b, 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
}
