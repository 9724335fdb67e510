package files

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/vitrine-project/vitrine/internal/collect"
	"github.com/vitrine-project/vitrine/internal/graph"
)

// driveKey tells a version of a file to Open. content is set for the one that
// was the newest.
type driveKey struct {
	item, version, content string
	size                   int64
}

func (k driveKey) String() string {
	return strconv.FormatInt(k.size, 10) + "/" + k.item + "/" + k.version + "/" + k.content
}

func parseDriveKey(s string) (k driveKey, err error) {
	parts := strings.SplitN(s, "/", 4)
	if len(parts) != 4 {
		return k, fmt.Errorf("key of a version: %d parts", len(parts))
	}
	if k.size, err = strconv.ParseInt(parts[0], 10, 64); err != nil {
		return k, fmt.Errorf("key of a version: %w", err)
	}
	k.item, k.version, k.content = parts[1], parts[2], parts[3]
	return k, nil
}

// Open returns a version's bytes. Whoever reads them to the end knows that they
// are as many as were listed and, for the newest, that the file was not written
// meanwhile.
func (d *drives) Open(ctx context.Context, c collect.Container, it collect.Item, offset int64) (io.ReadCloser, error) {
	if it.Form == formDeleted {
		return io.NopCloser(strings.NewReader("")), nil
	}
	k, err := parseDriveKey(it.Key)
	if err != nil {
		return nil, err
	}
	r, err := d.content(ctx, c.Key, k, offset)
	if _, gone := graph.Refused(err, http.StatusNotFound); gone {
		return nil, collect.ErrVanished
	}
	if err != nil {
		return nil, driveFault(err)
	}
	return r, nil
}

// content opens a version's bytes. The newest version has no address of its own
// until another is newer.
func (d *drives) content(ctx context.Context, drive string, k driveKey, offset int64) (io.ReadCloser, error) {
	item := graph.Path("drives", drive, "items", k.item)
	version := &driveReader{ctx: ctx, drives: d, left: k.size - offset, path: item + graph.Path("versions", k.version, "content")}
	if k.content == "" {
		return version.open(offset)
	}
	now, err := d.current(ctx, item)
	if err != nil {
		return nil, err
	}
	newest := &driveReader{ctx: ctx, drives: d, left: k.size - offset, path: item + "/content", item: item, content: now}
	if now == k.content {
		return newest.open(offset)
	}
	// It was written after it was listed, and its versions were listed before
	// that or behind it.
	r, err := version.open(offset)
	if _, is := graph.Refused(err, http.StatusBadRequest); is {
		return newest.open(offset)
	}
	return r, err
}

// open begins to read.
func (r *driveReader) open(offset int64) (io.ReadCloser, error) {
	if offset > 0 && r.left == 0 {
		r.body = io.NopCloser(strings.NewReader(""))
		return r, nil
	}
	var err error
	if r.body, err = r.drives.client.Bytes(r.ctx, r.path, offset); err != nil {
		return nil, err
	}
	return r, nil
}

// current is the mark of a file's content now.
func (d *drives) current(ctx context.Context, item string) (string, error) {
	var now driveEntry
	err := d.client.Get(ctx, item, url.Values{"$select": {"id,cTag"}}, &now)
	return now.Content, err
}

// driveReader makes sure, at the end, that it read what was enumerated.
type driveReader struct {
	ctx           context.Context
	drives        *drives
	body          io.ReadCloser
	left          int64
	path          string
	item, content string // of the newest version
}

func (r *driveReader) Read(p []byte) (int, error) {
	n, err := r.body.Read(p)
	if r.left -= int64(n); r.left < 0 {
		return 0, errChanged
	}
	if err != io.EOF {
		return n, driveFault(err)
	}
	if r.left > 0 {
		return 0, errChanged
	}
	if r.item != "" {
		now, err := r.drives.current(r.ctx, r.item)
		if err != nil {
			return n, vanishedDrive(err)
		}
		if now != r.content {
			return 0, errChanged
		}
		r.item = ""
	}
	return n, io.EOF
}

// vanishedDrive is an error at the end of a file that was read whole: one that
// was deleted meanwhile was not changed before.
func vanishedDrive(err error) error {
	if _, gone := graph.Refused(err, http.StatusNotFound); gone {
		return io.EOF
	}
	return driveFault(err)
}

func (r *driveReader) Close() error { return r.body.Close() }
