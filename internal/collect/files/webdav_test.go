package files_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/internal/collect"
	"github.com/vitrine-project/vitrine/internal/collect/files"
	"github.com/vitrine-project/vitrine/internal/vitrinetest/fileserver"
)

func overDAV(server *fileserver.DAV) files.WebDAV {
	return files.WebDAV{URL: "http://" + server.Host + "/dav/{account}", User: server.User, Password: server.PasswordFile}
}

// TestWebDAVLikeTree: behind a server the same is found as in the tree, but
// for what the server does not show.
func TestWebDAVLikeTree(t *testing.T) {
	root := t.TempDir()
	large := strings.Repeat("0123456789abcdef", 200_000)
	plant(t, root, map[string]string{
		"alice/a": "a", "alice/b/c": "c", "alice/b/d/e": "", "alice/b-": "b", "alice/empty/": "", "alice/large": large, "alice/b c+d%20e&f;g?h#i": "odd", "alice/ü": "u",
		"alice2/x": "SECRET", "secret/s": "SECRET",
	})
	if err := os.Symlink("../secret", filepath.Join(root, "alice/link")); err != nil {
		t.Fatal(err)
	}
	server := fileserver.Apache(t, root, false)
	s := opened(t)(overDAV(server).Open("s", asIs))
	want := slices.DeleteFunc(items(t, opened(t)(files.Tree("t", root+"/{account}")), ""), func(it collect.Item) bool { return it.Unreadable != "" })
	got := items(t, s, "")
	if !slices.Equal(names(got), names(want)) {
		t.Fatalf("items\n%q, want\n%q", names(got), names(want))
	}
	for i, it := range got {
		if it.Size != want[i].Size || it.Received.From != want[i].Received.From || it.Received.Rule != "getlastmodified" || it.Position != want[i].Position {
			t.Errorf("item %+v, want %+v", it, want[i])
		}
		if rest := items(t, s, it.Position); !slices.Equal(names(rest), names(got[i+1:])) {
			t.Errorf("behind %q comes %q", it.Name, names(rest))
		}
	}
	c, h := collected(t, s)
	for i, it := range h.items {
		if b, err := os.ReadFile(filepath.Join(root, "alice", it.Name)); err != nil || string(b) != string(h.bytes[i]) {
			t.Errorf("%s has other bytes, %v", it.Name, err)
		}
	}
	if c.In != int64(len(want)) || c.Containers[0].Vanished+c.Containers[0].Arrived != 0 {
		t.Errorf("%+v", c.Containers[0])
	}
	it := got[slices.IndexFunc(got, func(it collect.Item) bool { return it.Name == "large" })]
	for _, offset := range []int64{1, int64(len(large)) - 1, int64(len(large))} {
		if b, err := read(t.Context(), s, container(t, s), it, offset); err != nil || string(b) != large[offset:] {
			t.Errorf("from %d on: %d bytes, %v", offset, len(b), err)
		}
	}
	for _, a := range []vitrine.Account{"", "nobody", "Alice", "alic", ".", "..", "alice/b", "../dav/alice", "alice%2Fb", "a"} {
		if cs, err := s.Inventory(t.Context(), a); err != nil || len(cs) != 0 {
			t.Errorf("account %q: %v, %v", a, cs, err)
		}
	}
	if a, err := s.Probe(t.Context()); err != nil || !strings.Contains(a.Writes, "does not tell") {
		t.Errorf("%+v, %v", a, err)
	}
}

// TestWebDAVChanged: bytes other than those of the version that was enumerated
// are never handed out as if they were.
func TestWebDAVChanged(t *testing.T) {
	root := t.TempDir()
	plant(t, root, map[string]string{"alice/": ""})
	server := fileserver.Apache(t, root, false)
	for name, change := range map[string]func(p string) error{
		"unchanged":   func(string) error { return nil },
		"renamed":     func(p string) error { return os.Rename(p, p+"2") },
		"longer":      func(p string) error { return os.WriteFile(p, []byte("body and more"), 0o644) },
		"other bytes": func(p string) error { return os.WriteFile(p, []byte("BODY"), 0o644) },
		"gone":        os.Remove,
		"a directory": func(p string) error { os.Remove(p); return os.Mkdir(p, 0o755) },
	} {
		path := filepath.Join(root, "alice/f")
		os.RemoveAll(path)
		os.RemoveAll(path + "2")
		plant(t, root, map[string]string{"alice/f": "body"})
		if err := os.Chmod(path, 0o644); err != nil {
			t.Fatal(err)
		}
		s := opened(t)(overDAV(server).Open("s", asIs))
		c := container(t, s)
		var got []byte
		err := s.Enumerate(t.Context(), c, "", func(it collect.Item) (err error) {
			if err := change(path); err != nil {
				t.Fatal(err)
			}
			got, err = read(t.Context(), s, c, it, 0)
			return err
		})
		if name == "unchanged" && (string(got) != "body" || err != nil) || name != "unchanged" && !errors.Is(err, collect.ErrVanished) {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
}

// TestWebDAVChangesWhileRead: whoever reads a file to its end learns that it
// changed meanwhile.
func TestWebDAVChangesWhileRead(t *testing.T) {
	root := t.TempDir()
	path := filepath.Join(root, "alice/f")
	plant(t, root, map[string]string{"alice/f": strings.Repeat("x", 3_000_000)})
	server := fileserver.Apache(t, root, false)
	s := opened(t)(overDAV(server).Open("s", asIs))
	c, it := container(t, s), items(t, s, "")[0]
	r, err := s.Open(t.Context(), c, it, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if _, err := r.Read(make([]byte, 100)); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(strings.Repeat("y", 3_000_000)), 0o644); err != nil {
		t.Fatal(err)
	}
	_, err = io.ReadAll(r)
	says(t, err, "changed while it was collected")
}

// TestWebDAVHangup cuts the connection off after any number of bytes.
func TestWebDAVHangup(t *testing.T) {
	root := t.TempDir()
	large := strings.Repeat("0123456789abcdef", 10_000)
	plant(t, root, map[string]string{"alice/a": large, "alice/b": "b"})
	server := fileserver.Apache(t, root, false)
	p := fileserver.NewProxy(t, server.Host)
	server.Host = p.Address
	for _, limit := range []int64{1, 50, 500, 5_000, 50_000, 161_000} {
		p.Limit.Store(limit)
		s := opened(t)(overDAV(server).Open("s", asIs))
		var again *collect.Interrupted
		if _, err := s.Inventory(t.Context(), "alice"); limit < 1000 && !errors.As(err, &again) {
			t.Errorf("cut after %d bytes: %v", limit, err)
		}
		p.Limit.Store(max(limit, 5_000)) // what the listing needs
		h := &held{}
		if c, err := job(t, h, s).Run(t.Context()); err != nil || c.In != 2 || string(h.bytes[0]) != large {
			t.Errorf("cut after %d bytes: %+v, %v", limit, c.Counts, err)
		}
	}
}

// TestWebDAVLies: an answer that makes no sense ends everything; a redirect is
// not followed; rights that are told decide.
func TestWebDAVLies(t *testing.T) {
	entry := func(href, props string) string {
		return "<D:response><D:href>" + href + "</D:href><D:propstat><D:prop>" + props + "</D:prop><D:status>HTTP/1.1 200 OK</D:status></D:propstat></D:response>"
	}
	const dir, file = "<D:resourcetype><D:collection/></D:resourcetype>", "<D:resourcetype/><D:getcontentlength>1</D:getcontentlength>"
	right := func(names ...string) string {
		s := "<D:current-user-privilege-set>"
		for _, n := range names {
			s += "<D:privilege><D:" + n + "/></D:privilege>"
		}
		return s + "</D:current-user-privilege-set>"
	}
	var answer func(r *http.Request) (status int, entries string)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		status, entries := answer(r)
		if status == http.StatusFound {
			w.Header().Set("Location", "http://127.0.0.2/elsewhere")
		}
		w.WriteHeader(status)
		fmt.Fprint(w, `<D:multistatus xmlns:D="DAV:">`+entries+`</D:multistatus>`)
	}))
	defer server.Close()
	s := opened(t)(files.WebDAV{URL: server.URL + "/dav/{account}", User: "u", Password: loose(t, "secret", 0o600)}.Open("s", asIs))
	for what, c := range map[string]struct{ below, want string }{
		"true":              {entry("/dav/alice/", dir) + entry("/dav/alice/a", file), ""},
		"whole addresses":   {entry(server.URL+"/dav/alice/", dir) + entry(server.URL+"/dav/alice/a", file), ""},
		"a way up":          {entry("/dav/alice/../bob", file), "makes no sense"},
		"another account":   {entry("/dav/bob/a", file), "makes no sense"},
		"deeper":            {entry("/dav/alice/b/a", file), "makes no sense"},
		"a hidden slash":    {entry("/dav/alice/b%2Fa", file), "makes no sense"},
		"another host":      {entry("http://example.org/dav/alice/a", file), "makes no sense"},
		"no length":         {entry("/dav/alice/a", "<D:resourcetype/>"), "makes no sense"},
		"a negative length": {entry("/dav/alice/a", "<D:getcontentlength>-1</D:getcontentlength>"), "makes no sense"},
		"no address":        {entry("", file), "makes no sense"},
		"no XML":            {"<<", "makes no sense"},
	} {
		answer = func(r *http.Request) (int, string) {
			switch {
			case r.URL.Path == "/dav/" || r.URL.Path == "/dav":
				return 207, entry("/dav/", dir) + entry("/dav/alice/", dir)
			case r.Header.Get("Depth") == "0":
				return 207, entry("/dav/alice", dir)
			}
			return 207, c.below
		}
		cs, err := s.Inventory(t.Context(), "alice")
		if c.want == "" && (err != nil || len(cs) != 1 || cs[0].Size != 1) || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: %v, %v", what, cs, err)
		}
	}
	answer = func(*http.Request) (int, string) { return http.StatusFound, "" }
	_, err := s.Inventory(t.Context(), "alice")
	says(t, err, "no redirect is followed")
	for rights, writes := range map[string]bool{"read": false, "read read-acl": false, "read write-content": true, "all": true, "": true} {
		set := ""
		if rights != "" {
			set = right(strings.Fields(rights)...)
		}
		answer = func(*http.Request) (int, string) { return 207, entry("/dav/", dir+set) }
		if a, err := s.Probe(t.Context()); err != nil || (a.Writes != "") != writes {
			t.Errorf("%q: %+v, %v", rights, a, err)
		}
	}
	answer = func(r *http.Request) (int, string) {
		if r.Header.Get("Depth") == "0" {
			return 207, entry("/dav/", dir+right("read"))
		}
		return 207, entry("/dav/", dir+right("read")) + entry("/dav/alice/", dir+right("write"))
	}
	if _, err := s.Probe(t.Context()); err != nil {
		t.Fatal(err)
	}
	_, err = s.Inventory(t.Context(), "alice")
	says(t, err, "could be written to")
}

// TestWebDAVRefusals: what another attempt cannot mend is said at once.
func TestWebDAVRefusals(t *testing.T) {
	root := t.TempDir()
	plant(t, root, map[string]string{"alice/a": ""})
	server := fileserver.Apache(t, root, true)
	for text, change := range map[string]func(*files.WebDAV){
		"401":            func(c *files.WebDAV) { c.Password = loose(t, "wrong", 0o600) },
		"only its owner": func(c *files.WebDAV) { c.Password = loose(t, "password", 0o644) },
		"404":            func(c *files.WebDAV) { c.URL = strings.Replace(c.URL, "/dav/", "/dav/nowhere/", 1) },
		"405":            func(c *files.WebDAV) { c.URL = strings.Replace(c.URL, "/dav/", "/", 1) },
	} {
		c := overDAV(server)
		change(&c)
		_, err := opened(t)(c.Open("s", asIs)).Inventory(t.Context(), "alice")
		says(t, err, text)
	}
}
