package graph

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// Bytes opens what lies at a path below the base, from offset on. A server
// that does not resume is read from the beginning.
func (c *Client) Bytes(ctx context.Context, path string, offset int64) (io.ReadCloser, error) {
	header := ranged(offset)
	a, err := c.get(ctx, c.base.String()+path, header)
	if err != nil {
		return nil, err
	}
	if a.StatusCode == http.StatusFound || a.StatusCode == http.StatusTemporaryRedirect {
		location := a.Header.Get("Location")
		a.Close()
		if a, err = c.download(ctx, location, header); err != nil {
			return nil, err
		}
	}
	if err := from(a, offset); err != nil {
		a.Close()
		return nil, err
	}
	return a, nil
}

func ranged(offset int64) http.Header {
	if offset == 0 {
		return nil
	}
	return http.Header{"Range": {"bytes=" + strconv.FormatInt(offset, 10) + "-"}}
}

// download goes where a file's bytes are, without the token: the address has a
// right of its own in it, for a few minutes.
func (c *Client) download(ctx context.Context, location string, header http.Header) (a *answer, err error) {
	u, err := url.Parse(location)
	if err != nil || u.Scheme != "https" || u.Host == "" || u.User != nil || !c.handsOut(u) {
		host := ""
		if err == nil {
			host = u.Host
		}
		return nil, nonsense("a file's bytes shall lie at host %q, which is not among the downloads in the config", cut(host))
	}
	err = c.patiently(ctx, func() error {
		a, err = c.try(ctx, u.String(), header, "")
		return err
	})
	return a, err
}

// handsOut reports whether a host is one that files are fetched from.
func (c *Client) handsOut(u *url.URL) bool {
	for _, d := range c.downloads {
		if u.Host == d || strings.HasPrefix(d, ".") && u.Port() == "" && strings.HasSuffix(strings.ToLower(u.Hostname()), d) {
			return true
		}
	}
	return false
}

// from brings an answer to where the reading shall go on.
func from(a *answer, offset int64) error {
	switch a.StatusCode {
	case http.StatusOK:
		if _, err := io.CopyN(io.Discard, a, offset); err == io.EOF {
			return nonsense("fewer bytes than were there before")
		} else if err != nil {
			return err
		}
		return nil
	case http.StatusPartialContent:
		if !strings.HasPrefix(a.Header.Get("Content-Range"), fmt.Sprintf("bytes %d-", offset)) || offset == 0 {
			return nonsense("another part of the bytes than was asked for")
		}
		return nil
	case http.StatusRequestedRangeNotSatisfiable:
		return nonsense("fewer bytes than were there before")
	}
	return a.refused()
}
