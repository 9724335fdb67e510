package files_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/internal/collect"
	"github.com/vitrine-project/vitrine/internal/collect/files"
	"github.com/vitrine-project/vitrine/internal/vitrinetest/fileserver"
	"github.com/vitrine-project/vitrine/internal/vitrinetest/signed"
)

// shop is a bucket on a real server, with a client that writes.
type shop struct {
	t      *testing.T
	server *fileserver.S3
	client *minio.Client
}

func newShop(t *testing.T, versions bool) *shop {
	t.Helper()
	server := fileserver.VersityGW(t)
	c, err := minio.New(server.Host, &minio.Options{Creds: credentials.NewStaticV4(server.AccessKey, server.Secret, "")})
	if err != nil {
		t.Fatal(err)
	}
	s := &shop{t, server, c}
	s.must(c.MakeBucket(t.Context(), "bucket", minio.MakeBucketOptions{}))
	if versions {
		s.must(c.EnableVersioning(t.Context(), "bucket"))
	}
	return s
}

func (s *shop) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

func (s *shop) put(key, text string) string {
	s.t.Helper()
	info, err := s.client.PutObject(s.t.Context(), "bucket", key, strings.NewReader(text), int64(len(text)), minio.PutObjectOptions{DisableMultipart: true})
	s.must(err)
	return info.VersionID
}

func (s *shop) remove(key string) {
	s.t.Helper()
	s.must(s.client.RemoveObject(s.t.Context(), "bucket", key, minio.RemoveObjectOptions{}))
}

// source is the bucket as the provider's config has it.
func (s *shop) source() collect.Source {
	s.t.Helper()
	c := files.S3{URL: "http://" + s.server.Host + "/bucket/users/{account}", AccessKey: s.server.AccessKey, Secret: s.server.SecretFile}
	return opened(s.t)(c.Open("s", asIs))
}

// today is a collection of what was stored today.
func today(t *testing.T, h collect.Hold, s collect.Source) collect.Job {
	t.Helper()
	j := job(t, h, s)
	now := time.Now().UTC().Truncate(time.Second)
	p, err := vitrine.NewPeriod(now.Add(-24*time.Hour), now.Add(24*time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	scope, err := vitrine.Scope{Accounts: []vitrine.Account{"alice"}, Categories: []vitrine.Category{vitrine.Content}, Period: p, Clock: vitrine.ClockReceived}.Normal()
	if err != nil {
		t.Fatal(err)
	}
	j.Mandate = signed.Mandate(t, scope, s.Declaration())
	return j
}

// TestS3Versions: every version is an item, with its bytes, and so is every
// delete marker; nothing of other accounts is.
func TestS3Versions(t *testing.T) {
	shop := newShop(t, true)
	want := []string{}
	for _, key := range []string{"users/alice/a", "users/alice/b c+d%20e&f", "users/alice/d/e", "users/alice/d-", "users/alice/ünï"} {
		for _, text := range []string{"first", "second of " + key, ""} {
			shop.put(key, text)
			want = append(want, strings.TrimPrefix(key, "users/alice/")+"="+text+" file")
		}
	}
	shop.remove("users/alice/a")
	want = append(want, "a= delete-marker")
	shop.put("users/alice/a", "again")
	want = append(want, "a=again file")
	large := strings.Repeat("0123456789abcdef", 300_000)
	shop.put("users/alice/large", large)
	want = append(want, "large="+large+" file")
	for _, key := range []string{"users/alice2/x", "users/alicf", "users/alic/x", "users/bob/alice/x", "alice/x"} {
		shop.put(key, "SECRET")
	}
	s := shop.source()
	h := &held{}
	c, err := today(t, h, s).Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for i, it := range h.items {
		got = append(got, it.Name+"="+string(h.bytes[i])+" "+it.Form)
		if latest := it.Extra["latest"] == "true"; slices.Contains(it.Flags, "not-latest") == latest || it.Extra["version-id"] == "" {
			t.Errorf("%s: %v, %v", it.Name, it.Flags, it.Extra)
		}
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) || c.In != int64(len(want)) || c.Containers[0].Vanished+c.Containers[0].Arrived != 0 {
		t.Errorf("%d items %.300q, want %d %.300q; %+v", len(got), got, len(want), want, c.Containers[0])
	}
	all := items(t, s, "")
	for i, it := range all {
		if rest := items(t, s, it.Position); !slices.Equal(names(rest), names(all[i+1:])) {
			t.Errorf("behind %q comes %q, want %q", it.Position, names(rest), names(all[i+1:]))
		}
	}
	for _, offset := range []int64{1, 100, int64(len(large)) - 1, int64(len(large))} {
		it := all[slices.IndexFunc(all, func(it collect.Item) bool { return it.Name == "large" })]
		if b, err := read(t.Context(), s, container(t, s), it, offset); err != nil || string(b) != large[offset:] {
			t.Errorf("from %d on: %d bytes, %v", offset, len(b), err)
		}
	}
	for _, a := range []vitrine.Account{"", "nobody", "alic", "bob/alice", "alice/d", ".", "..", "Alice"} {
		if cs, err := s.Inventory(t.Context(), a); err != nil || len(cs) != 0 && a != "alic" {
			t.Errorf("account %q: %v, %v", a, cs, err)
		}
	}
}

// TestS3Plain: a bucket that keeps no versions; and what is overwritten or
// removed meanwhile is never handed out as what was listed.
func TestS3Plain(t *testing.T) {
	shop := newShop(t, false)
	for i := range 1100 { // more than a page
		shop.put(fmt.Sprintf("users/alice/%04d", i), fmt.Sprint(i))
	}
	s := shop.source()
	list := items(t, s, "")
	if len(list) != 1100 {
		t.Fatalf("%d objects", len(list))
	}
	if rest := items(t, s, list[50].Position); len(rest) != 1049 || rest[0].Name != "0051" {
		t.Errorf("behind 0050 come %d", len(rest))
	}
	c := container(t, s)
	shop.put("users/alice/0001", "X")
	shop.remove("users/alice/0002")
	for i, want := range map[int]error{0: nil, 1: collect.ErrVanished, 2: collect.ErrVanished} {
		b, err := read(t.Context(), s, c, list[i], 0)
		if !errors.Is(err, want) || err == nil && string(b) != fmt.Sprint(i) {
			t.Errorf("object %d: %q, %v", i, b, err)
		}
	}
	state, err := s.Close(t.Context(), c)
	if err != nil || state == c.State {
		t.Errorf("state %q, %v", state, err)
	}
}

// TestS3Refusals: what another attempt cannot mend is said at once.
func TestS3Refusals(t *testing.T) {
	shop := newShop(t, true)
	for text, change := range map[string]func(*files.S3){
		"cannot be read": func(c *files.S3) { c.Secret = loose(t, "wrongwrong", 0o600) },
		"only its owner": func(c *files.S3) { c.Secret = loose(t, "secretsecret", 0o644) },
		"NoSuchBucket":   func(c *files.S3) { c.URL = strings.Replace(c.URL, "bucket", "nobucket", 1) },
	} {
		c := files.S3{URL: "http://" + shop.server.Host + "/bucket/{account}", AccessKey: shop.server.AccessKey, Secret: shop.server.SecretFile}
		change(&c)
		_, err := opened(t)(c.Open("s", asIs)).Inventory(t.Context(), "alice")
		says(t, err, text)
	}
	if a, err := shop.source().Probe(t.Context()); err != nil || a.Writes == "" {
		t.Errorf("%+v, %v", a, err)
	}
	for url, ok := range map[string]bool{
		"https://h/bucket/{account}": true, "http://127.0.0.1:1/b/x/{account}/y": true, "https://h/{account}": false, "https://h/bucket": false, "http://h/bucket/{account}": false,
		"https://u:p@h/bucket/{account}": false, "https://h/bucket/{account}?x": false, "": false,
	} {
		if _, err := (files.S3{URL: url, AccessKey: "k", Secret: "s"}).Open("s", asIs); (err == nil) != ok {
			t.Errorf("%q: %v", url, err)
		}
	}
}

// TestS3Hangup cuts the connection off after any number of bytes.
func TestS3Hangup(t *testing.T) {
	shop := newShop(t, true)
	large := strings.Repeat("0123456789abcdef", 10_000)
	shop.put("users/alice/a", large)
	shop.put("users/alice/b", "b")
	p := fileserver.NewProxy(t, shop.server.Host)
	shop.server.Host = p.Address
	for _, limit := range []int64{1, 50, 500, 5_000, 50_000, 161_000} {
		s := shop.source()
		p.Limit.Store(limit)
		h := &held{}
		j := today(t, h, s)
		var again *collect.Interrupted
		if _, err := s.Inventory(t.Context(), "alice"); limit < 1000 && !errors.As(err, &again) {
			t.Errorf("cut after %d bytes: %v", limit, err)
		}
		p.Limit.Store(max(limit, 5_000)) // what the listing needs
		if c, err := j.Run(t.Context()); err != nil || c.In != 2 || string(h.bytes[0]) != large {
			t.Errorf("cut after %d bytes: %+v, %v", limit, c.Counts, err)
		}
		p.Limit.Store(0)
	}
	if p.Spoilt.Load() < 6 {
		t.Errorf("%d connections were cut", p.Spoilt.Load())
	}
}
