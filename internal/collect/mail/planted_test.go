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

// question is one signed mandate.
type question struct {
	mandate.Mandate
	scope vitrine.Scope
}

// TestPlanted asks random mailboxes for what lies around the edges of a scope
// and wants exactly what an oracle that knows the planted truth says.
func TestPlanted(t *testing.T) {
	dir := t.TempDir()
	box := opened(t)(mail.Mbox("box", filepath.Join(dir, "{account}.mbox")))
	tree := opened(t)(mail.Maildir("tree", filepath.Join(dir, "{account}")))
	ask := func(s collect.Source) (qs []question) {
		utc := func(y int, m time.Month, d, h int) time.Time { return time.Date(y, m, d, h, 0, 0, 0, time.UTC) }
		for _, clock := range []vitrine.Clock{vitrine.ClockReceived, vitrine.ClockSent} {
			for _, p := range [][2]time.Time{
				{utc(2002, 8, 15, 0), utc(2002, 9, 15, 0)}, {utc(2002, 8, 15, 0), utc(2002, 8, 16, 0)},
				{utc(2002, 3, 31, 1), utc(2002, 10, 27, 1)}, // the ends of winter time and of summer time in Europe
				{utc(2003, 12, 31, 23), utc(2004, 3, 1, 0)},
			} {
				for _, who := range [][]string{nil, {planted.Wanted}} {
					scope := scopeOf(t, p[0], p[1], clock, who...)
					qs = append(qs, question{mandateOn(t, scope, s), scope})
				}
			}
		}
		return qs
	}
	ofBox, ofTree := ask(box), ask(tree)
	verdicts := map[string]int{}
	checks(t, "10000", "200000", func(t *rapid.T) {
		qs, source := ofBox, box
		inTree := rapid.IntRange(0, 7).Draw(t, "kind") == 0
		if inTree {
			qs, source = ofTree, tree
		}
		q := rapid.SampledFrom(qs).Draw(t, "question")
		var messages []planted.Message
		for range rapid.IntRange(0, 4).Draw(t, "messages") {
			messages = append(messages, planted.Draw(t, []time.Time{q.scope.Period.From(), q.scope.Period.To()}))
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
		v := oracle(q.scope, m)
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
		v := oracle(q.scope, m)
		if v == "out" {
			continue
		}
		it := h.items[n]
		if string(it.Decision) != v || !bytes.Equal(h.bytes[n], m.Bytes) {
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
		if v := oracle(q.scope, m); !ok || string(it.Decision) != v || !bytes.Equal(h.bytes[i], m.Bytes) {
			t.Fatalf("%q is %s (%s), the oracle says %s", it.Name, it.Decision, it.Reason, v)
		}
	}
}

// oracle says what must become of a message, from what was planted. It asks of
// every second that a time can be whether all, none or some lie in the period.
func oracle(s vitrine.Scope, m planted.Stored) string {
	if m.Doubtful {
		return "undeterminable"
	}
	verdict := covers(s.Period, m.Arrived)
	if s.Clock == vitrine.ClockSent {
		verdict = sentOracle(s.Period, m, verdict)
	}
	if verdict == "out" || len(s.Correspondents) == 0 {
		return verdict
	}
	hidden := false
	for _, field := range []string{"From", "Sender", "To", "Cc", "Bcc", "Resent-From", "Resent-Sender", "Resent-To", "Resent-Cc", "Resent-Bcc"} {
		for _, a := range m.Fields[field] {
			if a == planted.Wanted {
				return verdict
			}
		}
		hidden = hidden || m.Hidden[field]
	}
	if hidden {
		return "undeterminable"
	}
	return "out"
}

func sentOracle(p vitrine.Period, m planted.Stored, arrived string) string {
	said := map[string]bool{}
	for _, d := range m.Sent {
		said[covers(p, d)] = true
	}
	if len(m.Sent) == 0 || said["undeterminable"] {
		said[arrived] = true
		if arrived != "undeterminable" {
			delete(said, "undeterminable") // the record stands in for a Date that does not tell
		}
	}
	if len(said) != 1 {
		return "undeterminable"
	}
	for v := range said {
		return v
	}
	return ""
}

// covers counts seconds instead of comparing ends.
func covers(p vitrine.Period, s planted.Span) string {
	if s.From.IsZero() {
		return "undeterminable"
	}
	in, all := 0, 0
	for at := s.From; !at.After(s.To); at = at.Add(time.Second) {
		all++
		if at.Unix() >= p.From().Unix() && at.Unix() <= p.To().Unix()-1 {
			in++
		}
		if s.To.Sub(s.From) > time.Hour && s.To.Sub(at) > time.Second { // only the ends of long ones, and whether an edge lies between
			if next := nextEdge(p, at, s.To); next.After(at.Add(time.Second)) {
				at = next.Add(-time.Second)
			}
		}
	}
	switch in {
	case 0:
		return "out"
	case all:
		return "in"
	}
	return "undeterminable"
}

// nextEdge is the next second after at that is the last before an edge, an
// edge, or the end.
func nextEdge(p vitrine.Period, at, end time.Time) time.Time {
	next := end
	for _, e := range []time.Time{p.From().Add(-time.Second), p.From(), p.To().Add(-time.Second), p.To()} {
		if e.After(at) && e.Before(next) {
			next = e
		}
	}
	return next
}
