package files_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/crypto/ssh"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/internal/collect"
	"github.com/vitrine-project/vitrine/internal/collect/files"
	"github.com/vitrine-project/vitrine/internal/vitrinetest/fileserver"
	"github.com/vitrine-project/vitrine/internal/vitrinetest/need"
	"github.com/vitrine-project/vitrine/production"
)

func asIs(path string) string { return path }

// served is root behind a server, as its config has it.
func served(server *fileserver.SSH, root string) files.SFTP {
	return files.SFTP{URL: server.URL + root + "/{account}", Key: server.Key, HostKey: server.HostKey}
}

// TestSFTPLikeTree: behind a server the same is found as in the tree.
func TestSFTPLikeTree(t *testing.T) {
	root := t.TempDir()
	plant(t, root, map[string]string{
		"alice/a": "a", "alice/b/c": "c", "alice/b/.hidden": "h", "alice/b/d/e": "", "alice/b-": "b", "alice/empty/": "", "alice/\xff\xfe": "no UTF-8",
		"secret/s": "secret", "alice/large": strings.Repeat("0123456789abcdef", 200_000),
	})
	for _, name := range hostileNames(t) {
		if path := filepath.Join(root, "alice/b", name); os.WriteFile(path, []byte(name), 0o600) == nil {
			dated(t, path, inside)
		}
	}
	for from, to := range map[string]string{"alice/b/link": "../../secret/s", "alice/dirlink": "../secret", "alice/gone": "nowhere", "alice/up": ".."} {
		if err := os.Symlink(to, filepath.Join(root, from)); err != nil {
			t.Fatal(err)
		}
	}
	if err := syscall.Mkfifo(filepath.Join(root, "alice/fifo"), 0o600); err != nil {
		t.Fatal(err)
	}
	tree := opened(t)(files.Tree("t", root+"/{account}"))
	s := opened(t)(served(fileserver.OpenSSH(t, "-R"), root).Open("s", asIs))
	want := items(t, tree, "")
	got := items(t, s, "")
	if !slices.Equal(names(got), names(want)) {
		t.Errorf("items\n%q, want\n%q", names(got), names(want))
	}
	for i := range min(len(got), len(want)) {
		if got[i].Size != want[i].Size || got[i].Received != want[i].Received || got[i].Position != want[i].Position || fmt.Sprint(got[i].Extra["name-bytes"]) != fmt.Sprint(want[i].Extra["name-bytes"]) {
			t.Errorf("item %+v, want %+v", got[i], want[i])
		}
	}
	for _, i := range []int{0, len(got) / 2, len(got) - 2} {
		if rest := items(t, s, got[i].Position); !slices.Equal(names(rest), names(got[i+1:])) {
			t.Errorf("behind %q comes %q", got[i].Name, names(rest))
		}
	}
	_, h := collected(t, s)
	_, w := collected(t, tree)
	if !slices.EqualFunc(h.bytes, w.bytes, bytes.Equal) || len(h.bytes) < 300 {
		t.Errorf("%d files are held, and %d of the tree", len(h.bytes), len(w.bytes))
	}
}

// TestSFTPLookup: an account is found by its whole name or not at all.
func TestSFTPLookup(t *testing.T) {
	root := t.TempDir()
	plant(t, root, map[string]string{"home/alice/files/a": "", "home/nofiles/": "", "home/plain": "", "home/flat/files": "", "secret/files/s": ""})
	for from, to := range map[string]string{"home/carol": "../secret", "way": "home"} {
		if err := os.Symlink(to, filepath.Join(root, from)); err != nil {
			t.Fatal(err)
		}
	}
	c := served(fileserver.OpenSSH(t, "-R"), root)
	c.URL = strings.Replace(c.URL, "/{account}", "/way/{account}/files", 1)
	s := opened(t)(c.Open("s", asIs))
	for _, a := range []vitrine.Account{"Alice", "alic", "", ".", "..", "../secret", "alice/files", "alice\x00", "nofiles"} {
		if cs, err := s.Inventory(t.Context(), a); len(cs) != 0 || err != nil {
			t.Errorf("account %q: %v, %v", a, cs, err)
		}
	}
	for a, text := range map[vitrine.Account]string{"carol": "symbolic link", "plain": "no directory", "flat": "no directory"} {
		_, err := s.Inventory(t.Context(), a)
		says(t, err, text)
	}
	if got := names(items(t, s, "")); !slices.Equal(got, []string{"a"}) {
		t.Errorf("items %q", got)
	}
}

// TestSFTPChanged: bytes other than those of the version that was enumerated
// are never handed out as if they were.
func TestSFTPChanged(t *testing.T) {
	server := fileserver.OpenSSH(t, "-R")
	for name, change := range map[string]func(p string) error{
		"unchanged":            func(string) error { return nil },
		"renamed":              func(p string) error { return os.Rename(p, p+"2") },
		"longer":               func(p string) error { return os.WriteFile(p, []byte("body and more"), 0o600) },
		"shorter":              func(p string) error { return os.Truncate(p, 2) },
		"other bytes":          func(p string) error { return os.WriteFile(p, []byte("BODY"), 0o600) },
		"gone":                 os.Remove,
		"a link":               func(p string) error { os.Remove(p); return os.Symlink("../../secret.d/f", p) },
		"a FIFO":               func(p string) error { os.Remove(p); return syscall.Mkfifo(p, 0o600) },
		"its directory a link": func(p string) error { d := filepath.Dir(p); os.Rename(d, d+"2"); return os.Symlink("../secret.d", d) },
	} {
		root := t.TempDir()
		plant(t, root, map[string]string{"alice/d/f": "body", "secret.d/f": "BODY"})
		s := opened(t)(served(server, root).Open("s", asIs))
		c := container(t, s)
		var got []byte
		err := s.Enumerate(t.Context(), c, "", func(it collect.Item) (err error) {
			if err := change(filepath.Join(root, "alice/d/f")); err != nil {
				t.Fatal(err)
			}
			got, err = read(t.Context(), s, c, it, 0)
			return err
		})
		if name == "unchanged" {
			if string(got) != "body" || err != nil {
				t.Errorf("%s: %q, %v", name, got, err)
			}
		} else if !errors.Is(err, collect.ErrVanished) {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
}

// TestSFTPHangup ends the connection again and again, in the middle of files
// and of the listing: what is held is the same as of an unbroken run.
func TestSFTPHangup(t *testing.T) {
	root := t.TempDir()
	want := map[string]vitrine.Digest{}
	for i := range 30 {
		b := make([]byte, 100_000*i)
		rand.Read(b)
		name := fmt.Sprintf("d%d/f%d", i%4, i)
		plant(t, root, map[string]string{"alice/" + name: string(b)})
		want[name] = vitrine.DigestOf(b)
	}
	server := fileserver.OpenSSH(t, "-R")
	s := opened(t)(served(server, root).Open("s", asIs))
	h := &hanging{server: server, t: t}
	c, err := job(t, h, s).Run(t.Context())
	if err != nil || c.In != 30 || h.hangups < 30 {
		t.Fatalf("%+v, %d times hung up, %v", c.Counts, h.hangups, err)
	}
	for _, it := range h.items {
		if want[it.Name] != it.SHA256 {
			t.Errorf("%s has other bytes", it.Name)
		}
	}
}

// hanging is a hold behind which the server's processes die: in the middle of
// each item, and behind it.
type hanging struct {
	held
	server  *fileserver.SSH
	t       *testing.T
	hangups int
}

func (h *hanging) Add(it production.Item, r io.Reader) (production.Item, error) {
	start := make([]byte, 1000)
	n, err := io.ReadFull(r, start)
	if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
		return it, err
	}
	h.server.Hangup(h.t)
	h.hangups++
	it, err = h.held.Add(it, io.MultiReader(bytes.NewReader(start[:n]), r))
	h.server.Hangup(h.t)
	return it, err
}

// TestSFTPRefusals: what another attempt cannot mend is said at once.
func TestSFTPRefusals(t *testing.T) {
	root := t.TempDir()
	plant(t, root, map[string]string{"alice/a": ""})
	server, other := fileserver.OpenSSH(t), fileserver.OpenSSH(t)
	for text, change := range map[string]func(*files.SFTP){
		"shows the host key":   func(c *files.SFTP) { c.HostKey = other.HostKey },
		"does not let":         func(c *files.SFTP) { c.Key = other.Key },
		"host key of the kind": func(c *files.SFTP) { c.HostKey = rsaKey(t) },
		"cannot be read":       func(c *files.SFTP) { c.URL = strings.Replace(c.URL, "/{account}", "/nowhere/{account}", 1) },
		"no private SSH key":   func(c *files.SFTP) { c.Key = loose(t, "nonsense", 0o600) },
		"only its owner":       func(c *files.SFTP) { c.Key = loose(t, "nonsense", 0o644) },
	} {
		c := served(server, root)
		change(&c)
		_, err := opened(t)(c.Open("s", asIs)).Inventory(t.Context(), "alice")
		says(t, err, text)
	}
	for url, ok := range map[string]bool{
		server.URL + "/x/{account}": true, "sftp://u@h/{account}/files": true, "sftp://u@h:22/a%20b/{account}": true,
		"": false, "http://u@h/{account}": false, "sftp://h/{account}": false, "sftp://u:p@h/{account}": false, "sftp://u@h/x": false, "sftp://u@h/{account}?x": false, "sftp://u@/{account}": false,
	} {
		c := served(server, root)
		c.URL = url
		s, err := c.Open("s", asIs)
		if (err == nil) != ok {
			t.Errorf("%q: %v", url, err)
		}
		if d := ""; err == nil {
			if d = s.Declaration().Path; strings.Contains(d, "  ") || !strings.Contains(d, "SHA256:") || !strings.Contains(d, "{account}") {
				t.Errorf("%q is declared as %q", url, d)
			}
		}
	}
	for _, key := range []string{"", "@revoked " + server.HostKey, "nonsense", server.HostKey + "\n" + other.HostKey} {
		c := served(server, root)
		c.HostKey = key
		if _, err := c.Open("s", asIs); err == nil {
			t.Errorf("host key %q is accepted", key)
		}
	}
}

func loose(t *testing.T, text string, mode os.FileMode) string {
	path := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(path, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
	return path
}

// rsaKey is a host key of another kind than the servers have.
func rsaKey(t *testing.T) string {
	k, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	public, err := ssh.NewPublicKey(&k.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	return string(ssh.MarshalAuthorizedKey(public))
}

// TestSFTPProbe: only a mount that is read-only for the server proves anything;
// and one in it that can be written stops everything.
func TestSFTPProbe(t *testing.T) {
	root := t.TempDir()
	plant(t, root, map[string]string{"home/alice/a": "a", "home/bob/": ""})
	for flag, hint := range map[string]string{"-R": "names no extension that writes", "-e": "posix-rename@openssh.com"} {
		s := opened(t)(served(fileserver.OpenSSH(t, flag), root+"/home").Open("s", asIs))
		a, err := s.Probe(t.Context())
		if err != nil || !strings.Contains(a.Writes, hint) {
			t.Errorf("%s: %+v, %v", flag, a, err)
		}
		j := job(t, &held{}, s)
		j.Sources[0].MayWrite = ""
		_, err = j.Run(t.Context())
		says(t, err, "could be written to")
	}
	need.Mount(t, root)
	mount := func(from, to, kind string, flags uintptr) {
		t.Helper()
		if err := syscall.Mount(from, to, kind, flags, ""); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { syscall.Unmount(to, syscall.MNT_DETACH) })
	}
	mount(root+"/home", root+"/home", "", syscall.MS_BIND)
	mount("", root+"/home", "", syscall.MS_BIND|syscall.MS_REMOUNT|syscall.MS_RDONLY)
	s := opened(t)(served(fileserver.OpenSSH(t), root+"/home").Open("s", asIs))
	if a, err := s.Probe(t.Context()); err != nil || a.Writes != "" || a.Shown == "" {
		t.Errorf("%+v, %v", a, err)
	}
	j := job(t, &held{}, s)
	j.Sources[0].MayWrite = ""
	if c, err := j.Run(t.Context()); err != nil || c.In != 1 {
		t.Errorf("%+v, %v", c.Counts, err)
	}
	mount("tmpfs", root+"/home/bob", "tmpfs", 0)
	_, err := s.Inventory(t.Context(), "bob")
	says(t, err, "a mount of its own")
}

// TestSFTPCancelled: a run ends with its context, though the server goes on.
func TestSFTPCancelled(t *testing.T) {
	root := t.TempDir()
	plant(t, root, map[string]string{"alice/a": "a", "alice/b": "b"})
	s := opened(t)(served(fileserver.OpenSSH(t, "-R"), root).Open("s", asIs))
	c := container(t, s)
	ctx, cancel := context.WithCancel(t.Context())
	err := s.Enumerate(ctx, c, "", func(it collect.Item) error {
		cancel()
		_, err := read(ctx, s, c, it, 0)
		return err
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}
