package conform

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/internal/collect"
)

// watched is a source that is looked upon: it notes which accounts are asked
// for and what is opened.
type watched struct {
	collect.Source
	asked      []vitrine.Account // by inventory, enumeration and opening
	containers []collect.Container
	opened     int
	yield      func(collect.Container) // called at each item before it is handed on; nil: nothing
}

func (w *watched) Inventory(ctx context.Context, a vitrine.Account) ([]collect.Container, error) {
	w.asked = append(w.asked, a)
	cs, err := w.Source.Inventory(ctx, a)
	w.containers = append(w.containers, cs...)
	return cs, err
}

func (w *watched) Enumerate(ctx context.Context, c collect.Container, after string, yield func(collect.Item) error) error {
	w.asked = append(w.asked, c.Account)
	seen := map[string]bool{}
	return w.Source.Enumerate(ctx, c, after, func(it collect.Item) error {
		if w.yield != nil {
			w.yield(c)
		}
		switch {
		case it.Identity == "":
			return fmt.Errorf("item %q has no identity", it.Name)
		case it.Position == "" && it.Unreadable != collect.Vanished || len(it.Position) >= 1<<10:
			return fmt.Errorf("item %q has a position of %d bytes: want 1 to 1,023", it.Name, len(it.Position))
		}
		if seen[it.Identity] {
			return fmt.Errorf("item %q has the identity of another one", it.Name)
		}
		seen[it.Identity] = true
		return yield(it)
	})
}

func (w *watched) Open(ctx context.Context, c collect.Container, it collect.Item, offset int64) (io.ReadCloser, error) {
	w.asked = append(w.asked, c.Account)
	w.opened++
	return w.Source.Open(ctx, c, it, offset)
}

// strangers are accounts that were asked for and are not in scope.
func (w *watched) strangers(accounts []string) (list []vitrine.Account) {
	for _, a := range w.asked {
		if !slices.Contains(accounts, string(a)) {
			list = append(list, a)
		}
	}
	return list
}

// errBroken is what a breaking source says.
var errBroken = errors.New("the connection broke off")

// tooOften is more than a source can be broken off that goes on behind the
// position it is given.
const tooOften = 2000

// breaking is a source whose connection breaks off: every call once before it
// is answered, enumeration after every third item, and every item once in the
// middle.
type breaking struct {
	collect.Source
	mu     sync.Mutex
	broken map[string]bool
	breaks int
}

// once breaks off the first time that it is called with what.
func (b *breaking) once(what string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.broken == nil {
		b.broken = map[string]bool{}
	}
	if b.broken[what] {
		return nil
	}
	b.broken[what] = true
	b.breaks++
	return &collect.Interrupted{Err: errBroken}
}

func (b *breaking) Probe(ctx context.Context) (collect.Access, error) {
	if err := b.once("probe"); err != nil {
		return collect.Access{}, err
	}
	return b.Source.Probe(ctx)
}

func (b *breaking) Inventory(ctx context.Context, a vitrine.Account) ([]collect.Container, error) {
	if err := b.once("inventory " + string(a)); err != nil {
		return nil, err
	}
	return b.Source.Inventory(ctx, a)
}

func (b *breaking) Enumerate(ctx context.Context, c collect.Container, after string, yield func(collect.Item) error) error {
	if err := b.once("enumerate " + c.Name); err != nil {
		return err
	}
	n := 0
	return b.Source.Enumerate(ctx, c, after, func(it collect.Item) error {
		if n++; n > 3 {
			if b.breaks++; b.breaks > tooOften {
				return fmt.Errorf("after %d interruptions there is no end: items come again", b.breaks)
			}
			return &collect.Interrupted{Err: errBroken}
		}
		return yield(it)
	})
}

func (b *breaking) Open(ctx context.Context, c collect.Container, it collect.Item, offset int64) (io.ReadCloser, error) {
	what := "open " + c.Name + "\x00" + it.Position
	if err := b.once(what); err != nil {
		return nil, err
	}
	r, err := b.Source.Open(ctx, c, it, offset)
	if err != nil || it.Size < 2 {
		return r, err
	}
	if broken := b.once(what + " in the middle"); broken != nil {
		return &torn{r, io.LimitReader(r, it.Size/2), broken}, nil
	}
	return r, nil
}

func (b *breaking) Close(ctx context.Context, c collect.Container) (string, error) {
	if err := b.once("close " + c.Name); err != nil {
		return "", err
	}
	return b.Source.Close(ctx, c)
}

// torn is an item that breaks off.
type torn struct {
	io.Closer
	half   io.Reader
	broken error
}

func (t *torn) Read(b []byte) (int, error) {
	n, err := t.half.Read(b)
	if err == io.EOF {
		err = t.broken
	}
	return n, err
}
