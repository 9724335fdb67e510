package files

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/internal/collect"
)

// KindWebDAV is the kind of a source of directory trees behind WebDAV.
const KindWebDAV = "webdav"

// WebDAV is a file server as the provider's config has it.
type WebDAV struct {
	// URL is https://host/path/{account}. Trusted: the server shows every file
	// of every account, and decides what their dates are.
	URL string `toml:"url"`
	// User logs in. Trusted with nothing.
	User string `toml:"user"`
	// Password is a file with the user's password, that only its owner can read.
	// Trusted: whoever has it may do what the user may.
	Password string `toml:"password"`
}

// davs is a source of one directory tree for each account, on one server.
type davs struct {
	declaration vitrine.Source
	pattern     collect.Pattern
	span        int
	*dav
}

// dav speaks with one server.
type dav struct {
	web      *web
	server   url.URL // scheme and host
	user     string
	password func() (string, error)
	// proven says that the probe found no right to write; whatever shows one
	// later stops the visit.
	proven atomic.Bool
}

// Open checks what can be checked without a connection.
func (c WebDAV) Open(name string, resolve func(path string) string) (collect.Source, error) {
	u, err := checkURL(name, c.URL)
	if err != nil {
		return nil, err
	}
	p, err := collect.ParsePattern(u.Path, "")
	if err != nil {
		return nil, vitrine.Refusef(vitrine.Usage, "source %q: url: %v", name, err)
	}
	if c.User == "" || c.Password == "" || strings.Contains(c.User, ":") {
		return nil, vitrine.Refusef(vitrine.Usage, "source %q: user and password are needed: the user's name, without a colon, and the file with the password", name)
	}
	d := &dav{web: newWeb(), server: url.URL{Scheme: u.Scheme, Host: u.Host}, user: c.User, password: func() (string, error) { return collect.Secret(resolve(c.Password)) }}
	path := fmt.Sprintf("%s://%s@%s%s", u.Scheme, url.User(c.User), u.Host, escaped(u.Path))
	return &davs{vitrine.Source{Name: name, Kind: KindWebDAV, Path: path}, p, usualSpan, d}, nil
}

func (v *davs) Declaration() vitrine.Source { return v.declaration }

func (v *davs) Family() collect.Family { return collect.Files }

func (v *davs) Holds() []vitrine.Category { return []vitrine.Category{Category} }

// Probe asks for the user's privileges (RFC 3744, section 5.4), where the
// server tells them. What methods it allows proves nothing.
func (v *davs) Probe(ctx context.Context) (collect.Access, error) {
	a := collect.Access{Shown: "DAV:current-user-privilege-set"}
	var self *facts
	v.proven.Store(false)
	err := v.propfind(ctx, v.pattern.Base, "0", func(_ string, n node) error {
		self = n.facts
		return nil
	})
	switch {
	case err != nil:
		return a, explainWeb(v.pattern.Base, err)
	case self == nil || self.rights == "":
		a.Shown = "the server does not tell DAV:current-user-privilege-set"
		a.Writes = fmt.Sprintf("%s does not tell what the user %s may do; give that user the right to read alone, and confirm it", v.server.Host, v.user)
	case self.writes:
		a.Writes = fmt.Sprintf("the user %s has %s", v.user, self.rights)
	default:
		a.Shown += ": " + self.rights
		v.proven.Store(true)
	}
	return a, nil
}

// Inventory lists the account's one tree.
func (v *davs) Inventory(ctx context.Context, a vitrine.Account) ([]collect.Container, error) {
	if a == "" {
		return nil, nil
	}
	found := false
	err := v.propfind(ctx, v.pattern.Base, "1", func(name string, n node) error {
		found = found || name == string(a) && n.kind == directory
		return nil
	})
	if err != nil {
		return nil, explainWeb(v.pattern.Base, err)
	}
	if !found {
		return nil, nil
	}
	c := collect.Container{Account: a, Name: whole, Kind: KindWebDAV, Count: collect.NoCount, Key: string(a)}
	root := v.root(c)
	err = v.propfind(ctx, root.path, "0", func(_ string, n node) error {
		if n.kind != directory {
			return collect.CannotRead(root.path, errors.New("it is no directory"))
		}
		return nil
	})
	if errors.Is(err, errGone) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	c.State, c.Size, err = measure(ctx, root, v.span)
	return []collect.Container{c}, err
}

func (v *davs) root(c collect.Container) *shown {
	path := v.pattern.Base
	for _, name := range v.pattern.Names(c.Key) {
		path = join(path, name)
	}
	return &shown{v.dav, path}
}

// Close returns the number of files and a digest of their names and versions.
func (v *davs) Close(ctx context.Context, c collect.Container) (string, error) {
	state, _, err := measure(ctx, v.root(c), v.span)
	return state, err
}

// Enumerate yields the files in the order of their paths, name by name.
func (v *davs) Enumerate(ctx context.Context, c collect.Container, after string, yield func(collect.Item) error) error {
	return enumerate(ctx, v.root(c), v.span, after, yield)
}

// Open returns a file's bytes. Whoever reads them to the end knows that the
// server told the same of it before and after.
func (v *davs) Open(ctx context.Context, c collect.Container, it collect.Item, offset int64) (io.ReadCloser, error) {
	k, err := parseKey(it.Key)
	if err != nil {
		return nil, err
	}
	path := v.root(c).path
	for _, name := range k.path {
		path = join(path, name)
	}
	r := &shownReader{ctx: ctx, dav: v.dav, path: path, key: k, left: k.size - offset}
	if err := r.same(); err != nil {
		return nil, err
	}
	if r.left <= 0 {
		return r, nil
	}
	return r, r.start(offset)
}

// shownReader reads a file and, at its end, makes sure that the server tells
// the same of it as before.
type shownReader struct {
	ctx  context.Context
	dav  *dav
	path string
	key  key
	body io.ReadCloser
	left int64
}

// same is ErrVanished if the file is not what was enumerated.
func (r *shownReader) same() error {
	ok := false
	err := r.dav.propfind(r.ctx, r.path, "0", func(_ string, n node) error {
		ok = r.key.is(0, n.facts)
		return nil
	})
	if errors.Is(err, errGone) || err == nil && !ok {
		return collect.ErrVanished
	}
	return err
}

func (r *shownReader) start(offset int64) error {
	header, want, begins := http.Header{}, http.StatusOK, ""
	if offset > 0 {
		header.Set("Range", fmt.Sprintf("bytes=%d-", offset))
		want, begins = http.StatusPartialContent, fmt.Sprintf("bytes %d-%d/%d", offset, r.key.size-1, r.key.size)
	}
	resp, err := r.dav.ask(r.ctx, http.MethodGet, r.path, header, "")
	if err != nil {
		return err
	}
	if resp.StatusCode != want {
		return vanished(collect.Valid(r.path), refusal(resp, collect.Valid(r.path)))
	}
	tag := resp.Header.Get("Etag")
	if resp.ContentLength != r.left || resp.Header.Get("Content-Range") != begins || resp.Header.Get("Content-Encoding") != "" || r.key.mark != "" && tag != "" && tag != r.key.mark {
		return errors.Join(collect.ErrVanished, resp.Body.Close())
	}
	r.body = resp.Body
	return nil
}

func (r *shownReader) Read(p []byte) (n int, err error) {
	if r.left > 0 {
		n, err = r.body.Read(p[:min(int64(len(p)), r.left)])
		r.left -= int64(n)
		if err == io.EOF && r.left > 0 {
			return n, &collect.Interrupted{Err: errors.New("the answer ended early")}
		}
		if err != io.EOF {
			return n, err
		}
	}
	if r.left > 0 || len(p) == 0 {
		return n, nil
	}
	if err := r.same(); errors.Is(err, collect.ErrVanished) {
		return n, errChanged
	} else if err != nil {
		return n, err
	}
	return n, io.EOF
}

func (r *shownReader) Close() error {
	if r.body == nil {
		return nil
	}
	return r.body.Close()
}
