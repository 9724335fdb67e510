package mail_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/internal/collect"
	"github.com/vitrine-project/vitrine/internal/collect/mail"
	"github.com/vitrine-project/vitrine/internal/graph"
	"github.com/vitrine-project/vitrine/internal/vitrinetest/graphserver"
	"github.com/vitrine-project/vitrine/production"
)

const graphUser = "alice@example.org"

var graphNoon = time.Date(2026, 3, 10, 12, 0, 0, 0, time.UTC)

// graphSource is the server's source, as its config has it.
func graphSource(t testing.TB, s *graphserver.Server) collect.Source {
	t.Helper()
	c := mail.Graph{Organisation: graph.Organisation{URL: s.URL, Login: s.Login, Tenant: graphserver.Tenant, Client: graphserver.Client, Secret: s.SecretFile, Authorities: s.Authorities}}
	src, err := c.Open("g", func(p string) string { return p })
	if err != nil {
		t.Fatal(err)
	}
	return src
}

func graphText(n int) string {
	return fmt.Sprintf("From: bob@example.org\r\nTo: alice@example.org\r\nDate: Tue, 10 Mar 2026 12:%02d:00 +0000\r\nSubject: %d\r\n\r\nText %d\r\n", n%60, n, n)
}

// fill plants n messages a folder, and returns the texts by container.
func graphFill(s *graphserver.Server, n int, paths ...string) map[string][]string {
	u := s.User(graphUser)
	want := map[string][]string{}
	for i, p := range paths {
		f := u.Folder(strings.Split(p, "/")...)
		for j := range n {
			text := graphText(100*i + j)
			u.Add(f, graphserver.Message{Raw: []byte(text), Received: graphNoon.Add(time.Duration(j) * time.Minute)})
			want[p] = append(want[p], text)
		}
		slices.Sort(want[p])
	}
	return want
}

// persistently does f again as long as the store breaks off, as a run does.
func persistently(t testing.TB, f func() error) error {
	var broken *collect.Interrupted
	err := f()
	for n := 0; errors.As(err, &broken) && n < 12; n++ {
		err = f()
	}
	return err
}

// graphRead reads everything of an account, as a run does.
func graphRead(t testing.TB, src collect.Source, a vitrine.Account) (map[string][]string, []collect.Item, error) {
	t.Helper()
	got := map[string][]string{}
	var items []collect.Item
	var cs []collect.Container
	err := persistently(t, func() (err error) { cs, err = src.Inventory(t.Context(), a); return err })
	if err != nil {
		return nil, nil, err
	}
	for _, c := range cs {
		after := ""
		err := persistently(t, func() error {
			return src.Enumerate(t.Context(), c, after, func(it collect.Item) error {
				if it.Unreadable == "" {
					b, err := graphBytes(t.Context(), src, c, it)
					if err != nil {
						return err
					}
					got[c.Name] = append(got[c.Name], string(b))
				}
				items = append(items, it)
				after = it.Position
				return nil
			})
		})
		if err != nil {
			return nil, nil, err
		}
		if c.Count != int64(len(got[c.Name])) {
			t.Errorf("container %q counts %d and has %d", c.Name, c.Count, len(got[c.Name]))
		}
		slices.Sort(got[c.Name])
		var state string
		if err := persistently(t, func() (err error) { state, err = src.Close(t.Context(), c); return err }); err != nil || state != c.State {
			t.Errorf("state %q, %v, want %q", state, err, c.State)
		}
	}
	for name, list := range got {
		if len(list) == 0 {
			delete(got, name)
		}
	}
	return got, items, nil
}

func graphBytes(ctx context.Context, src collect.Source, c collect.Container, it collect.Item) ([]byte, error) {
	r, err := src.Open(ctx, c, it, 0)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return io.ReadAll(r)
}

func graphSame(t testing.TB, got, want map[string][]string) {
	t.Helper()
	for name := range want {
		if !slices.Equal(got[name], want[name]) {
			t.Errorf("%s: %d messages, want %d", name, len(got[name]), len(want[name]))
		}
	}
	for name := range got {
		if want[name] == nil {
			t.Errorf("%s: %q, which was not planted", name, got[name])
		}
	}
}

// TestGraphMailFaults: whatever Graph does wrong while it lists, everything is
// read, or the run is told that it cannot be.
func TestGraphMailFaults(t *testing.T) {
	for name, f := range map[string]struct {
		fault func(*graphserver.Faults)
		says  string // "" if all is read
	}{
		"good":                          {func(f *graphserver.Faults) { f.PageSize = 4 }, ""},
		"loses items between pages":     {func(f *graphserver.Faults) { f.PageSize, f.Lose = 4, 1 }, ""},
		"no nextLink":                   {func(f *graphserver.Faults) { f.PageSize, f.NoNext = 4, true }, ""},
		"names items twice":             {func(f *graphserver.Faults) { f.PageSize, f.Twice = 4, true }, ""},
		"loses items in all listings":   {func(f *graphserver.Faults) { f.PageSize, f.Lose, f.Delta = 4, 1, true }, "do not agree"},
		"loses items and has no delta":  {func(f *graphserver.Faults) { f.PageSize, f.Lose, f.NoDelta = 4, 1, true }, "do not agree"},
		"names one that is gone":        {func(f *graphserver.Faults) { f.Stale = true }, "do not agree"},
		"no delta":                      {func(f *graphserver.Faults) { f.PageSize, f.NoDelta = 4, true }, ""},
		"no nextLink in all listings":   {func(f *graphserver.Faults) { f.PageSize, f.NoNext, f.Delta = 4, true, true }, "broke off"},
		"a circle":                      {func(f *graphserver.Faults) { f.PageSize, f.Circle = 4, true }, "circle"},
		"counts too many":               {func(f *graphserver.Faults) { f.Miscount = 1 }, "it counts"},
		"counts too few":                {func(f *graphserver.Faults) { f.Miscount = -1 }, "count"},
		"links elsewhere":               {func(f *graphserver.Faults) { f.PageSize, f.Elsewhere = 4, "https://127.0.0.1:1/v1.0/x" }, "leads elsewhere"},
		"links out of the base":         {func(f *graphserver.Faults) { f.PageSize, f.Elsewhere = 4, "BASE/../beta/users" }, "leads elsewhere"},
		"busy":                          {func(f *graphserver.Faults) { f.Busy, f.RetryAfter = 5, "0" }, ""},
		"busy for long":                 {func(f *graphserver.Faults) { f.Busy, f.RetryAfter = 1, "100000" }, ""},
		"busy for ever":                 {func(f *graphserver.Faults) { f.Busy, f.RetryAfter = 1<<30, "0" }, "busy (429)"},
		"down":                          {func(f *graphserver.Faults) { f.Down = 5 }, ""},
		"tokens that expire":            {func(f *graphserver.Faults) { f.TokenUses = 7 }, ""},
		"a page of 40 MiB":              {func(f *graphserver.Faults) { f.Huge = true }, "more than 32 MiB"},
		"promises more bytes than come": {func(f *graphserver.Faults) { f.Longer = 5 }, "broke"},
		"asks to start again":           {func(f *graphserver.Faults) { f.PageSize, f.Gone = 4, 1 }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := graphserver.New(t, "Mail.Read")
			want := graphFill(s, 10, "Inbox", "Inbox/Work", "Sent Items")
			s.Set(func(g *graphserver.Faults) {
				f.fault(g)
				g.Elsewhere = strings.Replace(g.Elsewhere, "BASE", s.URL, 1)
			})
			got, _, err := graphRead(t, graphSource(t, s), graphUser)
			switch {
			case f.says != "" && (err == nil || !strings.Contains(err.Error(), f.says)):
				t.Errorf("error %v, want one that says %q", err, f.says)
			case f.says == "" && err != nil:
				t.Error(err)
			case f.says == "":
				graphSame(t, got, want)
			}
			for _, a := range s.Asked() {
				if !strings.HasPrefix(a, "GET ") && !strings.HasSuffix(a, "/oauth2/v2.0/token") {
					t.Errorf("asked %s", a)
				}
			}
		})
	}
}

// TestGraphMailFolders: hidden folders and recoverable items are read, and a
// search's folder, whose messages lie elsewhere, is not.
func TestGraphMailFolders(t *testing.T) {
	s := graphserver.New(t, "Mail.Read")
	want := graphFill(s, 3, "Inbox", "Inbox/a/b", "Conversation History")
	u := s.User(graphUser)
	inbox := u.Folder("Inbox").ID
	s.Do(func(map[string]*graphserver.User) {
		u.Folder("Conversation History").Hidden = true
		search := u.Folder("Unread")
		search.Search, search.Messages = true, u.Folder("Inbox").Messages
		u.Add(u.Root, graphserver.Message{Raw: []byte(graphText(900))})
		u.Add(u.Recoverable("recoverableitemsdeletions", "Deletions"), graphserver.Message{Raw: []byte(graphText(901))})
		u.Add(u.Recoverable("recoverableitemspurges", "Purges"), graphserver.Message{Raw: []byte(graphText(902))})
		twin := &graphserver.Folder{ID: "twin=", Name: "Inbox"}
		u.Root.Folders = append(u.Root.Folders, twin)
		u.Add(twin, graphserver.Message{Raw: []byte(graphText(903))})
	})
	want["/"], want["recoverableitemsdeletions"], want["recoverableitemspurges"], want["Inbox (twin=)"] = []string{graphText(900)}, []string{graphText(901)}, []string{graphText(902)}, []string{graphText(903)}
	want["Inbox ("+inbox+")"] = want["Inbox"]
	delete(want, "Inbox")
	got, _, err := graphRead(t, graphSource(t, s), graphUser)
	if err != nil {
		t.Fatal(err)
	}
	graphSame(t, got, want)
	if _, _, err := graphRead(t, graphSource(t, s), "nobody@example.org"); err != nil {
		t.Errorf("an account that is not there: %v", err)
	}
	s.Do(func(map[string]*graphserver.User) { u.NoMail = true })
	if _, _, err := graphRead(t, graphSource(t, s), graphUser); err == nil || !strings.Contains(err.Error(), "may well exist") {
		t.Errorf("a mailbox that is elsewhere: %v", err)
	}
}

// TestGraphMailEvidence: a draft goes by when it was begun, another by when it
// was received, and what Exchange cannot hand out is said.
func TestGraphMailEvidence(t *testing.T) {
	s := graphserver.New(t, "Mail.Read")
	u := s.User(graphUser)
	f := u.Folder("Inbox")
	large := []byte(graphText(4) + strings.Repeat("0123456789abcdef\r\n", 1<<19)) // more than is kept
	s.Do(func(map[string]*graphserver.User) {
		u.Add(f, graphserver.Message{ID: "1", Raw: []byte(graphText(1)), Received: graphNoon, Created: graphNoon.Add(time.Hour), Read: true})
		u.Add(f, graphserver.Message{ID: "2", Raw: []byte(graphText(2)), Received: graphNoon, Created: graphNoon.Add(time.Hour), Draft: true})
		u.Add(f, graphserver.Message{ID: "3", Raw: []byte(graphText(3)), Received: graphNoon, Broken: "ErrorMimeContentConversionFailed"})
		u.Add(f, graphserver.Message{ID: "4", Raw: large})
	})
	src := graphSource(t, s)
	cs, err := src.Inventory(t.Context(), graphUser)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	err = src.Enumerate(t.Context(), cs[1], "", func(it collect.Item) error {
		got = append(got, fmt.Sprintf("%s %s %s %v %q %d", it.Name, it.Received.Rule, it.Received.From.Format("15:04"), it.Flags, it.Unreadable, it.Size))
		if it.Name != "4" {
			return nil
		}
		for _, at := range []int64{0, 5, it.Size} {
			r, err := src.Open(t.Context(), cs[1], it, at)
			if err != nil {
				return err
			}
			if b, err := io.ReadAll(r); string(b) != string(large[at:]) || err != nil {
				t.Errorf("from %d on: %d bytes, %v", at, len(b), err)
			}
			r.Close()
		}
		s.Set(func(f *graphserver.Faults) { f.Unstable = true })
		if _, err := graphBytes(t.Context(), src, cs[1], it); err == nil || !strings.Contains(err.Error(), "other bytes") {
			t.Errorf("bytes that differ each time: %v", err)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		fmt.Sprintf(`1 graph-received 12:00 [graph-read] "" %d`, len(graphText(1))), fmt.Sprintf(`2 graph-created 13:00 [graph-draft] "" %d`, len(graphText(2))),
		`3 graph-received 12:00 [] "no-mime" 0`, fmt.Sprintf(`4 graph-received 00:00 [] "" %d`, len(large)),
	}
	if !slices.Equal(got, want) {
		t.Errorf("items\n%q, want\n%q", got, want)
	}
}

// TestGraphMailMoved: a message that leaves its folder before its turn comes was
// there, and is collected once; it vanished here and arrived there.
func TestGraphMailMoved(t *testing.T) {
	s := graphserver.New(t, "Mail.Read")
	graphFill(s, 3, "A", "B", "C")
	u := s.User(graphUser)
	src := graphSource(t, s)
	scope := scopeOf(t, graphNoon.Add(-time.Hour), graphNoon.Add(time.Hour), vitrine.ClockReceived)
	scope.Accounts = []vitrine.Account{graphUser}
	moved := u.Folder("C").Messages[1]
	h := &meddled{at: 4, do: func() { // in the middle of B
		s.Do(func(map[string]*graphserver.User) {
			c := u.Folder("C")
			c.Messages = slices.DeleteFunc(c.Messages, func(m *graphserver.Message) bool { return m == moved })
			u.Folder("A").Messages = append(u.Folder("A").Messages, moved)
			b := u.Folder("B")
			b.Messages = append(b.Messages, &graphserver.Message{ID: "new=", Raw: []byte(graphText(77)), Received: graphNoon})
		})
	}}
	c, err := collect.Job{Mandate: mandateOn(t, scope, src), Sources: []collect.Configured{{Source: src}}, Hold: h, Now: time.Now}.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if p := h.items[0].Path(); !strings.HasSuffix(p, ".eml") {
		t.Errorf("a message is handed over as %q", p)
	}
	if len(h.items) != 9 || c.In != 9 {
		t.Errorf("%d items are held: %+v", len(h.items), c.Counts)
	}
	var got []string
	for _, v := range c.Containers {
		got = append(got, fmt.Sprintf("%s %d -%d +%d", v.Name, v.In, v.Vanished, v.Arrived))
	}
	slices.Sort(got)
	if want := []string{"/ 0 -0 +0", "A 3 -0 +0", "B 3 -0 +1", "C 3 -1 +0"}; !slices.Equal(got, want) {
		t.Errorf("containers %q, want %q", got, want)
	}
}

// meddled does something before an item is held.
type meddled struct {
	held
	at int
	do func()
}

func (m *meddled) Add(it production.Item, r io.Reader) (production.Item, error) {
	if len(m.items) == m.at {
		m.do()
	}
	return m.held.Add(it, r)
}

// TestGraphMailCut: a connection that breaks at any byte costs nothing but time.
func TestGraphMailCut(t *testing.T) {
	s := graphserver.New(t, "Mail.Read")
	want := graphFill(s, 9, "A", "B")
	for _, n := range []int64{0, 1, 100, 1500, 2000, 2500, 3000, 4000, 5000, 7000, 9000} {
		s.CutAfter(n, n, n+30, 2*n, 3*n, n, n+50)
		got, _, err := graphRead(t, graphSource(t, s), graphUser)
		if err != nil {
			t.Errorf("cut after %d bytes: %v", n, err)
		}
		graphSame(t, got, want)
	}
}
