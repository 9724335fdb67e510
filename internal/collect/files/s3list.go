package files

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/internal/collect"
	"github.com/vitrine-project/vitrine/production"
)

const (
	formDeleted      = "delete-marker"
	ruleLastModified = "last-modified"
	flagNotLatest    = "not-latest"
	barredArchive    = "archived"

	maxPage = 16 << 20 // bytes of one page of a listing
)

// version is one version of an object, or the mark that it was deleted.
type version struct {
	XMLName      xml.Name
	Key          string `xml:"Key"`
	ID           string `xml:"VersionId"`
	Latest       bool   `xml:"IsLatest"`
	LastModified string `xml:"LastModified"`
	ETag         string `xml:"ETag"`
	Size         int64  `xml:"Size"`
	StorageClass string `xml:"StorageClass"`
}

func (v version) deleted() bool { return v.XMLName.Local == "DeleteMarker" }

func (v version) identity() string {
	return fmt.Sprintf("%s\x00%s\x00%s\x00%s\x00%d", v.XMLName.Local, v.ID, v.LastModified, v.ETag, v.Size)
}

// page is an answer to ListObjectVersions.
type page struct {
	XMLName       xml.Name
	Truncated     bool      `xml:"IsTruncated"`
	Encoding      string    `xml:"EncodingType"`
	NextKey       string    `xml:"NextKeyMarker"`
	NextVersion   string    `xml:"NextVersionIdMarker"`
	Prefix        string    `xml:"Prefix"`
	KeyMarker     string    `xml:"KeyMarker"`
	VersionMarker string    `xml:"VersionIdMarker"`
	Entries       []version `xml:",any"`
}

func parsePage(b []byte) (*page, error) {
	var p page
	if err := xml.Unmarshal(b, &p); err != nil {
		return nil, fmt.Errorf("%w: %v", errListing, err)
	}
	if p.XMLName.Local != "ListVersionsResult" {
		return nil, fmt.Errorf("%w: it is a %q", errListing, collect.Valid(p.XMLName.Local))
	}
	versions := p.Entries[:0]
	for _, v := range p.Entries {
		if v.XMLName.Local != "Version" && !v.deleted() {
			continue
		}
		if v.Size < 0 || v.ID == "" || v.Key == "" && p.Encoding == "" {
			return nil, fmt.Errorf("%w: a version without a key, an id or a size", errListing)
		}
		versions = append(versions, v)
	}
	p.Entries = versions
	if p.Encoding == "" {
		return &p, nil
	}
	if p.Encoding != "url" {
		return nil, fmt.Errorf("%w: keys encoded as %q", errListing, p.Encoding)
	}
	var err error
	if p.NextKey, err = url.QueryUnescape(p.NextKey); err != nil {
		return nil, fmt.Errorf("%w: %v", errListing, err)
	}
	for i, v := range p.Entries {
		if p.Entries[i].Key, err = url.QueryUnescape(v.Key); err != nil {
			return nil, fmt.Errorf("%w: %v", errListing, err)
		}
	}
	return &p, nil
}

var errListing = vitrine.Refusef(vitrine.Failed, "the server's listing makes no sense, or repeats itself: nothing was kept; see what server this is")

// each calls f with every version whose key begins with prefix and, unless it
// is "", lies behind the key after; keys in ascending order of their bytes, the
// newest version first. Some servers begin a page with what the one before
// ended with, or with the key itself behind which they are to go on.
func (b *buckets) each(ctx context.Context, prefix, after string, f func(version) error) error {
	last, seen := version{Key: after}, map[string]bool{}
	for key, id := after, ""; ; {
		p, err := b.page(ctx, prefix, key, id)
		if err != nil {
			return err
		}
		for i, v := range p.Entries {
			if after != "" && v.Key == after || i == 0 && v.Key == last.Key && v.ID == last.ID {
				continue
			}
			if !strings.HasPrefix(v.Key, prefix) || v.Key < last.Key || v.Key == last.Key && seen[v.ID] {
				return fmt.Errorf("%w: key %q", errListing, collect.Valid(v.Key))
			}
			if v.Key != last.Key {
				clear(seen)
			}
			last, seen[v.ID] = v, true
			if err := f(v); err != nil {
				return err
			}
		}
		if !p.Truncated {
			return nil
		}
		if len(p.Entries) == 0 || p.NextKey < key || p.NextKey == key && p.NextVersion == id {
			return fmt.Errorf("%w: it goes on where it was", errListing)
		}
		key, id = p.NextKey, p.NextVersion
	}
}

func (b *buckets) page(ctx context.Context, prefix, key, id string) (*page, error) {
	query := url.Values{"versions": {""}, "prefix": {prefix}, "encoding-type": {"url"}, "max-keys": {"1000"}}
	if key != "" {
		query.Set("key-marker", key)
	}
	if id != "" {
		query.Set("version-id-marker", id)
	}
	resp, err := b.get(ctx, "", query, nil)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode != http.StatusOK {
		err := refusal(resp, "bucket "+b.bucket)
		if errors.Is(err, errGone) {
			err = collect.CannotRead("bucket "+b.bucket, err)
		}
		return nil, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxPage+1))
	if err != nil {
		return nil, err
	}
	if len(text) > maxPage {
		return nil, fmt.Errorf("%w: a page is longer than %d bytes", errListing, maxPage)
	}
	return parsePage(text)
}

// codeIn is the code in an S3 error, in brackets.
func codeIn(text []byte) string {
	var e struct {
		Code string `xml:"Code"`
	}
	if xml.Unmarshal(text, &e) != nil || e.Code == "" || len(e.Code) > 64 {
		return ""
	}
	return " (" + collect.Valid(e.Code) + ")"
}

// Enumerate yields every version of every object, in the order of their keys.
func (b *buckets) Enumerate(ctx context.Context, c collect.Container, after string, yield func(collect.Item) error) error {
	prefix := b.prefix(c.Key)
	from, err := parseVersionPosition(after)
	if err != nil {
		return err
	}
	each := func(v version) error { return yield(b.item(prefix, v)) }
	if after == "" {
		return b.each(ctx, prefix, "", each)
	}
	// What else there is of the key that was read last, and then what is behind.
	found := false
	whole := prefix + from.key
	if from.sum != "" {
		return b.lost(&found, b.each(ctx, prefix, whole, func(v version) error {
			if found {
				return each(v)
			}
			found = sumOf(strings.TrimPrefix(v.Key, prefix), v.ID) == from.sum
			return nil
		}))
	}
	err = b.each(ctx, whole, "", func(v version) error {
		switch {
		case v.Key != whole:
			return errEnough
		case found:
			return each(v)
		}
		found = v.ID == from.id
		return nil
	})
	if err != nil && err != errEnough {
		return err
	}
	if err := b.lost(&found, nil); err != nil {
		return err
	}
	return b.each(ctx, prefix, whole, each)
}

var errEnough = fmt.Errorf("enough was listed")

func (b *buckets) lost(found *bool, err error) error {
	if err == nil && !*found {
		return errLost
	}
	return err
}

// item is the evidence on one version.
func (b *buckets) item(prefix string, v version) collect.Item {
	name := strings.TrimPrefix(v.Key, prefix)
	it := collect.Item{
		Name: collect.Valid(name), Identity: name + "\x00" + v.identity(), Position: versionPosition(name, v.ID), Size: v.Size, Category: Category, Form: form,
		Received: production.Interval{Rule: ruleLastModified, Raw: v.LastModified},
		Extra:    map[string]string{"version-id": v.ID, "latest": strconv.FormatBool(v.Latest)},
		Key:      versionKey{v.Key, v.ID, v.ETag}.String(),
	}
	if at, err := time.Parse(time.RFC3339Nano, v.LastModified); err == nil && at.Unix() > 0 {
		at = at.UTC().Truncate(time.Second)
		it.Received.From, it.Received.To = at, at
	}
	if !v.Latest {
		it.Flags = []string{flagNotLatest}
	}
	if v.deleted() {
		it.Form, it.Size = formDeleted, 0
		return it
	}
	it.Extra["etag"] = v.ETag
	if v.StorageClass != "" {
		it.Extra["storage-class"] = v.StorageClass
	}
	switch v.StorageClass {
	case "GLACIER", "DEEP_ARCHIVE":
		it.Unreadable = barredArchive
	}
	return it
}

// versionPlace is a position: a key and version, or, where the key is long, its
// beginning and a digest of both.
type versionPlace struct{ key, id, sum string }

func sumOf(key, id string) string {
	sum := sha256.Sum256([]byte(id + "\x00" + key))
	return base64.RawURLEncoding.EncodeToString(sum[:16])
}

func versionPosition(key, id string) string {
	if p := url.QueryEscape(id) + "/" + key; len(p) <= maxPosition && utf8.ValidString(p) {
		return p
	}
	head := key[:min(len(key), 500)]
	for len(head) > 0 && (!utf8.ValidString(head) || len(head) == len(key)) {
		head = head[:len(head)-1]
	}
	return "#" + sumOf(key, id) + "/" + head
}

func parseVersionPosition(s string) (versionPlace, error) {
	if s == "" {
		return versionPlace{}, nil
	}
	id, key, ok := strings.Cut(s, "/")
	if !ok {
		return versionPlace{}, fmt.Errorf("position: no key")
	}
	if sum, isSum := strings.CutPrefix(id, "#"); isSum {
		return versionPlace{key: key, sum: sum}, nil
	}
	id, err := url.QueryUnescape(id)
	if err != nil {
		return versionPlace{}, fmt.Errorf("position: %w", err)
	}
	return versionPlace{key: key, id: id}, nil
}

// versionKey tells a version to Open.
type versionKey struct{ name, id, etag string }

func (k versionKey) String() string { return k.id + "\x00" + k.etag + "\x00" + k.name }

func parseVersionKey(s string) (versionKey, error) {
	parts := strings.SplitN(s, "\x00", 3)
	if len(parts) != 3 {
		return versionKey{}, fmt.Errorf("key of a version: %d parts", len(parts))
	}
	return versionKey{id: parts[0], etag: parts[1], name: parts[2]}, nil
}
