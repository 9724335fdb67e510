package files

import (
	"context"
	"errors"
	"slices"
	"strings"
)

// Limits of a walk: how many names are listed at once at the top, halved for
// each level down to the least, so that their sum is bounded; and how deep
// directories may lie in each other.
const (
	usualSpan = 1 << 16
	leastSpan = 1 << 10
	maxDepth  = 256
)

// walk visits all entries below a directory, in the order of their names,
// level by level.
type walk struct {
	ctx  context.Context
	span int
	// entry is told of everything but directories that can be entered; without
	// facts, of what is gone. Both paths are its own until it returns.
	entry func(path trail, n node) error
}

// trail is a path by the names that were listed, on which positions rest, and
// by those that were found when their turn came.
type trail struct{ listed, now []string }

func (t trail) down(listed, now string) trail {
	return trail{append(t.listed, listed), append(t.now, now)}
}

// all visits what lies in d, whose path is given, behind the position after.
func (w *walk) all(d folder, path trail, after position) error {
	from := ""
	if len(after) > 0 {
		if err := w.resolve(d, &after[0]); err != nil {
			return err
		}
		from = after[0].name
	}
	span := max(w.span>>min(len(path.now), 30), min(w.span, leastSpan))
	for {
		list, more, err := d.list(w.ctx, from, span)
		if err != nil {
			return err
		}
		for _, n := range list {
			if err := w.ctx.Err(); err != nil {
				return err
			}
			var behind position
			if len(after) > 0 && n.name == after[0].name {
				if behind = after[1:]; len(behind) == 0 {
					continue
				}
			}
			now, err := w.look(d, n, list, more)
			if err == nil {
				err = w.one(d, path.down(n.name, now.name), now, behind)
			}
			if err != nil && err != errLater {
				return err
			}
		}
		if !more {
			return nil
		}
		from = list[len(list)-1].name + "\x00" // the next name there can be
	}
}

// errLater says that an entry has its turn under another name.
var errLater = errors.New("the entry comes again")

// look takes an entry's facts. One that was renamed has its turn here, unless
// it has one under its new name, too: then nothing is left of the old one.
func (w *walk) look(d folder, listed node, list []node, more bool) (node, error) {
	n, err := d.look(w.ctx, listed)
	if errors.Is(err, errGone) {
		listed.facts = nil
		return listed, nil
	}
	if err != nil || n.name == listed.name {
		return n, err
	}
	if _, again := slices.BinarySearchFunc(list, n.name, toName); again {
		listed.facts = nil
		return listed, nil
	}
	if more && n.name > list[len(list)-1].name {
		return n, errLater
	}
	return n, nil
}

func toName(n node, name string) int { return strings.Compare(n.name, name) }

// one visits one entry. Where behind is not empty, something in it was the
// last that was visited, so that it is of interest as a directory only.
func (w *walk) one(d folder, path trail, n node, behind position) error {
	if n.facts == nil {
		if n.hint == directory || len(behind) > 0 {
			return nil
		}
		return w.entry(path, n)
	}
	if n.kind == directory && n.barred == "" && len(path.now) > maxDepth {
		n.barred = barredDepth
	}
	if n.kind != directory || n.barred != "" {
		if len(behind) > 0 {
			return nil
		}
		return w.entry(path, n)
	}
	sub, err := d.enter(w.ctx, n)
	if errors.Is(err, errGone) {
		return nil
	}
	if err != nil {
		return err
	}
	return errors.Join(w.all(sub, path, behind), sub.Close())
}

// resolve finds the name that an element of a position stands for.
func (w *walk) resolve(d folder, e *element) error {
	for from := ""; e.digest != ""; {
		list, more, err := d.list(w.ctx, from, leastSpan)
		if err != nil {
			return err
		}
		for _, n := range list {
			if digestOf(n.name) == e.digest {
				e.name, e.digest = n.name, ""
			}
		}
		if e.digest != "" && !more {
			return errLost
		}
		if more {
			from = list[len(list)-1].name + "\x00"
		}
	}
	return nil
}
