package graph

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
)

// maxPages is how many pages one listing may have.
const maxPages = 1 << 20

// page is one page of a listing.
type page[T any] struct {
	Value *[]T   `json:"value"`
	Next  string `json:"@odata.nextLink"`
	Delta string `json:"@odata.deltaLink"`
}

// Listing is a request for a list.
type Listing struct {
	Path  string // below the base
	Query url.Values
	Size  int  // how many a page shall have; 0: as the server likes
	Delta bool // the last page must carry a deltaLink
}

// List calls yield for each entry, page by page, until the server names no
// further page. Whether it named all of them is the caller's to check: of a
// listing with Delta it is shown by the last page.
func List[T any](ctx context.Context, c *Client, l Listing, yield func(T) error) error {
	header := http.Header{}
	if l.Size > 0 {
		header.Set("Prefer", "odata.maxpagesize="+strconv.Itoa(l.Size))
	}
	address := c.base.String() + l.Path + encoded(l.Query)
	followed := map[string]bool{}
	for range maxPages {
		var p page[json.RawMessage]
		if err := c.read(ctx, address, header, &p); err != nil {
			return err
		}
		if p.Value == nil {
			return nonsense("a page without a list")
		}
		for _, raw := range *p.Value {
			var v T
			if err := json.Unmarshal(raw, &v); err != nil {
				return nonsense("an entry of another form than documented: %v", err)
			}
			if err := yield(v); err != nil {
				return err
			}
		}
		if p.Next == "" {
			if l.Delta && p.Delta == "" {
				return brokenf("a listing broke off: its last page names neither a further one nor the state it ends in")
			}
			return nil
		}
		next, err := c.below(p.Next)
		if err != nil {
			return err
		}
		if address = next.String(); followed[address] {
			return brokenf("a listing goes round in a circle")
		}
		followed[address] = true
	}
	return nonsense("a listing without an end")
}
