package chat_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/internal/collect"
	"github.com/vitrine-project/vitrine/internal/collect/chat"
	"github.com/vitrine-project/vitrine/internal/vitrinetest/signed"
	sk "github.com/vitrine-project/vitrine/internal/vitrinetest/skypeexport"
	"github.com/vitrine-project/vitrine/production"
)

// The period that the tests ask for.
var (
	from = time.Date(2019, 2, 1, 0, 0, 0, 0, time.UTC)
	to   = time.Date(2019, 3, 1, 0, 0, 0, 0, time.UTC)
)

const (
	alice = "8:live:alice"
	bob   = "8:live:bob"
	carol = "8:live:carol"
	group = "19:0a1b@thread.skype"
)

// held is a hold in memory.
type held struct {
	items []production.Item
	bytes []string
}

func (h *held) Add(it production.Item, r io.Reader) (production.Item, error) {
	b, err := io.ReadAll(r)
	if err != nil {
		return it, err
	}
	it.Number, it.Size, it.SHA256 = int64(len(h.items)+1), int64(len(b)), vitrine.DigestOf(b)
	h.items, h.bytes = append(h.items, it), append(h.bytes, string(b))
	return it, nil
}

func job(t testing.TB, h collect.Hold, s collect.Source, account vitrine.Account) collect.Job {
	t.Helper()
	p, err := vitrine.NewPeriod(from, to)
	if err != nil {
		t.Fatal(err)
	}
	scope, err := vitrine.Scope{Accounts: []vitrine.Account{account}, Categories: []vitrine.Category{vitrine.Content}, Period: p, Clock: vitrine.ClockReceived}.Normal()
	if err != nil {
		t.Fatal(err)
	}
	return collect.Job{
		Mandate: signed.Mandate(t, scope, s.Declaration()), Hold: h, Now: func() time.Time { return signed.Now }, Dir: t.TempDir(),
		Sources: []collect.Configured{{Source: s, MayWrite: "a test"}}, Patience: []time.Duration{time.Millisecond, time.Millisecond, 10 * time.Millisecond},
	}
}

func collected(t testing.TB, s collect.Source, account vitrine.Account) (vitrine.Collection, *held) {
	t.Helper()
	h := &held{}
	c, err := job(t, h, s, account).Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if !c.Closed() || c.In+c.Undeterminable != int64(len(h.items)) {
		t.Fatalf("the sums do not close: %+v, %d held", c.Counts, len(h.items))
	}
	return c, h
}

// tarred is a source over one export, as the archive.
func tarred(t testing.TB, e sk.Export, account string) (collect.Source, string) {
	t.Helper()
	dir := t.TempDir()
	path := filepath.Join(dir, "8_"+account+".tar")
	f, err := os.Create(path)
	if err == nil {
		err = errors.Join(e.Tar(f), f.Close())
	}
	if err != nil {
		t.Fatal(err)
	}
	return source(t, filepath.Join(dir, "8_{account}.tar")), path
}

func source(t testing.TB, path string) collect.Source {
	t.Helper()
	s, err := chat.Skype("chat", path)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// everything lists all items of an account, container by container.
func everything(t testing.TB, s collect.Source, a vitrine.Account) (all []collect.Item, in []collect.Container) {
	t.Helper()
	cs, err := s.Inventory(t.Context(), a)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range cs {
		if err := s.Enumerate(t.Context(), c, "", func(it collect.Item) error {
			all, in = append(all, it), append(in, c)
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	}
	return all, in
}

func read(ctx context.Context, s collect.Source, c collect.Container, it collect.Item, offset int64) (string, error) {
	r, err := s.Open(ctx, c, it, offset)
	if err != nil {
		return "", err
	}
	b, err := io.ReadAll(r)
	return string(b), errors.Join(err, r.Close())
}

func says(t testing.TB, err error, kind vitrine.Kind, text string) {
	t.Helper()
	var r *vitrine.Refusal
	if !errors.As(err, &r) || r.Kind != kind || !strings.Contains(r.Text, text) {
		t.Errorf("error %v, want a refusal of kind %v that says %q", err, kind, text)
	}
}

func text(at time.Time, who, what string) sk.Message {
	return sk.Message{At: at, From: who, Type: "RichText", Content: what}
}

// edges is a private conversation with a message at every edge, and what must
// become of each, written by hand.
func edges() (sk.Conversation, []string) {
	in := from.Add(time.Hour)
	c := sk.Conversation{ID: bob}
	var want []string
	plant := func(w string, m sk.Message) { c.Messages, want = append(c.Messages, m), append(want, w) }
	plant("out", text(from.Add(-time.Second), bob, "a second too early"))
	plant("out", text(from.Add(-time.Millisecond), bob, "a millisecond too early"))
	plant("in received", text(from, alice, "the first instant"))
	plant("in received", text(in, bob, "caf\u00e9 \u2028 <b>x</b> \"&\""))
	plant("in received", text(in, bob, "the same id again"))
	plant("in received", text(in, bob, "the same id again"))
	quote := text(in.Add(time.Second), bob, `<quote author="carol" authorname="Carol" timestamp="1500000000" conversation="8:live:bob" messageid="1500000000000" cuid="1"><legacyquote>[1] Carol: </legacyquote>an old word<legacyquote>&lt;&lt;&lt; </legacyquote></quote>yes`)
	plant("in received", quote)
	edited := text(in.Add(2*time.Second), alice, `Edited previous message: new<e_m ts="1549000000" ts_ms="1549000000123" a="8:live:alice" t="61"/>`)
	edited.Version = "1549000000123"
	plant("in received", edited)
	late := text(in.Add(3*time.Second), alice, "changed after the period")
	late.Version = sk.Millis(to.Add(time.Hour))
	plant("undeterminable received-straddles", late)
	early := text(from.Add(-time.Hour), alice, "changed in the period")
	early.Version = sk.Millis(in)
	plant("undeterminable received-straddles", early)
	gone := text(in.Add(4*time.Second), bob, "")
	gone.Properties = `{"deletetime": "` + sk.Millis(in.Add(time.Hour)) + `", "urlpreviews": "[]"}`
	plant("in received", gone)
	secret := text(in.Add(5*time.Second), bob, "AQEBAQ==")
	secret.Type = "EndToEndEncryption/EncryptedText"
	plant("in e2ee-no-provider-key", secret)
	call := text(in.Add(6*time.Second), bob, `<partlist type="ended"><part identity="live:bob"><name>Bob</name><duration>12</duration></part></partlist>`)
	call.Type = "Event/Call"
	plant("in received", call)
	poll := text(in.Add(7*time.Second), bob, `{"question":"where?"}`)
	poll.Type = "Poll"
	plant("in received", poll)
	unknown := text(in.Add(8*time.Second), bob, "what is this")
	unknown.Type = "Hologram/Unheard"
	plant("in received", unknown)
	plant("undeterminable received-unknown", sk.Message{Raw: `{"id":"1549000001000","messagetype":"Text","content":"no time","from":"8:live:bob"}`})
	plant("undeterminable received-unknown", sk.Message{Raw: `{"id":"1","originalarrivaltime":"2019-02-03T00:00:00","messagetype":"Text"}`})
	plant("undeterminable received-unknown", sk.Message{Raw: `{"id":"1","originalarrivaltime":"2019-02-03T00:00:00Z","originalarrivaltime":"2017-02-03T00:00:00Z"}`})
	plant("undeterminable received-unknown", sk.Message{Raw: `17`})
	plant("undeterminable received-unknown", sk.Message{Raw: `null`})
	plant("in received", sk.Message{Raw: `{"originalarrivaltime":"2019-02-02T23:30:00-01:30","id":1549150000000}`})
	plant("in received", text(to.Add(-time.Second), bob, "the last second"))
	plant("in received", text(to.Add(-time.Millisecond), bob, "the last millisecond"))
	plant("out", text(to, bob, "the first instant behind"))
	return c, want
}

// TestSkype: exactly what was planted inside comes out, byte by byte.
func TestSkype(t *testing.T) {
	c, want := edges()
	e := sk.Export{User: alice, Conversations: []sk.Conversation{{ID: "48:calllogs"}, c, {ID: bob, Messages: c.Messages[2:3]}}}
	json, planted := e.JSON()
	expect := map[string][]string{}
	for _, p := range planted {
		w := "in received" // of the second conversation
		if p.Conversation == 1 {
			w = want[p.Message]
		}
		if w != "out" {
			expect[w] = append(expect[w], p.Raw)
		}
		if json[p.Start:p.End] != p.Raw {
			t.Fatal("the generator lies about where it planted")
		}
	}
	dir := t.TempDir()
	if err := e.Dir(filepath.Join(dir, "8_live_alice")); err != nil {
		t.Fatal(err)
	}
	archive, _ := tarred(t, e, "live_alice")
	for name, s := range map[string]collect.Source{"tar": archive, "directory": source(t, filepath.Join(dir, "8_{account}"))} {
		col, h := collected(t, s, "live_alice")
		got := map[string][]string{}
		for i, it := range h.items {
			key := string(it.Decision) + " " + it.Reason
			got[key] = append(got[key], h.bytes[i])
		}
		for _, all := range []map[string][]string{got, expect} {
			for _, list := range all {
				slices.Sort(list)
			}
		}
		for key := range got {
			if !slices.Equal(got[key], expect[key]) {
				t.Errorf("%s: %s: %d items, want %d\n%q", name, key, len(got[key]), len(expect[key]), got[key])
			}
		}
		if len(got) != len(expect) || col.Out != 3 || col.Unreadable != 0 || col.Seen != int64(len(planted)) {
			t.Errorf("%s: %+v", name, col.Counts)
		}
		var names []string
		for _, c := range col.Containers {
			names = append(names, c.Name)
		}
		if !slices.Equal(names, []string{"48:calllogs", bob, bob + " #2", "other files"}) {
			t.Errorf("%s: containers %q", name, names)
		}
	}
}

// TestSkypeFacts: what the package says of a message beside its bytes.
func TestSkypeFacts(t *testing.T) {
	c, _ := edges()
	s, _ := tarred(t, sk.Export{User: alice, Conversations: []sk.Conversation{c}}, "live_alice")
	_, h := collected(t, s, "live_alice")
	found := map[string]production.Item{}
	for i, it := range h.items {
		for _, word := range []string{"<quote", "<e_m", "deletetime", "Hologram"} {
			if strings.Contains(h.bytes[i], strings.Replace(word, "<", `\u003c`, 1)) {
				found[word] = it
			}
		}
	}
	for word, want := range map[string][2]string{"<quote": {"quotes", "1500000000000"}, "<e_m": {"edited", "2019-02-01T05:46:40.123Z"}, "deletetime": {"deleted", "2019-02-01T02:00:00Z"}, "Hologram": {"type", "Hologram/Unheard"}} {
		if got := found[word].Extra[want[0]]; got != want[1] {
			t.Errorf("%s: %s is %q, want %q", word, want[0], got, want[1])
		}
	}
	if got := found["<e_m"].Flags; !slices.Contains(got, "edited") || !slices.Contains(got, "changed") {
		t.Errorf("edited: flags %q", got)
	}
}

// TestSkypeFiles: each file comes with each message that refers to it, a file
// that is missing is told, and one that nobody refers to is for people.
func TestSkypeFiles(t *testing.T) {
	in := from.Add(time.Hour)
	photo := sk.Message{At: in, From: bob, Type: "RichText/UriObject", Refs: []string{"0-weu-d1-aa", "0-weu-d1-gone"}, Content: `<URIObject uri="https://api.asm.skype.com/v1/objects/0-weu-d2-bb" type="Picture.1">x</URIObject>`}
	again := sk.Message{At: to, From: bob, Type: "RichText/UriObject", Refs: []string{"0-weu-d1-aa"}}
	files := map[string]string{"media/0-weu-d1-aa.1.jpg": "jpeg", "media/0-weu-d1-aa.json": "{}", "media/0-weu-d2-bb.2.png": "png", "media/0-weu-d9-zz.1.jpg": "nobody's", "endpoints.json": "[]"}
	order := []string{"endpoints.json", "media/0-weu-d1-aa.1.jpg", "media/0-weu-d1-aa.json", "media/0-weu-d2-bb.2.png", "media/0-weu-d9-zz.1.jpg"}
	e := sk.Export{User: alice, Conversations: []sk.Conversation{{ID: bob, Messages: []sk.Message{photo, again}}}, Files: files, Order: order}
	want := []string{
		"8:live:bob in received media/0-weu-d1-aa.1.jpg jpeg", "8:live:bob in received media/0-weu-d1-aa.json {}", "8:live:bob in received media/0-weu-d2-bb.2.png png",
		"other files undeterminable received-unknown media/0-weu-d9-zz.1.jpg nobody's",
	}
	dir := t.TempDir()
	if err := e.Dir(filepath.Join(dir, "8_live_alice")); err != nil {
		t.Fatal(err)
	}
	archive, _ := tarred(t, e, "live_alice")
	for name, s := range map[string]collect.Source{"tar": archive, "directory": source(t, filepath.Join(dir, "8_{account}"))} {
		col, h := collected(t, s, "live_alice")
		var got []string
		for i, it := range h.items {
			if it.Form == "stored" {
				got = append(got, fmt.Sprintf("%s %s %s %s %s", it.Container, it.Decision, it.Reason, it.Name, h.bytes[i]))
			}
		}
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("%s: %q", name, got)
		}
		// In: the message, three files. Out: the later one, its two, the endpoints (traffic).
		if c := col.Counts; c.In != 4 || c.Out != 4 || c.Undeterminable != 1 || c.Unreadable != 1 || c.Seen != 10 {
			t.Errorf("%s: %+v", name, c)
		}
	}
}

// TestSkypeRefuses: what is no export of the account stops the run.
func TestSkypeRefuses(t *testing.T) {
	c, _ := edges()
	e := sk.Export{User: alice, Conversations: []sk.Conversation{c}}
	run := func(s collect.Source, a vitrine.Account) error {
		_, err := job(t, &held{}, s, a).Run(t.Context())
		return err
	}
	s, _ := tarred(t, e, "live_alicia")
	says(t, run(s, "live_alicia"), vitrine.Failed, "another user")
	s, _ = tarred(t, sk.Export{Conversations: []sk.Conversation{c}}, "live_alice")
	says(t, run(s, "live_alice"), vitrine.Failed, "another user")

	s, _ = tarred(t, e, "live_alice")
	j := job(t, &held{}, s, "live_alice")
	j.Sources[0].MayWrite = ""
	_, err := j.Run(t.Context())
	says(t, err, vitrine.Refused, "read-only mount")

	if cs, err := s.Inventory(t.Context(), "LIVE_ALICE"); len(cs) != 0 || err != nil {
		t.Errorf("another account: %v, %v", cs, err)
	}
	s, path := tarred(t, e, "live_alice")
	if err := os.Rename(path, path+".away"); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(path+".away", path); err != nil {
		t.Fatal(err)
	}
	says(t, run(s, "live_alice"), vitrine.Failed, "cannot be read")

	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "8_x.tar"), make([]byte, 10240), 0o600); err != nil {
		t.Fatal(err)
	}
	says(t, run(source(t, filepath.Join(dir, "8_{account}.tar")), "x"), vitrine.Failed, "holds no messages.json")
	for _, path := range []string{"/x/8.tar", "/{account}/8.tar", "/x/{account}{account}"} {
		if _, err := chat.Skype("chat", path); err == nil {
			t.Errorf("%s is accepted", path)
		}
	}
}

// TestSkypeResumes: from behind every item the rest follows, and an item opens
// at every offset.
func TestSkypeResumes(t *testing.T) {
	c, _ := edges()
	c.Messages[3].Refs = []string{"a", "b"}
	e := sk.Export{User: alice, Conversations: []sk.Conversation{c}, Files: map[string]string{"media/a.1": "one", "media/a.2": "two", "media/c": "nobody's"}, Order: []string{"media/a.1", "media/a.2", "media/c"}}
	s, path := tarred(t, e, "live_alice")
	all, in := everything(t, s, "live_alice")
	seen := map[string]bool{}
	for i, it := range all {
		if seen[in[i].Name+it.Identity] || len(it.Position) > 1000 || it.Position == "" {
			t.Errorf("item %d: %+v", i, it)
		}
		seen[in[i].Name+it.Identity] = true
		other := source(t, filepath.Join(filepath.Dir(path), "8_{account}.tar")) // as another process does
		n := i
		err := other.Enumerate(t.Context(), in[i], it.Position, func(next collect.Item) error {
			if n++; in[n].Name != in[i].Name || next.Identity != all[n].Identity || next.Position != all[n].Position {
				t.Fatalf("behind %d comes %+v, want %+v", i, next, all[n])
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if n+1 < len(all) && in[n+1].Name == in[i].Name {
			t.Errorf("behind %d the rest is missing from %d on", i, n+1)
		}
		if it.Unreadable != "" {
			continue
		}
		whole, err := read(t.Context(), s, in[i], it, 0)
		if err != nil || int64(len(whole)) != it.Size {
			t.Fatalf("item %d: %d bytes of %d, %v", i, len(whole), it.Size, err)
		}
		for _, offset := range []int64{1, it.Size / 2, it.Size} {
			if part, err := read(t.Context(), s, in[i], it, min(offset, it.Size)); err != nil || part != whole[min(offset, it.Size):] {
				t.Errorf("item %d from %d: %q, %v", i, offset, part, err)
			}
		}
	}
	for _, position := range []string{"x", "0.0.0.0123456789abcdef", "9.1.0.0123456789abcdef", all[0].Position + "0"} {
		if err := s.Enumerate(t.Context(), in[0], position, func(collect.Item) error { return nil }); err == nil {
			t.Errorf("position %q is accepted", position)
		}
	}
	if err := os.Chtimes(path, from, from); err != nil {
		t.Fatal(err)
	}
	_, err := read(t.Context(), s, in[0], all[0], 0)
	says(t, err, vitrine.Failed, "changed while it was read")
	if state, err := s.Close(t.Context(), in[0]); err != nil || state == in[0].State {
		t.Errorf("the state stays %q, %v", state, err)
	}
}
