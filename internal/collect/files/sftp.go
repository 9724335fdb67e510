package files

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"strings"

	"golang.org/x/crypto/ssh"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/internal/collect"
)

// KindSFTP is the kind of a source of directory trees behind SFTP.
const KindSFTP = "sftp"

// SFTP is a file server as the provider's config has it.
type SFTP struct {
	// URL is sftp://user@host:port/path/{account}. Trusted: the server shows
	// every file of every account, and decides what their dates are.
	URL string `toml:"url"`
	// Key is a file with the user's private SSH key, without a passphrase, that
	// only its owner can read. Trusted: whoever has it reads all that the user may.
	Key string `toml:"key"`
	// HostKey is the server's public key, as a line of known_hosts or of
	// authorized_keys. Trusted: whoever has its private half is the server.
	HostKey string `toml:"host_key"`
}

// servers is a source of one directory tree for each account, on one server.
type servers struct {
	declaration vitrine.Source
	pattern     collect.Pattern
	line        *line
	span        int
}

// Open checks what can be checked without a connection.
func (c SFTP) Open(name string, resolve func(path string) string) (collect.Source, error) {
	u, err := url.Parse(c.URL)
	if err != nil || u.Scheme != "sftp" || u.Host == "" || u.RawQuery != "" || u.Fragment != "" || strings.Contains(u.Path, "\x00") {
		return nil, vitrine.Refusef(vitrine.Usage, "source %q: url %q: want sftp://user@host/path/{account}", name, c.URL)
	}
	if _, password := u.User.Password(); password || u.User.Username() == "" {
		return nil, vitrine.Refusef(vitrine.Usage, "source %q: its url must name the user, and no password: what lets it in is the file in key", name)
	}
	p, err := collect.ParsePattern(u.Path, "")
	if err != nil {
		return nil, vitrine.Refusef(vitrine.Usage, "source %q: url: %v", name, err)
	}
	host, err := parseHostKey(c.HostKey)
	if err != nil {
		return nil, vitrine.Refusef(vitrine.Usage, "source %q: host_key: %v: ssh-keyscan prints it, and the server's operator confirms its fingerprint", name, err)
	}
	if c.Key == "" {
		return nil, vitrine.Refusef(vitrine.Usage, "source %q: key is missing: name the file with the private SSH key", name)
	}
	port := u.Port()
	if port == "" {
		port = "22"
	}
	l := &line{address: net.JoinHostPort(u.Hostname(), port), user: u.User.Username(), hostKey: host, wait: answerWithin, secret: func() (ssh.Signer, error) {
		return sshSigner(resolve(c.Key))
	}}
	path := fmt.Sprintf("sftp://%s@%s%s %s", url.User(l.user), l.address, escaped(u.Path), ssh.FingerprintSHA256(host))
	return &servers{vitrine.Source{Name: name, Kind: KindSFTP, Path: path}, p, l, usualSpan}, nil
}

// escaped is a path without blanks or what cannot be printed.
func escaped(path string) string {
	return strings.NewReplacer("%7B", "{", "%7D", "}").Replace((&url.URL{Path: path}).EscapedPath())
}

func parseHostKey(text string) (ssh.PublicKey, error) {
	if strings.HasPrefix(strings.TrimSpace(text), "@") {
		return nil, errors.New("want a key, neither an authority's nor a revoked one")
	}
	if k, _, _, rest, err := ssh.ParseAuthorizedKey([]byte(text)); err == nil && len(rest) == 0 {
		return k, nil
	}
	_, _, k, _, rest, err := ssh.ParseKnownHosts([]byte(text))
	if err == nil && len(rest) == 0 {
		return k, nil
	}
	return nil, errors.New("want one line of known_hosts")
}

func sshSigner(path string) (ssh.Signer, error) {
	text, err := collect.Secret(path)
	if err != nil {
		return nil, err
	}
	s, err := ssh.ParsePrivateKey([]byte(text + "\n"))
	if err != nil {
		return nil, vitrine.Refusef(vitrine.Usage, "%s is no private SSH key without a passphrase: make one with ssh-keygen -t ed25519 -N ''", path)
	}
	return s, nil
}

func (v *servers) Declaration() vitrine.Source { return v.declaration }

func (v *servers) Family() collect.Family { return collect.Files }

func (v *servers) Holds() []vitrine.Category { return []vitrine.Category{Category} }

// base is the directory of all accounts, without links.
func (v *servers) base(ctx context.Context) (*session, string, error) {
	s, err := v.line.session(ctx)
	if err != nil {
		return nil, "", err
	}
	path, err := s.real(ctx, v.pattern.Base)
	if err != nil {
		return nil, "", explain(v.pattern.Base, err)
	}
	return s, path, nil
}

// Inventory lists the account's one tree.
func (v *servers) Inventory(ctx context.Context, a vitrine.Account) ([]collect.Container, error) {
	s, base, err := v.base(ctx)
	if err != nil {
		return nil, err
	}
	entry := ""
	if err := s.each(ctx, base, func(n node, _ uint32) bool {
		if n.name == string(a) {
			entry = n.name
		}
		return entry == ""
	}); err != nil {
		return nil, explain(base, err)
	}
	if entry == "" {
		return nil, nil
	}
	path, err := descend(ctx, s, base, v.pattern.Names(entry))
	if errors.Is(err, errGone) {
		return nil, nil
	}
	if err == nil {
		err = guarded(ctx, s, base, path)
	}
	if err != nil {
		return nil, err
	}
	c := collect.Container{Account: a, Name: whole, Kind: KindSFTP, Count: collect.NoCount, Key: entry}
	c.State, c.Size, err = measure(ctx, &remote{v.line, path}, v.span)
	return []collect.Container{c}, err
}

// root is the account's directory, looked for once in each conversation: what
// is opened below it must lead to itself all the way.
func (v *servers) root(ctx context.Context, c collect.Container) (*remote, error) {
	s, err := v.line.session(ctx)
	if err != nil {
		return nil, err
	}
	if path, ok := s.roots[c.Key]; ok {
		return &remote{v.line, path}, nil
	}
	s, base, err := v.base(ctx)
	if err != nil {
		return nil, err
	}
	path, err := descend(ctx, s, base, v.pattern.Names(c.Key))
	if errors.Is(err, errGone) {
		err = collect.CannotRead(path, errors.New("it is gone"))
	}
	if err == nil {
		s.roots[c.Key] = path
	}
	return &remote{v.line, path}, err
}

// Close returns the number of files and a digest of their names and versions.
func (v *servers) Close(ctx context.Context, c collect.Container) (string, error) {
	root, err := v.root(ctx, c)
	if err != nil {
		return "", err
	}
	state, _, err := measure(ctx, root, v.span)
	return state, err
}

// Enumerate yields the files in the order of their paths, name by name. It
// opens those only of which nothing else tells whether they can be read.
func (v *servers) Enumerate(ctx context.Context, c collect.Container, after string, yield func(collect.Item) error) error {
	root, err := v.root(ctx, c)
	if err != nil {
		return err
	}
	return enumerate(ctx, root, v.span, after, yield)
}

// Open returns a file's bytes. Whoever reads them to the end knows that
// neither its size nor its date changed.
func (v *servers) Open(ctx context.Context, c collect.Container, it collect.Item, offset int64) (io.ReadCloser, error) {
	k, err := parseKey(it.Key)
	if err != nil {
		return nil, err
	}
	root, err := v.root(ctx, c)
	if err != nil {
		return nil, err
	}
	return openRemote(ctx, root, k, offset)
}
