package files_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/internal/collect"
	"github.com/vitrine-project/vitrine/internal/collect/files"
	"github.com/vitrine-project/vitrine/internal/graph"
	"github.com/vitrine-project/vitrine/internal/vitrinetest/graphserver"
)

const driveUser = "alice@example.org"

var driveNoon = time.Date(2026, 3, 10, 12, 0, 0, 0, time.UTC)

// driveSource is the server's source, as its config has it.
func driveSource(t testing.TB, s *graphserver.Server) collect.Source {
	t.Helper()
	c := files.OneDrive{Organisation: graph.Organisation{URL: s.URL, Login: s.Login, Tenant: graphserver.Tenant, Client: graphserver.Client, Secret: s.SecretFile, Authorities: s.Authorities}, Downloads: []string{s.Downloads}}
	return opened(t)(c.Open("o", asIs))
}

func driveVersion(minute int, text string) graphserver.Version {
	return graphserver.Version{Modified: driveNoon.Add(time.Duration(minute) * time.Minute), Raw: []byte(text)}
}

// driveFill plants files with versions, and returns what each version says.
func driveFill(s *graphserver.Server) (*graphserver.Drive, []string) {
	d := s.User(driveUser).Drive("b!drive-1", "OneDrive")
	var want []string
	for i := range 12 {
		path := fmt.Sprintf("a/b%d/file %d.txt", i%3, i)
		var vs []graphserver.Version
		for j := range 1 + i%3 {
			text := fmt.Sprintf("file %d, version %d", i, j+1)
			vs = append(vs, driveVersion(10*i+j, text))
			want = append(want, path+": "+text)
		}
		d.Add("file", path, vs...)
	}
	d.Add("file", "empty", driveVersion(0, ""))
	slices.Sort(want)
	return d, append(want, "empty: ")
}

// untilDone does f again as long as the store breaks off, as a run does.
func untilDone(f func() error) error {
	var broken *collect.Interrupted
	err := f()
	for n := 0; errors.As(err, &broken) && n < 25; n++ {
		err = f()
	}
	return err
}

// driveRead reads everything of an account, as a run does.
func driveRead(t testing.TB, src collect.Source) (got []string, items []collect.Item, err error) {
	t.Helper()
	var cs []collect.Container
	if err := untilDone(func() (err error) { cs, err = src.Inventory(t.Context(), driveUser); return err }); err != nil {
		return nil, nil, err
	}
	for _, c := range cs {
		after := ""
		if err := untilDone(func() error {
			return src.Enumerate(t.Context(), c, after, func(it collect.Item) error {
				if it.Unreadable == "" {
					b, err := driveBytes(t, src, c, it)
					if err != nil {
						return err
					}
					if int64(len(b)) != it.Size {
						t.Errorf("%s: %d bytes, and its size is %d", it.Name, len(b), it.Size)
					}
					got = append(got, it.Name+": "+string(b))
				}
				items, after = append(items, it), it.Position
				return nil
			})
		}); err != nil {
			return nil, nil, err
		}
		var state string
		if err := untilDone(func() (err error) { state, err = src.Close(t.Context(), c); return err }); err != nil || state != c.State {
			t.Errorf("state %q, %v, want %q", state, err, c.State)
		}
	}
	slices.Sort(got)
	return got, items, nil
}

// driveBytes reads an item, and goes on where the server breaks off.
func driveBytes(t testing.TB, src collect.Source, c collect.Container, it collect.Item) ([]byte, error) {
	var b bytes.Buffer
	err := untilDone(func() error {
		r, err := src.Open(t.Context(), c, it, int64(b.Len()))
		if err != nil {
			return err
		}
		defer r.Close()
		_, err = io.Copy(&b, r)
		return err
	})
	return b.Bytes(), err
}

// TestOneDriveFaults: whatever Graph does wrong, everything is read, or the run
// is told that it cannot be.
func TestOneDriveFaults(t *testing.T) {
	for name, f := range map[string]struct {
		fault func(*graphserver.Faults)
		says  string // "" if all is read
	}{
		"good":                          {func(f *graphserver.Faults) { f.PageSize = 4 }, ""},
		"loses entries between pages":   {func(f *graphserver.Faults) { f.PageSize, f.Lose, f.Delta = 4, 1, true }, "do not agree"},
		"no nextLink":                   {func(f *graphserver.Faults) { f.PageSize, f.NoNext, f.Delta = 4, true, true }, "broke off"},
		"names entries twice":           {func(f *graphserver.Faults) { f.PageSize, f.Twice, f.Delta = 4, true, true }, ""},
		"a circle":                      {func(f *graphserver.Faults) { f.PageSize, f.Circle, f.Delta = 4, true, true }, "circle"},
		"starts again":                  {func(f *graphserver.Faults) { f.PageSize, f.Gone = 4, 2 }, ""},
		"starts again for ever":         {func(f *graphserver.Faults) { f.PageSize, f.Gone = 4, 1<<30 }, "start again"},
		"links elsewhere":               {func(f *graphserver.Faults) { f.PageSize, f.Elsewhere = 4, "https://127.0.0.1:1/v1.0/x" }, "leads elsewhere"},
		"downloads elsewhere":           {func(f *graphserver.Faults) { f.Elsewhere = "https://127.0.0.1:1" }, "downloads in the config"},
		"downloads without TLS":         {func(f *graphserver.Faults) { f.Elsewhere = "http://HOST" }, "downloads in the config"},
		"downloads by another name":     {func(f *graphserver.Faults) { f.Elsewhere = "https://x@HOST" }, "downloads in the config"},
		"busy":                          {func(f *graphserver.Faults) { f.Busy, f.RetryAfter = 5, "0" }, ""},
		"tokens that expire":            {func(f *graphserver.Faults) { f.TokenUses = 1 }, ""},
		"a page of 40 MiB":              {func(f *graphserver.Faults) { f.Huge = true }, "more than 32 MiB"},
		"promises less than there is":   {func(f *graphserver.Faults) { f.Longer = -3 }, "changed"},
		"promises more than there is":   {func(f *graphserver.Faults) { f.Longer = 3 }, ""},
		"more, and starts from scratch": {func(f *graphserver.Faults) { f.Longer, f.NoRange = 3, true }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := graphserver.New(t, "Files.Read.All")
			d, want := driveFill(s)
			if strings.Contains(name, "more") { // nothing of an empty file ever comes then
				d.Entries, want = d.Entries[:len(d.Entries)-1], want[:len(want)-1]
			}
			s.Set(func(g *graphserver.Faults) {
				f.fault(g)
				g.Elsewhere = strings.Replace(g.Elsewhere, "HOST", s.Downloads, 1)
			})
			got, _, err := driveRead(t, driveSource(t, s))
			switch {
			case f.says != "" && (err == nil || !strings.Contains(err.Error(), f.says)):
				t.Errorf("error %v, want one that says %q", err, f.says)
			case f.says == "" && err != nil:
				t.Error(err)
			case f.says == "" && !slices.Equal(got, want):
				t.Errorf("read\n%q, want\n%q", got, want)
			}
			if l := s.Leaks(); len(l) > 0 {
				t.Errorf("the token was shown at %q", l)
			}
		})
	}
}

// TestOneDriveCounts: a folder that counts other than what is listed stops the
// run.
func TestOneDriveCounts(t *testing.T) {
	s := graphserver.New(t, "Files.Read.All")
	d, _ := driveFill(s)
	s.Do(func(map[string]*graphserver.User) { d.Miscount = 1 })
	_, _, err := driveRead(t, driveSource(t, s))
	says(t, err, "a folder counts")
}

// TestOneDriveCut: a connection that breaks at any byte costs nothing but time.
func TestOneDriveCut(t *testing.T) {
	s := graphserver.New(t, "Files.Read.All")
	_, want := driveFill(s)
	for _, n := range []int64{0, 1, 100, 1500, 2000, 2500, 3000, 4000, 5000, 7000, 9000} {
		s.CutAfter(n, n, n, 2*n, 3*n, n, n+50, n+100, n+300)
		if got, _, err := driveRead(t, driveSource(t, s)); err != nil || !slices.Equal(got, want) {
			t.Errorf("cut after %d bytes: %v, read %q", n, err, got)
		}
	}
}

// TestOneDriveKinds: what is no plain file is said, and never followed.
func TestOneDriveKinds(t *testing.T) {
	s := graphserver.New(t, "Files.Read.All")
	d := s.User(driveUser).Drive("b!drive-1", "OneDrive")
	d.Add("package", "Notes", driveVersion(1, ""))
	d.Add("remoteItem", "shared with me", driveVersion(2, ""))
	d.Add("deleted", "gone.txt")
	d.Add("malware", "bad.exe", driveVersion(3, "EICAR"))
	e := d.Add("file", "f.txt", driveVersion(4, "one"), driveVersion(5, "two!"))
	s.Do(func(map[string]*graphserver.User) { e.Client = driveNoon.AddDate(-10, 0, 0) })
	_, items, err := driveRead(t, driveSource(t, s))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, it := range items {
		got = append(got, fmt.Sprintf("%s %s %q %d %s %v", it.Name, it.Form, it.Unreadable, it.Size, it.Received.From.Format("15:04"), it.Flags))
	}
	slices.Sort(got)
	want := []string{
		`Notes file "package" 0 12:01 []`, `bad.exe file "malware" 5 12:03 []`, `f.txt file "" 3 12:04 [not-latest]`, `f.txt file "" 4 12:05 []`,
		`gone.txt delete-marker "" 0 00:00 []`, `shared with me file "remote-item" 0 12:02 []`,
	}
	if !slices.Equal(got, want) {
		t.Errorf("items\n%q, want\n%q", got, want)
	}
	for _, it := range items {
		if it.Extra["latest"] == "true" && it.Name == "f.txt" && (it.Extra["client-modified"] != "2016-03-10T12:00:00Z" || it.Extra["quickXorHash"] != "AAAA") {
			t.Errorf("extra %v", it.Extra)
		}
	}
}

// TestOneDriveChanged: a file that is written while it is collected is handed
// out as it was listed, from its versions.
func TestOneDriveChanged(t *testing.T) {
	s := graphserver.New(t, "Files.Read.All")
	d := s.User(driveUser).Drive("b!drive-1", "OneDrive")
	e := d.Add("file", "f.txt", driveVersion(1, "as listed"))
	src := driveSource(t, s)
	cs, err := src.Inventory(t.Context(), driveUser)
	if err != nil || len(cs) != 1 {
		t.Fatal(cs, err)
	}
	err = src.Enumerate(t.Context(), cs[0], "", func(it collect.Item) error {
		s.Do(func(map[string]*graphserver.User) { e.Write(driveVersion(2, "other one")) })
		b, err := driveBytes(t, src, cs[0], it)
		if string(b) != "as listed" {
			t.Errorf("%q, %v", b, err)
		}
		s.Do(func(map[string]*graphserver.User) { d.Entries = nil })
		if _, err := driveBytes(t, src, cs[0], it); !errors.Is(err, collect.ErrVanished) {
			t.Errorf("deleted: %v", err)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	if state, err := src.Close(t.Context(), cs[0]); err != nil || state == cs[0].State {
		t.Errorf("state %q, %v", state, err)
	}
}

// TestOneDriveProbe: permissions beyond reading stop a run.
func TestOneDriveProbe(t *testing.T) {
	for roles, writes := range map[string]bool{
		"Files.Read.All": false, "Sites.Read.All User.Read.All": false, "Files.ReadWrite.All": true, "Files.Read.All Files.ReadWrite.All": true, "Sites.Selected": true, "Sites.FullControl.All": true, "": true,
	} {
		s := graphserver.New(t, strings.Fields(roles)...)
		a, err := driveSource(t, s).Probe(t.Context())
		if err != nil || (a.Writes != "") != writes || a.Shown == "" {
			t.Errorf("%s: %+v, %v", roles, a, err)
		}
	}
}

// TestOneDriveAccounts: no account's text is anything but a name.
func TestOneDriveAccounts(t *testing.T) {
	s := graphserver.New(t, "Files.Read.All")
	driveFill(s)
	src := driveSource(t, s)
	for _, a := range []vitrine.Account{"", ".", "..", "alice", "alice@example.org/drives", "me", "alice%40example.org", "alice@example.org?x", "bob@example.org", "alice@example.org\x00", "../drives/b!drive-1@x"} {
		if cs, err := src.Inventory(t.Context(), a); len(cs) > 0 || err != nil {
			t.Errorf("%q: %v, %v", a, cs, err)
		}
	}
}

// TestOneDriveWritten: a file that is written between two listings is read with
// all its versions; versions without the newest stop the run.
func TestOneDriveWritten(t *testing.T) {
	for _, hidden := range []bool{false, true} {
		s := graphserver.New(t, "Files.Read.All")
		d := s.User(driveUser).Drive("b!drive-1", "OneDrive")
		e := d.Add("file", "f.txt", driveVersion(1, "one"), driveVersion(2, "second"))
		src := driveSource(t, s)
		cs, err := src.Inventory(t.Context(), driveUser)
		if err != nil {
			t.Fatal(err)
		}
		s.Do(func(map[string]*graphserver.User) {
			if e.Unlisted = hidden; !hidden {
				e.Write(driveVersion(3, "the third"))
			}
		})
		var got []string
		err = src.Enumerate(t.Context(), cs[0], "", func(it collect.Item) error {
			b, err := driveBytes(t, src, cs[0], it)
			got = append(got, string(b))
			return err
		})
		if hidden {
			says(t, err, "without its newest")
		} else if want := []string{"one", "second", "the third"}; err != nil || !slices.Equal(got, want) {
			t.Errorf("read %q, %v, want %q", got, err, want)
		}
	}
}
