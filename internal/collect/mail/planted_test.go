package mail_test

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/internal/collect"
	"github.com/vitrine-project/vitrine/internal/collect/mail"
	"github.com/vitrine-project/vitrine/internal/collect/mail/planted"
	"github.com/vitrine-project/vitrine/internal/vitrinetest/signed"
	"github.com/vitrine-project/vitrine/internal/vitrinetest/truth"
	"github.com/vitrine-project/vitrine/mandate"
)

// checks runs f on so many random mailboxes, or many more at night.
func checks(t *testing.T, short, nightly string, f func(*rapid.T)) {
	t.Helper()
	n := short
	if os.Getenv("VITRINE_NIGHTLY") != "" {
		n = nightly
	}
	checks := flag.Lookup("rapid.checks")
	before := checks.Value.String()
	if err := checks.Value.Set(n); err != nil {
		t.Fatal(err)
	}
	defer checks.Value.Set(before)
	rapid.Check(t, f)
}

// mailboxes is how many random ones are asked: fewer where nobody waits for all.
// VITRINE_MAILBOXES says another number.
func mailboxes() string {
	switch n := os.Getenv("VITRINE_MAILBOXES"); {
	case n != "":
		return n
	case os.Getenv("VITRINE_REQUIRE") != "":
		return "10000"
	}
	return "1000"
}

// question is one signed mandate.
type question struct {
	mandate.Mandate
	scope truth.Scope
}

// TestPlanted asks random mailboxes for what lies around the edges of a scope
// and wants exactly what an oracle that knows the planted truth says.
func TestPlanted(t *testing.T) {
	dir := t.TempDir()
	box := opened(t)(mail.Mbox("box", filepath.Join(dir, "{account}.mbox")))
	tree := opened(t)(mail.Maildir("tree", filepath.Join(dir, "{account}")))
	ask := func(s collect.Source) (qs []question) {
		for _, scope := range planted.Scopes() {
			clock := vitrine.ClockReceived
			if scope.Sent {
				clock = vitrine.ClockSent
			}
			signed := scopeOf(t, scope.From, scope.To, clock, scope.Correspondents...)
			signed.Zone = scope.Zone
			qs = append(qs, question{mandateOn(t, signed, s), scope})
		}
		return qs
	}
	ofBox, ofTree := ask(box), ask(tree)
	verdicts := map[string]int{}
	checks(t, mailboxes(), "100000", func(t *rapid.T) {
		qs, source := ofBox, box
		inTree := rapid.IntRange(0, 7).Draw(t, "kind") == 0
		if inTree {
			qs, source = ofTree, tree
		}
		q := rapid.SampledFrom(qs).Draw(t, "question")
		var messages []planted.Message
		for range rapid.IntRange(0, 4).Draw(t, "messages") {
			messages = append(messages, planted.Draw(t, []time.Time{q.scope.From, q.scope.To}))
		}
		if inTree {
			checkTree(t, q, source, planted.Maildir(t, filepath.Join(dir, "alice"), messages), verdicts)
			return
		}
		variant := rapid.SampledFrom([]planted.Quoting{planted.Rd, planted.O, planted.Cl2}).Draw(t, "variant")
		file, stored := planted.Mbox(t, variant, messages)
		if err := os.WriteFile(filepath.Join(dir, "alice.mbox"), file, 0o600); err != nil {
			t.Fatal(err)
		}
		checkBox(t, q, source, variant, stored, verdicts)
	})
	t.Logf("verdicts: %v", verdicts)
	for _, v := range []string{"in", "out", "undeterminable"} {
		if all := verdicts["in"] + verdicts["out"] + verdicts["undeterminable"]; verdicts[v] < all/10 {
			t.Errorf("only %d of the planted messages are %s: the test tests too little", verdicts[v], v)
		}
	}
}

// run collects and compares the counts with what the oracle says of all.
func run(t *rapid.T, q question, s collect.Source, stored []planted.Stored, verdicts map[string]int) *held {
	h := &held{}
	c, err := collect.Job{Mandate: q.Mandate, Sources: configured(s), Hold: h, Now: func() time.Time { return signed.Now }}.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]int64{}
	for _, m := range stored {
		v := q.scope.Judge(m.Item()).Decision
		want[v]++
		verdicts[v]++
	}
	if c.In != want["in"] || c.Out != want["out"] || c.Undeterminable != want["undeterminable"] || c.Unreadable != 0 || c.Seen != int64(len(stored)) {
		t.Fatalf("%+v, the oracle says %v of %d, under %+v", c.Counts, want, len(stored), q.scope)
	}
	return h
}

func checkBox(t *rapid.T, q question, s collect.Source, variant planted.Quoting, stored []planted.Stored, verdicts map[string]int) {
	h, n := run(t, q, s, stored, verdicts), 0
	for _, m := range stored {
		v := q.scope.Judge(m.Item())
		if v.Decision == "out" {
			continue
		}
		it := h.items[n]
		if string(it.Decision) != v.Decision || it.Reason != v.Reason || !bytes.Equal(h.bytes[n], m.Bytes) {
			t.Fatalf("item %d is %s (%s), the oracle says %s; bytes\n%q, stored\n%q", n+1, it.Decision, it.Reason, v, h.bytes[n], m.Bytes)
		}
		if variant == planted.Cl2 && it.Form != "mboxcl2" || variant == planted.Rd && it.Form != "mboxrd" && it.Form != "mbox" {
			t.Fatalf("form %s of an item of a %s", it.Form, variant)
		}
		if quoted := !bytes.Equal(m.Bytes, m.Raw); variant == planted.Rd {
			if (it.Unquoted != nil) != quoted || quoted && (it.Unquoted.SHA256 != vitrine.DigestOf(m.Raw) || it.Unquoted.Size != int64(len(m.Raw))) {
				t.Fatalf("unquoted %+v of\n%q", it.Unquoted, m.Bytes)
			}
		}
		n++
	}
}

func checkTree(t *rapid.T, q question, s collect.Source, stored map[string]planted.Stored, verdicts map[string]int) {
	var all []planted.Stored
	for _, m := range stored {
		all = append(all, m)
	}
	h := run(t, q, s, all, verdicts)
	for i, it := range h.items {
		m, ok := stored[it.Name]
		if v := q.scope.Judge(m.Item()); !ok || string(it.Decision) != v.Decision || it.Reason != v.Reason || !bytes.Equal(h.bytes[i], m.Bytes) {
			t.Fatalf("%q is %s (%s), the oracle says %s", it.Name, it.Decision, it.Reason, v)
		}
	}
}
