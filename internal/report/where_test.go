package report

import (
	"strings"
	"testing"
)

// TestCommandWhere: where nobody said what the site's address will be, the page's
// commands say what to put there, and never this very folder.
func TestCommandWhere(t *testing.T) {
	v := plans(t)["first"].view(t)
	v.URL = ""
	files, err := Pages(v, v.newest())
	if err != nil {
		t.Fatal(err)
	}
	for page, word := range map[string]string{"index.html": "ADDRESS", "index.fr.html": "ADRESSE", "index.de.html": "ADRESSE"} {
		text := string(files[page])
		if strings.Contains(text, "report .<") || strings.Count(text, `<span class="site">`+word+"</span>") != 2 || !strings.Contains(text, `class="note put"`) {
			t.Errorf("%s does not say what to put in place of the address", page)
		}
	}
}
