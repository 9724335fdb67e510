package files

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/internal/collect"
	"github.com/vitrine-project/vitrine/internal/vitrinetest/fileserver"
)

// behind is a source behind a proxy, which waits a short time only.
func behind(t *testing.T, root string) (*servers, *fileserver.Proxy) {
	t.Helper()
	server := fileserver.OpenSSH(t, "-R")
	u, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	p := fileserver.NewProxy(t, u.Host)
	u.Host, u.Path = p.Address, root+"/{account}"
	s, err := SFTP{URL: u.String(), Key: server.Key, HostKey: server.HostKey}.Open("s", func(path string) string { return path })
	if err != nil {
		t.Fatal(err)
	}
	return s.(*servers), p
}

// visit lists alice's files and reads each whole.
func visit(ctx context.Context, s *servers) (seen string, err error) {
	cs, err := s.Inventory(ctx, "alice")
	if err != nil || len(cs) != 1 {
		return "", fmt.Errorf("%d containers: %w", len(cs), err)
	}
	seen = cs[0].State
	err = s.Enumerate(ctx, cs[0], "", func(it collect.Item) error {
		r, err := s.Open(ctx, cs[0], it, 0)
		if err != nil {
			return err
		}
		b, err := io.ReadAll(r)
		seen += fmt.Sprintf(" %s %x", it.Name, vitrine.DigestOf(b))
		return errors.Join(err, r.Close())
	})
	if err != nil {
		return "", err
	}
	state, err := s.Close(ctx, cs[0])
	return seen + state, err
}

func filled(t *testing.T) string {
	t.Helper()
	root := t.TempDir()
	if err := os.MkdirAll(root+"/alice/d", 0o700); err != nil {
		t.Fatal(err)
	}
	for name, size := range map[string]int{"a": 0, "b": 10, "d/c": 50_000, "d/e": 1} {
		if err := os.WriteFile(filepath.Join(root, "alice", name), bytes.Repeat([]byte(name), size), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

// TestSFTPCut cuts the connection off after any number of bytes: that can be
// retried and nothing else, and the next attempt finds what it would have.
func TestSFTPCut(t *testing.T) {
	s, p := behind(t, filled(t))
	want, err := visit(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	cuts := 0
	for limit := int64(1); limit < 200_000; limit += 1 + limit/5 {
		s.line.now = nil
		p.Limit.Store(limit)
		got, err := visit(t.Context(), s)
		if err == nil && got == want {
			continue // it was long enough
		}
		cuts++
		var again *collect.Interrupted
		if !errors.As(err, &again) {
			t.Fatalf("cut after %d bytes: %v", limit, err)
		}
		p.Limit.Store(0)
		if got, err := visit(t.Context(), s); err != nil || got != want {
			t.Fatalf("after a cut: %q, want %q, %v", got, want, err)
		}
	}
	if cuts < 20 {
		t.Errorf("only %d cuts", cuts)
	}
}

// TestSFTPSilence: a server that says no more is left after some time.
func TestSFTPSilence(t *testing.T) {
	s, p := behind(t, filled(t))
	p.Silent.Store(true)
	for _, limit := range []int64{1, 100, 2500, 4500, 30_000} {
		s.line.now, s.line.wait = nil, 500*time.Millisecond
		p.Limit.Store(limit)
		began := time.Now()
		_, err := visit(t.Context(), s)
		var again *collect.Interrupted
		if took := time.Since(began); !errors.As(err, &again) || took > 20*time.Second {
			t.Errorf("silent after %d bytes: %v, after %v", limit, err, took)
		}
	}
}

// packet is one packet as a server sends it.
func packet(kind byte, body request) []byte {
	var b bytes.Buffer
	writePacket(&b, kind, body)
	return b.Bytes()
}

// says is a conversation with a server that says what it says.
func scripted(t testing.TB, said ...[]byte) (*session, error) {
	return hello(t.Context(), io.Discard, bytes.NewReader(bytes.Join(said, nil)), func() {}, time.Minute)
}

var greeting = packet(fxVersion, request(nil).uint32(3))

func entryNamed(r request, name string) request {
	return r.text(name).text("").uint32(attrSize | attrPermissions | attrTimes).uint64(5).uint32(0o100644).uint32(1).uint32(2)
}

// TestSFTPLies: what a server says that makes no sense ends everything.
func TestSFTPLies(t *testing.T) {
	handle := packet(fxHandle, request(nil).uint32(1).text("h"))
	name := func(id, count uint32, names ...string) []byte {
		r := request(nil).uint32(id).uint32(count)
		for _, n := range names {
			r = entryNamed(r, n)
		}
		return packet(fxName, r)
	}
	end := func(id uint32) []byte {
		return packet(fxStatus, request(nil).uint32(id).uint32(statusEOF).text("").text(""))
	}
	ok := func(id uint32) []byte { return packet(fxStatus, request(nil).uint32(id).uint32(0)) }
	for what, c := range map[string]struct {
		said [][]byte
		want string // "" for none
	}{
		"true":               {[][]byte{greeting, handle, name(2, 2, "a", ".."), end(3), ok(4)}, ""},
		"another version":    {[][]byte{packet(fxVersion, request(nil).uint32(6))}, "malformed"},
		"no greeting":        {[][]byte{[]byte("Welcome to example.org!\n")}, "malformed"},
		"a way up":           {[][]byte{greeting, handle, name(2, 1, "../../etc/passwd")}, "malformed"},
		"a path":             {[][]byte{greeting, handle, name(2, 1, "a/b")}, "malformed"},
		"no name":            {[][]byte{greeting, handle, name(2, 1, "")}, "malformed"},
		"a NUL":              {[][]byte{greeting, handle, name(2, 1, "a\x00b")}, "malformed"},
		"fewer than it says": {[][]byte{greeting, handle, name(2, 9, "a", "b")}, "malformed"},
		"no entries":         {[][]byte{greeting, handle, name(2, 0)}, "malformed"},
		"another answer":     {[][]byte{greeting, handle, name(7, 1, "a")}, "malformed"},
		"another kind":       {[][]byte{greeting, handle, packet(fxData, request(nil).uint32(2).text("x"))}, "malformed"},
		"a handle of 4 GB":   {[][]byte{greeting, packet(fxHandle, request(nil).uint32(1).uint32(1<<32-1))}, "malformed"},
		"a packet of 4 GB":   {[][]byte{greeting, {0xff, 0xff, 0xff, 0xff, fxHandle}}, "malformed"},
		"an empty packet":    {[][]byte{greeting, {0, 0, 0, 0, 0}}, "malformed"},
		"the end":            {[][]byte{greeting, handle, name(2, 1, "a")}, "the connection broke"},
	} {
		s, err := scripted(t, c.said...)
		if err == nil {
			err = s.each(t.Context(), "/x", func(node, uint32) bool { return true })
		}
		var again *collect.Interrupted
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) || errors.As(err, &again) != (what == "the end") {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// TestSFTPLyingData: data that was not asked for, and a file that is shorter
// or longer than it is said to be, are never handed out as it.
func TestSFTPLyingData(t *testing.T) {
	data := func(id uint32, text string) []byte { return packet(fxData, request(nil).uint32(id).text(text)) }
	eof := func(id uint32) []byte { return packet(fxStatus, request(nil).uint32(id).uint32(statusEOF)) }
	attrs := func(id uint32, size uint64) []byte {
		return packet(fxAttrs, request(nil).uint32(id).uint32(attrSize|attrPermissions|attrTimes).uint64(size).uint32(0o100644).uint32(1).uint32(2))
	}
	for what, c := range map[string]struct {
		said [][]byte
		want string
	}{
		"true":             {[][]byte{data(1, "hello"), eof(2), attrs(3, 5)}, ""},
		"in parts":         {[][]byte{data(1, "he"), data(2, "l"), data(3, "lo"), eof(4), attrs(5, 5)}, ""},
		"shorter":          {[][]byte{data(1, "hel"), eof(2)}, "changed"},
		"longer":           {[][]byte{data(1, "hello"), data(2, "!")}, "changed"},
		"too much at once": {[][]byte{data(1, "hello!")}, "malformed"},
		"nothing":          {[][]byte{data(1, "")}, "malformed"},
		"another size now": {[][]byte{data(1, "hello"), eof(2), attrs(3, 6)}, "changed"},
		"refused":          {[][]byte{packet(fxStatus, request(nil).uint32(1).uint32(4).text("disk error"))}, "disk error"},
		"another answer":   {[][]byte{data(9, "hello")}, "malformed"},
	} {
		s, err := scripted(t, append([][]byte{greeting}, c.said...)...)
		if err != nil {
			t.Fatal(err)
		}
		r := &remoteReader{ctx: t.Context(), session: s, handle: "h", path: "/f", key: key{size: 5, modified: 2e9}}
		b, err := io.ReadAll(r)
		if c.want == "" && (err != nil || string(b) != "hello") || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: %q, %v", what, b, err)
		}
	}
}

// TestSFTPEndless: a directory without an end takes no memory, and its visit
// ends with its context.
func TestSFTPEndless(t *testing.T) {
	body := request(nil).uint32(0).uint32(2000)
	for i := range 2000 {
		body = entryNamed(body, fmt.Sprintf("%0200d", i))
	}
	ctx, cancel := context.WithCancel(t.Context())
	endless := &stream{first: append(bytes.Clone(greeting), packet(fxHandle, request(nil).uint32(1).text("h"))...), again: packet(fxName, body), id: 2}
	s, err := hello(ctx, io.Discard, endless, func() {}, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	found, n := smallest{span: 1000}, 0
	err = s.each(ctx, "/x", func(m node, _ uint32) bool {
		m.name += fmt.Sprint(n)
		found.add(m)
		if n++; n == 500_000 {
			cancel()
		}
		return true
	})
	var mem runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&mem)
	runtime.KeepAlive(&found)
	if !errors.Is(err, context.Canceled) || mem.HeapAlloc > 32<<20 {
		t.Errorf("%d entries, %d bytes in use, %v", n, mem.HeapAlloc, err)
	}
}

// stream says one thing and then another for ever, with ascending numbers.
type stream struct {
	first, again, rest []byte
	id                 byte
}

func (s *stream) Read(p []byte) (int, error) {
	if len(s.first) > 0 {
		n := copy(p, s.first)
		s.first = s.first[n:]
		return n, nil
	}
	if len(s.rest) == 0 {
		s.rest = bytes.Clone(s.again)
		copy(s.rest[5:], request(nil).uint32(uint32(s.id)))
		s.id++
	}
	n := copy(p, s.rest)
	s.rest = s.rest[n:]
	return n, nil
}

// FuzzSFTP lets a server say anything.
func FuzzSFTP(f *testing.F) {
	handle := packet(fxHandle, request(nil).uint32(1).text("h"))
	f.Add(byte(0), bytes.Join([][]byte{handle, packet(fxName, entryNamed(request(nil).uint32(2).uint32(1), "a"))}, nil))
	f.Add(byte(1), packet(fxAttrs, request(nil).uint32(1).uint32(0xffffffff)))
	f.Add(byte(2), packet(fxName, request(nil).uint32(1).uint32(1).text("/x")))
	f.Add(byte(3), packet(fxData, request(nil).uint32(1).text("hello")))
	f.Add(byte(4), packet(fxExtendedReply, request(nil).uint32(1).uint64(1)))
	f.Fuzz(func(t *testing.T, what byte, said []byte) {
		s, err := scripted(t, greeting, said)
		if err != nil {
			t.Fatal(err)
		}
		ctx := t.Context()
		switch what % 5 {
		case 0:
			err = s.each(ctx, "/x", func(n node, _ uint32) bool {
				if strings.ContainsAny(n.name, "/\x00") || n.name == "" || n.name == "." || n.name == ".." {
					t.Errorf("name %q", n.name)
				}
				return true
			})
			if err == nil {
				return // it said the end, too
			}
		case 1:
			var f *facts
			if f, _, err = s.stat(ctx, fxLstat, "/x"); err == nil && f.size < 0 {
				t.Errorf("size %d", f.size)
			}
		case 2:
			var p string
			if p, err = s.real(ctx, "/x"); err == nil && p[0] != '/' {
				t.Errorf("path %q", p)
			}
		case 3:
			b := make([]byte, 100_000)
			var n int
			if n, err = s.chunks(ctx, "h", b, 0); n > len(b) || err == nil && n == 0 {
				t.Errorf("%d bytes", n)
			}
		case 4:
			if _, err := s.readOnly(ctx, "/x"); err == nil && len(said) < 11*8 {
				t.Errorf("an answer of %d bytes was taken", len(said))
			}
		}
	})
}
