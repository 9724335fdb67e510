package files

import (
	"context"
	"errors"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/internal/collect"
)

// remote is a directory of a file server. Between two requests a user could
// put a link in its place; so whatever was opened by its path is used only if
// the path still leads to itself.
type remote struct {
	line *line
	path string // without links
}

func (r *remote) Close() error { return nil }

func (r *remote) list(ctx context.Context, from string, span int) ([]node, bool, error) {
	s, err := r.line.session(ctx)
	if err != nil {
		return nil, false, err
	}
	found := smallest{from: from, span: span}
	err = s.each(ctx, r.path, func(n node, mode uint32) bool {
		if n.facts != nil && n.kind == regular && mode&0o004 == 0 {
			n.hint = doubted
		}
		found.add(n)
		return true
	})
	if err == nil {
		err = itself(ctx, s, r.path)
	}
	if errors.Is(err, errGone) {
		return nil, false, nil // what was in it shows when states are compared
	}
	if err != nil {
		return nil, false, explain(r.path, err)
	}
	nodes, more := found.sorted()
	return nodes, more, nil
}

// doubted is the hint at a file that not everybody may read: only opening it
// shows whether these credentials may.
const doubted = special + 1

// itself is errGone if a path has come to lead elsewhere.
func itself(ctx context.Context, s *session, path string) error {
	real, err := s.real(ctx, path)
	if err == nil && real != path {
		err = errGone
	}
	return err
}

// explain makes of a server's refusal an error for people.
func explain(path string, err error) error {
	var status *statusError
	if errors.As(err, &status) {
		return collect.CannotRead(path, status)
	}
	return err
}

// maxPath is how long a path may be for a server to take it.
const maxPath = 4000

func (r *remote) look(ctx context.Context, n node) (node, error) {
	if len(r.path)+len(n.name) >= maxPath {
		n.facts = n.tooLong()
		return n, nil
	}
	if n.facts != nil && n.hint != doubted {
		return n, nil
	}
	s, err := r.line.session(ctx)
	if err != nil {
		return n, err
	}
	path := join(r.path, n.name)
	if n.facts == nil {
		if n.facts, _, err = s.stat(ctx, fxLstat, path); err != nil {
			return n, gone(path, err)
		}
	}
	if n.kind != regular {
		return n, nil
	}
	h, err := s.handle(ctx, fxOpen, request(nil).text(path).uint32(fxReadOnly).uint32(0))
	var status *statusError
	switch {
	case err == nil:
		return n, s.release(ctx, h)
	case errors.As(err, &status) && status.code == statusPermission:
		n.barred = barredPermission
		return n, nil
	}
	return n, gone(path, err)
}

// tooLong are the facts of an entry that no path can name.
func (n node) tooLong() *facts {
	f := facts{kind: special, links: 1}
	if n.facts != nil {
		f = *n.facts
	}
	f.barred = barredDepth
	return &f
}

func gone(path string, err error) error {
	if errors.Is(err, errGone) {
		return errGone
	}
	return explain(path, err)
}

func (r *remote) enter(_ context.Context, n node) (folder, error) {
	return &remote{r.line, join(r.path, n.name)}, nil
}

func join(dir, name string) string {
	if dir == "/" {
		return dir + name
	}
	return dir + "/" + name
}

// descend finds the directory that names lead to; errGone if there is none.
func descend(ctx context.Context, s *session, path string, names []string) (string, error) {
	for _, name := range names {
		path = join(path, name)
		f, _, err := s.stat(ctx, fxLstat, path)
		switch {
		case err != nil:
			return path, gone(path, err)
		case f.kind == link:
			return path, collect.CannotRead(path, collect.ErrLink)
		case f.kind != directory:
			return path, collect.CannotRead(path, errors.New("it is no directory"))
		}
	}
	if err := itself(ctx, s, path); err != nil {
		return path, gone(path, err)
	}
	return path, nil
}

// guarded makes sure that what a probe showed of the whole holds for the
// account's directory.
func guarded(ctx context.Context, s *session, base, path string) error {
	if ro, err := s.readOnly(ctx, base); err != nil || !ro {
		return unlessStatus(err)
	}
	if ro, err := s.readOnly(ctx, path); err != nil || !ro {
		return errors.Join(unlessStatus(err), vitrine.Refusef(vitrine.Refused, "%s is a mount of its own, for writing, while the mount above it is read-only: nothing was read; mount it read-only, too", path))
	}
	return nil
}

// unlessStatus is nil for what the server does not know.
func unlessStatus(err error) error {
	var status *statusError
	if errors.As(err, &status) {
		return nil
	}
	return err
}
