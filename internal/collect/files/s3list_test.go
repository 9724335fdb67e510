package files

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/vitrine-project/vitrine/internal/collect"
)

// answering is a server that answers each request with the next text, and the last
// one for ever.
func answering(t *testing.T, answers ...string) *buckets {
	t.Helper()
	n := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(answers[min(n, len(answers)-1)], "wait") {
			<-r.Context().Done()
		}
		fmt.Fprint(w, answers[min(n, len(answers)-1)])
		n++
	}))
	t.Cleanup(server.Close)
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := S3{URL: server.URL + "/bucket/{account}", AccessKey: "k", Secret: secret}.Open("s", func(p string) string { return p })
	if err != nil {
		t.Fatal(err)
	}
	s.(*buckets).web.wait = 300 * time.Millisecond
	return s.(*buckets)
}

func pageOf(next string, keys ...string) string {
	s := "<ListVersionsResult>"
	if next != "" {
		s += "<IsTruncated>true</IsTruncated><NextKeyMarker>" + next + "</NextKeyMarker><NextVersionIdMarker>1</NextVersionIdMarker>"
	}
	for _, k := range keys {
		s += "<Version><Key>" + k + "</Key><VersionId>1</VersionId><LastModified>2002-08-22T17:26:25.123Z</LastModified><ETag>e</ETag><Size>1</Size></Version>"
	}
	return s + "</ListVersionsResult>"
}

// TestS3Lies: a listing that makes no sense ends everything; nothing of another
// account comes out of it.
func TestS3Lies(t *testing.T) {
	for what, c := range map[string]struct {
		answers []string
		want    string
	}{
		"true":               {[]string{pageOf("a/2", "a/1", "a/2"), pageOf("", "a/3")}, ""},
		"an overlap":         {[]string{pageOf("a/2", "a/1", "a/2"), pageOf("", "a/2", "a/3")}, ""},
		"another account":    {[]string{pageOf("", "a/1", "b/1")}, "makes no sense"},
		"a page again":       {[]string{pageOf("a/2", "a/1", "a/2"), pageOf("a/2", "a/1", "a/2")}, "makes no sense"},
		"a version again":    {[]string{pageOf("", "a/1", "a/1")}, "makes no sense"},
		"the same for ever":  {[]string{pageOf("a/1", "a/1")}, "makes no sense"},
		"no end":             {[]string{pageOf("a/2")}, "makes no sense"},
		"out of order":       {[]string{pageOf("", "a/2", "a/1")}, "makes no sense"},
		"a size below zero":  {[]string{strings.Replace(pageOf("", "a/1"), "<Size>1", "<Size>-1", 1)}, "makes no sense"},
		"no key":             {[]string{pageOf("", "")}, "makes no sense"},
		"another answer":     {[]string{"<ListBucketResult></ListBucketResult>"}, "makes no sense"},
		"no XML":             {[]string{"hello"}, "makes no sense"},
		"cut in the middle":  {[]string{pageOf("", "a/1")[:100]}, "makes no sense"},
		"an unknown coding":  {[]string{"<ListVersionsResult><EncodingType>rot13</EncodingType></ListVersionsResult>"}, "makes no sense"},
		"a page without end": {[]string{strings.Repeat(" ", maxPage+1)}, "makes no sense"},
		"silence":            {[]string{"wait"}, "the connection broke"},
	} {
		b := answering(t, c.answers...)
		n := 0
		err := b.Enumerate(t.Context(), collect.Container{Key: "a"}, "", func(it collect.Item) error {
			n++
			if strings.Contains(it.Name, "/") || it.Received.From.Unix() != 1030037185 {
				t.Errorf("%s: %+v", what, it)
			}
			return nil
		})
		if c.want == "" && (err != nil || n != 3) || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: %d items, %v", what, n, err)
		}
	}
}

// TestVersionPositions: positions lead back to where they stand, and are short.
func TestVersionPositions(t *testing.T) {
	for _, key := range []string{"a", "a/b", "#a", "", "ü", strings.Repeat("x", 1023), strings.Repeat("é", 511), "a\x00b", "\xff"} {
		p := versionPosition(key, "v/1#")
		at, err := parseVersionPosition(p)
		if err != nil || len(p) > 1023 {
			t.Fatalf("%q: %q, %v", key, p, err)
		}
		if at.sum != "" && (at.sum != sumOf(key, "v/1#") || !strings.HasPrefix(key, at.key) || at.key == key) || at.sum == "" && (at.key != key || at.id != "v/1#") {
			t.Errorf("%q is %+v", key, at)
		}
	}
}

func FuzzPage(f *testing.F) {
	f.Add([]byte(pageOf("a/2", "a/1", "a/2")))
	f.Add([]byte("<ListVersionsResult><EncodingType>url</EncodingType><DeleteMarker><Key>a%2Fb+c</Key><VersionId>1</VersionId></DeleteMarker></ListVersionsResult>"))
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := parsePage(b)
		if err != nil {
			return
		}
		for _, v := range p.Entries {
			if it := (&buckets{}).item("", v); it.Size < 0 || v.ID == "" || len(it.Position) > 1023 {
				t.Errorf("%+v", v)
			}
		}
	})
}
