package files

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/minio/minio-go/v7/pkg/s3utils"
	"github.com/minio/minio-go/v7/pkg/signer"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/internal/collect"
)

// KindS3 is the kind of a source of objects in an S3 bucket, with all versions
// that the bucket keeps.
const KindS3 = "s3"

// S3 is a bucket as the provider's config has it.
type S3 struct {
	// URL is https://host/bucket/path/{account}: the account's objects are those
	// whose keys begin so, with a "/" behind. Trusted: the server shows every
	// object of every account, and decides what their dates are.
	URL string `toml:"url"`
	// Region is the bucket's; us-east-1 if empty. Trusted with nothing.
	Region string `toml:"region"`
	// AccessKey names the credentials. Trusted with nothing.
	AccessKey string `toml:"access_key"`
	// Secret is a file with the secret key, that only its owner can read.
	// Trusted: whoever has it may do what the access key may.
	Secret string `toml:"secret"`
}

// buckets is a source of the objects of one bucket.
type buckets struct {
	declaration       vitrine.Source
	pattern           collect.Pattern
	web               *web
	server            url.URL // scheme and host
	bucket            string
	region, accessKey string
	secret            func() (string, error)
}

// Open checks what can be checked without a connection.
func (c S3) Open(name string, resolve func(path string) string) (collect.Source, error) {
	u, err := checkURL(name, c.URL)
	if err != nil {
		return nil, err
	}
	bucket, path, _ := strings.Cut(strings.TrimPrefix(u.Path, "/"), "/")
	if bucket == "" || strings.Contains(bucket, "{account}") {
		return nil, vitrine.Refusef(vitrine.Usage, "source %q: url %q: want https://host/bucket/{account}", name, c.URL)
	}
	p, err := collect.ParsePattern(path, "")
	if err != nil {
		return nil, vitrine.Refusef(vitrine.Usage, "source %q: url: behind the bucket: %v", name, err)
	}
	if c.AccessKey == "" || c.Secret == "" {
		return nil, vitrine.Refusef(vitrine.Usage, "source %q: access_key and secret are needed: the key's name, and the file with the secret key", name)
	}
	b := &buckets{pattern: p, web: newWeb(), server: url.URL{Scheme: u.Scheme, Host: u.Host}, bucket: bucket, region: c.Region, accessKey: c.AccessKey}
	if b.region == "" {
		b.region = "us-east-1"
	}
	b.secret = func() (string, error) { return collect.Secret(resolve(c.Secret)) }
	b.declaration = vitrine.Source{Name: name, Kind: KindS3, Path: fmt.Sprintf("%s://%s%s %s", u.Scheme, u.Host, escaped(u.Path), url.PathEscape(c.AccessKey))}
	return b, nil
}

func (b *buckets) Declaration() vitrine.Source { return b.declaration }

func (b *buckets) Family() collect.Family { return collect.Files }

func (b *buckets) Holds() []vitrine.Category { return []vitrine.Category{Category} }

// Probe can show nothing: S3 lets no key ask what it may do, and a bucket's
// policy and lists do not bind every key.
func (b *buckets) Probe(context.Context) (collect.Access, error) {
	return collect.Access{
		Shown:  "S3 has no request by which a key could ask for its own rights",
		Writes: fmt.Sprintf("S3 lets no key ask what it may do; give the key %s a policy that allows s3:ListBucketVersions, s3:GetObject and s3:GetObjectVersion alone, and confirm it", b.accessKey),
	}, nil
}

// emptySum is the digest of no bytes, as a signature needs it.
var emptySum = hex.EncodeToString(sha256.New().Sum(nil))

// get makes one signed request for a key, or for the bucket if it is "".
func (b *buckets) get(ctx context.Context, key string, query url.Values, header http.Header) (*http.Response, error) {
	secret, err := b.secret()
	if err != nil {
		return nil, err
	}
	u := b.server
	u.Path = "/" + b.bucket
	if key != "" {
		u.Path += "/" + key
	}
	u.RawPath, u.RawQuery = s3utils.EncodePath(u.Path), strings.ReplaceAll(query.Encode(), "+", "%20")
	r, err := http.NewRequest(http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, fmt.Errorf("ask for an object: %w", err)
	}
	r.URL = &u
	for name, v := range header {
		r.Header[name] = v
	}
	r.Header.Set("X-Amz-Content-Sha256", emptySum)
	return b.web.do(ctx, signer.SignV4(*r, b.accessKey, secret, "", b.region))
}

// prefix is how all keys of an account begin.
func (b *buckets) prefix(a string) string {
	names := b.pattern.Names(a)
	if b.pattern.Base != "." {
		names = append([]string{b.pattern.Base}, names...)
	}
	return strings.Join(names, "/") + "/"
}

// Inventory lists the account's one container, if any key begins with it.
func (b *buckets) Inventory(ctx context.Context, a vitrine.Account) ([]collect.Container, error) {
	if a == "" || strings.ContainsAny(string(a), "/\x00") {
		return nil, nil
	}
	c := collect.Container{Account: a, Name: whole, Kind: KindS3, Count: collect.NoCount, Key: string(a)}
	var count int64
	var err error
	c.State, c.Size, count, err = b.measure(ctx, c)
	if err != nil || count == 0 {
		return nil, err
	}
	return []collect.Container{c}, nil
}

// measure returns a token for all versions of all objects, and their size.
func (b *buckets) measure(ctx context.Context, c collect.Container) (state string, size, count int64, err error) {
	h := sha256.New()
	err = b.each(ctx, b.prefix(c.Key), "", func(v version) error {
		io.WriteString(h, v.Key+"\x00"+v.identity()+"\x00")
		size += v.Size
		count++
		return nil
	})
	return fmt.Sprintf("versions=%d names=%s", count, hex.EncodeToString(h.Sum(nil)[:16])), size, count, err
}

// Close returns the number of versions and a digest of their names.
func (b *buckets) Close(ctx context.Context, c collect.Container) (string, error) {
	state, _, _, err := b.measure(ctx, c)
	return state, err
}

// Open returns a version's bytes. Whoever reads them to the end knows that
// they are as many as were listed, of the version with the ETag that was.
func (b *buckets) Open(ctx context.Context, c collect.Container, it collect.Item, offset int64) (io.ReadCloser, error) {
	if it.Form == formDeleted {
		return io.NopCloser(strings.NewReader("")), nil
	}
	k, err := parseVersionKey(it.Key)
	if err != nil {
		return nil, err
	}
	header := http.Header{"If-Match": {k.etag}}
	if offset > 0 {
		header.Set("Range", fmt.Sprintf("bytes=%d-", offset))
	}
	if offset >= it.Size && offset > 0 {
		return io.NopCloser(strings.NewReader("")), nil
	}
	resp, err := b.get(ctx, k.name, url.Values{"versionId": {k.id}}, header)
	if err != nil {
		return nil, err
	}
	want := http.StatusOK
	if offset > 0 {
		want = http.StatusPartialContent
	}
	if resp.StatusCode == http.StatusPreconditionFailed {
		resp.Body.Close()
		return nil, collect.ErrVanished
	}
	if resp.StatusCode != want {
		return nil, vanished(collect.Valid(k.name), refusal(resp, collect.Valid(k.name)))
	}
	begins := ""
	if offset > 0 {
		begins = fmt.Sprintf("bytes %d-%d/%d", offset, it.Size-1, it.Size)
	}
	if got := resp.Header.Get("X-Amz-Version-Id"); resp.Header.Get("Etag") != k.etag || got != "" && got != k.id ||
		resp.ContentLength != it.Size-offset || resp.Header.Get("Content-Range") != begins {
		resp.Body.Close()
		return nil, vitrine.Refusef(vitrine.Failed, "the server answers with something else than was asked for: nothing was kept, run the step again")
	}
	return &exactly{ReadCloser: resp.Body, left: it.Size - offset}, nil
}

// exactly reads so many bytes and nothing behind them.
type exactly struct {
	io.ReadCloser
	left int64
}

func (e *exactly) Read(p []byte) (int, error) {
	n, err := e.ReadCloser.Read(p)
	if e.left -= int64(n); e.left < 0 {
		return 0, errChanged
	}
	if err == io.EOF && e.left > 0 {
		err = &collect.Interrupted{Err: errors.New("the answer ended early")}
	}
	return n, err
}
