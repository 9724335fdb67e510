package files

import (
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/internal/collect"
)

// ruleGetLastModified is the rule by which a WebDAV server tells when a file
// was written.
const ruleGetLastModified = "getlastmodified"

const maxListing = 16 << 30 // bytes of one listing

// wanted are the properties that are asked for.
const wanted = `<?xml version="1.0" encoding="utf-8"?><propfind xmlns="DAV:"><prop><resourcetype/><getcontentlength/><getlastmodified/><creationdate/><getetag/><current-user-privilege-set/></prop></propfind>`

// shown is a directory of a WebDAV server. What it shows as a file may be a
// link that it follows: nothing tells.
type shown struct {
	dav  *dav
	path string
}

func (s *shown) Close() error { return nil }

func (s *shown) list(ctx context.Context, from string, span int) ([]node, bool, error) {
	found := smallest{from: from, span: span}
	err := s.dav.propfind(ctx, s.path, "1", func(name string, n node) error {
		if name != "" {
			n.name = name
			found.add(n)
		}
		return nil
	})
	if errors.Is(err, errGone) {
		return nil, false, nil // what was in it shows when states are compared
	}
	if err != nil {
		return nil, false, explainWeb(s.path, err)
	}
	nodes, more := found.sorted()
	return nodes, more, nil
}

func (s *shown) look(_ context.Context, n node) (node, error) { return n, nil }

func (s *shown) enter(_ context.Context, n node) (folder, error) {
	return &shown{s.dav, join(s.path, n.name)}, nil
}

// explainWeb makes of what is missing an error for people.
func explainWeb(path string, err error) error {
	if errors.Is(err, errGone) {
		return collect.CannotRead(collect.Valid(path), err)
	}
	return err
}

// ask makes one request for a path.
func (d *dav) ask(ctx context.Context, method, path string, header http.Header, text string) (*http.Response, error) {
	password, err := d.password()
	if err != nil {
		return nil, err
	}
	u := d.server
	u.Path, u.RawPath = path, pathEscaped(path)
	r, err := http.NewRequest(method, u.String(), strings.NewReader(text))
	if err != nil {
		return nil, fmt.Errorf("ask for a file: %w", err)
	}
	r.URL = &u
	for name, v := range header {
		r.Header[name] = v
	}
	r.SetBasicAuth(d.user, password)
	return d.web.do(ctx, r)
}

// pathEscaped escapes every name of a path by itself.
func pathEscaped(path string) string {
	names := strings.Split(path, "/")
	for i, n := range names {
		names[i] = url.PathEscape(n)
	}
	return strings.Join(names, "/")
}

// propfind calls f with what the server shows at a path, under the name "", and,
// at depth 1, in it. errGone if nothing is there.
func (d *dav) propfind(ctx context.Context, path, depth string, f func(name string, n node) error) error {
	at := path
	if depth != "0" && at != "/" {
		at += "/"
	}
	resp, err := d.ask(ctx, "PROPFIND", at, http.Header{"Depth": {depth}, "Content-Type": {"application/xml"}}, wanted)
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusMultiStatus {
		return refusal(resp, collect.Valid(path))
	}
	defer resp.Body.Close()
	return readMultistatus(io.LimitReader(resp.Body, maxListing), func(r response) error {
		name, err := d.nameOf(r.Href, path)
		if err != nil || depth == "0" && name != "" {
			return errors.Join(errShown, err)
		}
		n, err := r.node()
		if err != nil {
			return err
		}
		if d.proven.Load() && (n.rights == "" || n.writes) {
			return vitrine.Refusef(vitrine.Refused, "%s could be written to, while what lies above it could not: nothing was kept; give the user %s the right to read alone", collect.Valid(join(path, name)), d.user)
		}
		return f(name, n)
	})
}

var errShown = vitrine.Refusef(vitrine.Failed, "the server's answer to PROPFIND makes no sense: nothing was kept; see what server this is")

// nameOf is the name in the directory at path to which an href leads; "" for
// the directory itself.
func (d *dav) nameOf(href, path string) (string, error) {
	u, err := url.Parse(strings.TrimSpace(href))
	if err != nil || u.Host != "" && !strings.EqualFold(u.Host, d.server.Host) || u.RawQuery != "" || u.Opaque != "" {
		return "", fmt.Errorf("the address %q", collect.Valid(href))
	}
	// Each name is decoded by itself, so that no "/" comes out of one.
	base := strings.Split(strings.Trim(pathEscaped(path), "/"), "/")
	if base[0] == "" {
		base = nil
	}
	got := strings.Split(strings.Trim(u.EscapedPath(), "/"), "/")
	if got[0] == "" {
		got = nil
	}
	if len(got) != len(base) && len(got) != len(base)+1 {
		return "", fmt.Errorf("the address %q", collect.Valid(href))
	}
	for i, name := range got {
		name, err := url.PathUnescape(name)
		want := ""
		if i < len(base) {
			want, _ = url.PathUnescape(base[i])
		}
		if err != nil || i < len(base) && name != want || name == "" || name == "." || name == ".." || strings.ContainsAny(name, "/\x00") {
			return "", fmt.Errorf("the address %q", collect.Valid(href))
		}
		if i == len(base) {
			return name, nil
		}
	}
	return "", nil
}

// response is one resource of a multistatus answer (RFC 4918, section 14.24).
type response struct {
	Href  string `xml:"DAV: href"`
	Props []struct {
		Status string     `xml:"DAV: status"`
		Prop   properties `xml:"DAV: prop"`
	} `xml:"DAV: propstat"`
}

type properties struct {
	Type *struct {
		Collection *struct{} `xml:"DAV: collection"`
	} `xml:"DAV: resourcetype"`
	Length     *string `xml:"DAV: getcontentlength"`
	Modified   string  `xml:"DAV: getlastmodified"`
	Created    string  `xml:"DAV: creationdate"`
	ETag       string  `xml:"DAV: getetag"`
	Privileges *struct {
		Each []struct {
			Any []struct{ XMLName xml.Name } `xml:",any"`
		} `xml:"DAV: privilege"`
	} `xml:"DAV: current-user-privilege-set"`
}

// readMultistatus calls f with each response, one after the other.
func readMultistatus(r io.Reader, f func(response) error) error {
	d := xml.NewDecoder(r)
	for inside := false; ; {
		t, err := d.Token()
		if err == io.EOF && !inside {
			err = errors.New("it is empty")
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return badXML(err)
		}
		start, ok := t.(xml.StartElement)
		switch {
		case !ok:
		case !inside && start.Name == xml.Name{Space: "DAV:", Local: "multistatus"}:
			inside = true
		case !inside:
			return badXML(errors.New("it is no multistatus"))
		case start.Name == xml.Name{Space: "DAV:", Local: "response"}:
			var one response
			if err := d.DecodeElement(&one, &start); err != nil {
				return badXML(err)
			}
			if err := f(one); err != nil {
				return err
			}
		default:
			if err := d.Skip(); err != nil {
				return badXML(err)
			}
		}
	}
}

// badXML is an answer that is none, or that broke off.
func badXML(err error) error {
	var syntax *xml.SyntaxError
	var broken *collect.Interrupted
	if errors.As(err, &broken) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	if errors.As(err, &syntax) && strings.Contains(syntax.Msg, "unexpected EOF") {
		return &collect.Interrupted{Err: errors.New("the answer ended early")}
	}
	return fmt.Errorf("%w: %v", errShown, err)
}

// reading are the privileges that change nothing.
var reading = []string{"read", "read-acl", "read-current-user-privilege-set"}

// node is what the properties say that were found.
func (r response) node() (node, error) {
	f := &facts{kind: regular, links: 1, rule: ruleGetLastModified}
	var length *string
	for _, p := range r.Props {
		if !strings.Contains(p.Status, " 200") {
			continue
		}
		if p.Prop.Type != nil && p.Prop.Type.Collection != nil {
			f.kind = directory
		}
		if p.Prop.Length != nil {
			length = p.Prop.Length
		}
		if t, err := http.ParseTime(strings.TrimSpace(p.Prop.Modified)); err == nil {
			f.modified = t
		}
		if t, err := time.Parse(time.RFC3339Nano, strings.TrimSpace(p.Prop.Created)); err == nil {
			f.created = t
		}
		if p.Prop.ETag != "" {
			f.mark = strings.ReplaceAll(strings.TrimSpace(p.Prop.ETag), "\x00", "")
		}
		if p.Prop.Privileges == nil {
			continue
		}
		for _, each := range p.Prop.Privileges.Each {
			for _, one := range each.Any {
				f.rights = strings.TrimPrefix(f.rights+" "+one.XMLName.Local, " ")
				f.writes = f.writes || one.XMLName.Space != "DAV:" || !slices.Contains(reading, one.XMLName.Local)
			}
		}
	}
	if f.kind == directory {
		return node{facts: f}, nil
	}
	if length == nil {
		return node{}, fmt.Errorf("%w: a file without a length", errShown)
	}
	n, err := strconv.ParseInt(strings.TrimSpace(*length), 10, 64)
	if err != nil || n < 0 {
		return node{}, fmt.Errorf("%w: a length of %q", errShown, *length)
	}
	f.size = n
	return node{facts: f}, nil
}
