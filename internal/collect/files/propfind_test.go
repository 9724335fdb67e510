package files

import (
	"bytes"
	"net/url"
	"strings"
	"testing"
)

// TestNameOf: an address leads to a name in the directory or nowhere.
func TestNameOf(t *testing.T) {
	d := &dav{server: url.URL{Scheme: "https", Host: "example.org"}}
	for href, want := range map[string]string{
		"/dav/a%20b/": "", "/dav/a%20b": "", "/dav/a%20b/c": "c", "/dav/a%20b/c/": "c", "/dav/%61 b/c": "c", "https://EXAMPLE.org/dav/a%20b/%C3%BC": "ü", "/dav/a%20b/c%25": "c%",
		"/dav/a%20b/c/d": "!", "/dav/": "!", "/dav/x/c": "!", "/dav/a%20b/..": "!", "/dav/a%20b/%2e%2e": "!", "/dav/a%20b/c%2Fd": "!", "/dav%2Fa%20b/c": "!", "https://example.com/dav/a%20b/c": "!",
		"/dav/a%20b/c?x": "!", "/dav/a%20b//c": "!", "mailto:x": "!", "": "!", "/dav/a%20b/%00": "!", "%": "!",
	} {
		got, err := d.nameOf(href, "/dav/a b")
		if (err != nil) != (want == "!") || err == nil && got != want {
			t.Errorf("%q: %q, %v; want %q", href, got, err, want)
		}
	}
}

func FuzzMultistatus(f *testing.F) {
	f.Add([]byte(`<D:multistatus xmlns:D="DAV:"><D:response><D:href>/dav/a</D:href><D:propstat><D:prop><D:getcontentlength>5</D:getcontentlength></D:prop><D:status>HTTP/1.1 200 OK</D:status></D:propstat></D:response></D:multistatus>`))
	d := &dav{server: url.URL{Host: "h"}}
	f.Fuzz(func(t *testing.T, b []byte) {
		readMultistatus(bytes.NewReader(b), func(r response) error {
			name, err := d.nameOf(r.Href, "/dav")
			if err != nil {
				return err
			}
			n, err := r.node()
			if err == nil && (n.size < 0 || strings.ContainsAny(name, "/\x00") || name == "." || name == "..") {
				t.Errorf("%q: %+v", name, n.facts)
			}
			return err
		})
	})
}
