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
	"github.com/vitrine-project/vitrine/internal/vitrinetest/graphserver"
)

const graphUser = "alice@example.org"

var graphNoon = time.Date(2026, 3, 10, 12, 0, 0, 0, time.UTC)

// graphSource is the server's source, as its config has it.
func graphSource(t testing.TB, s *graphserver.Server) collect.Source {
	t.Helper()
	c := mail.Graph{URL: s.URL, Login: s.Login, Tenant: graphserver.Tenant, Client: graphserver.Client, Secret: s.SecretFile, Authorities: s.Authorities}
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
