package search_test

import (
	"bytes"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/vitrine-project/vitrine/internal/collect/search"
	"github.com/vitrine-project/vitrine/internal/vitrinetest/need"
)

// TestAnotherDecoder searches 6,046 real messages and compares with what
// python's email and html.parser say: nothing that says a word is excluded, and
// nothing is included that says none.
func TestAnotherDecoder(t *testing.T) {
	python, dir := need.Tool(t, "python3"), need.Mail(t)
	words := []string{"linux", "money", "free", "perl", "spamassassin", "microsoft", "meeting", "password", "credit card", "dublin", "kernel", "weather", "mortgage",
		"razor", "nigeria", "click here", "à", "unsubscribe", "the", "2002"}
	out, err := exec.Command(python, append([]string{"testdata/words.py", dir}, words...)...).Output()
	if err != nil {
		t.Fatal(err)
	}
	messages, agree, apart := 0, map[string]int{}, map[string]int{}
	for line := range strings.Lines(string(out)) {
		fields := strings.Split(strings.TrimSpace(line), "\t")
		if !strings.HasSuffix(fields[0], ".txt") {
			continue
		}
		messages++
		b, err := os.ReadFile(fields[0])
		if err != nil {
			t.Fatal(err)
		}
		for _, w := range words {
			got, err := search.Find(search.Message, "", bytes.NewReader(b), []string{w})
			if err != nil {
				t.Fatal(err)
			}
			said := slices.Contains(fields[1:], strings.ReplaceAll(w, " ", "_"))
			switch {
			case got.Found && said:
				agree[w]++
			case got.Found:
				t.Errorf("%s: found %q, which another decoder did not", fields[0], w)
			case said && len(got.Unsearched) == 0:
				t.Errorf("%s: %q is said, not found, and all was searched", fields[0], w)
			case said:
				apart[w]++
			}
		}
	}
	if messages != 6046 {
		t.Errorf("%d messages", messages)
	}
	for _, w := range words {
		if agree[w] == 0 || apart[w] > agree[w]/10 {
			t.Errorf("%q: %d found by both, %d by the other where not all was searched", w, agree[w], apart[w])
		}
	}
	t.Log(agree, apart)
}
