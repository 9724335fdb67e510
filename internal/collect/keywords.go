package collect

import (
	"context"
	"crypto/sha256"
	"fmt"
	"hash"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/internal/collect/search"
)

// ExtraNotSearched is the key under which an item says what of it could not be
// searched for keywords.
const ExtraNotSearched = "not-searched"

// ciphertext is why nothing can be found in what only its users can read.
const ciphertext = "ciphertext"

// searched is how an item is read by its form, or else by its source's family.
func searched(f Family, form string) search.Kind {
	switch {
	case slices.Contains([]string{"mbox", "mboxrd", "mboxo", "mboxcl2"}, form):
		return search.Message
	case strings.HasSuffix(form, "-json"):
		return search.Values
	case f == Mail:
		return search.Message
	case f == Files:
		return search.File
	}
	return search.Opaque
}

// narrow takes a verdict by time and correspondents to the demanded keywords:
// it reads the item whole, unless it finds one before. Where nobody can tell
// where the item begins or ends, there is nothing whose absence would show
// anything.
func (r *reading) narrow(ctx context.Context, it *Item, v *Verdict) error {
	if len(r.scope.Keywords) == 0 || v.Decision != In && v.Decision != Undeterminable || it.Uncertain != "" {
		return nil
	}
	found := search.Result{Unsearched: []string{ciphertext}}
	if !it.EndToEnd {
		var err error
		if found, err = r.search(ctx, *it); err != nil {
			return err
		}
	}
	v.keywords(found)
	if v.Decision != Out && len(found.Unsearched) > 0 {
		it.Extra = maps.Clone(it.Extra)
		if it.Extra == nil {
			it.Extra = map[string]string{}
		}
		it.Extra[ExtraNotSearched] = strings.Join(found.Unsearched, "; ")
	}
	return nil
}

// search reads an item until it finds a keyword. If it finds none, and all
// could be searched, what was read is what was enumerated.
func (r *reading) search(ctx context.Context, it Item) (search.Result, error) {
	stored, err := r.open(ctx, it)
	if err != nil {
		return search.Result{}, err
	}
	read := &measured{r: stored, sum: sha256.New()}
	found, err := search.Find(searched(r.source.Family(), it.Form), it.Name, read, r.scope.Keywords)
	if cerr := stored.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return found, fmt.Errorf("search item: %w", err)
	}
	if !found.Found && len(found.Unsearched) == 0 && (read.size != it.Size || !it.SHA256.IsZero() && vitrine.Digest(read.sum.Sum(nil)) != it.SHA256) {
		return found, errChanged
	}
	return found, nil
}

// keywords narrows a verdict by what a search found: only where all was
// searched and nothing was found is the item out.
func (v *Verdict) keywords(r search.Result) {
	switch {
	case r.Found:
	case len(r.Unsearched) == 0:
		v.Decision, v.Reason, v.Matched = Out, ReasonNoKeyword, nil
	case v.Decision == In:
		v.Decision, v.Reason = Undeterminable, ReasonNotSearched
	}
}

// measured counts and digests what is read.
type measured struct {
	r    io.Reader
	size int64
	sum  hash.Hash
}

func (m *measured) Read(b []byte) (int, error) {
	n, err := m.r.Read(b)
	m.size += int64(n)
	m.sum.Write(b[:n])
	return n, err
}
