package files

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/internal/collect"
)

// session is one conversation with a file server: requests in turn, each with
// a time by which it must be answered.
type session struct {
	mu         sync.Mutex
	out        io.Writer
	in         *bufio.Reader
	hang       func() // ends the connection
	wait       time.Duration
	id         uint32
	broken     error
	extensions map[string]bool
	roots      map[string]string // of accounts, by their keys
}

// hello begins a conversation.
func hello(ctx context.Context, out io.Writer, in io.Reader, hang func(), wait time.Duration) (*session, error) {
	s := &session{out: out, in: bufio.NewReaderSize(in, 64<<10), hang: hang, wait: wait, extensions: map[string]bool{}, roots: map[string]string{}}
	err := s.within(ctx, func() error {
		if err := writePacket(s.out, fxInit, request(nil).uint32(fxVersion3)); err != nil {
			return err
		}
		a, err := readPacket(s.in)
		if err != nil {
			return err
		}
		if version := a.uint32(); a.kind != fxVersion || a.bad || version != fxVersion3 {
			return fmt.Errorf("%w: it speaks no SFTP version 3", errWire)
		}
		for len(a.rest) > 0 && !a.bad {
			name := a.text()
			a.text()
			s.extensions[name] = true
		}
		return nil
	})
	return s, err
}

// within does f, which speaks with the server, in time. What breaks it off is
// an Interrupted, but what the server says wrongly is final.
func (s *session) within(ctx context.Context, f func() error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.broken != nil {
		return s.broken
	}
	timed, cancel := context.WithTimeout(ctx, s.wait)
	defer cancel()
	stop := context.AfterFunc(timed, s.hang)
	err := f()
	if stop() && err == nil {
		return nil
	}
	if err == nil {
		err = io.ErrUnexpectedEOF // it was hung up behind f
	}
	s.hang()
	switch {
	case ctx.Err() != nil:
		s.broken = ctx.Err()
	case timed.Err() != nil:
		s.broken = &collect.Interrupted{Err: fmt.Errorf("the server did not answer within %v", s.wait)}
	case errors.Is(err, errWire):
		s.broken = vitrine.Refusef(vitrine.Failed, "%v: nothing was collected; see what server this is", err)
	default:
		s.broken = &collect.Interrupted{Err: fmt.Errorf("the connection broke: %w", err)}
	}
	return s.broken
}

// send writes a request and returns its number.
func (s *session) send(kind byte, body request) (uint32, error) {
	s.id++
	return s.id, writePacket(s.out, kind, append(request(nil).uint32(s.id), body...))
}

// receive reads an answer and its request's number.
func (s *session) receive() (answer, uint32, error) {
	a, err := readPacket(s.in)
	if err != nil {
		return a, 0, err
	}
	id := a.uint32()
	if a.bad {
		return a, 0, errWire
	}
	return a, id, nil
}

// ask makes one request and wants an answer of a kind.
func (s *session) ask(ctx context.Context, kind byte, body request, want byte) (a answer, err error) {
	var refused error
	err = s.within(ctx, func() error {
		id, err := s.send(kind, body)
		if err != nil {
			return err
		}
		var got uint32
		if a, got, err = s.receive(); err != nil {
			return err
		}
		if got != id {
			return fmt.Errorf("%w: it answers another request", errWire)
		}
		if refused = a.status(); errors.Is(refused, errWire) {
			return refused
		}
		if refused == nil && a.kind != want {
			return fmt.Errorf("%w: of kind %d for a request of kind %d", errWire, a.kind, kind)
		}
		return nil
	})
	if err == nil {
		err = refused
	}
	return a, err
}

// malformed ends the conversation over an answer that makes no sense.
func (s *session) malformed(what string) error {
	return s.within(context.Background(), func() error { return fmt.Errorf("%w: %s", errWire, what) })
}

// handle makes a request that is answered with a handle.
func (s *session) handle(ctx context.Context, kind byte, body request) (string, error) {
	a, err := s.ask(ctx, kind, body, fxHandle)
	if err != nil {
		return "", err
	}
	h := a.text()
	if a.bad {
		return "", s.malformed("a handle")
	}
	return h, nil
}

// release closes a handle.
func (s *session) release(ctx context.Context, handle string) error {
	_, err := s.ask(ctx, fxClose, request(nil).text(handle), fxStatus)
	return err
}

// stat asks for attributes: of a path itself, or of a handle.
func (s *session) stat(ctx context.Context, kind byte, what string) (*facts, uint32, error) {
	a, err := s.ask(ctx, kind, request(nil).text(what), fxAttrs)
	if err != nil {
		return nil, 0, err
	}
	f, mode, known := a.attrs()
	if a.bad {
		return nil, 0, s.malformed("attributes")
	}
	if !known {
		return nil, 0, vitrine.Refusef(vitrine.Failed, "the server does not tell what its entries are, or how long: nothing was collected; collect from a copy of its files")
	}
	return f, mode, nil
}

// real is where a path leads, every symbolic link followed.
func (s *session) real(ctx context.Context, path string) (string, error) {
	a, err := s.ask(ctx, fxRealpath, request(nil).text(path), fxName)
	if err != nil {
		return "", err
	}
	count, name := a.uint32(), a.text()
	if a.bad || count != 1 || !strings.HasPrefix(name, "/") {
		return "", s.malformed("a path")
	}
	return name, nil
}

// extStatvfs is the extension that tells of a file system.
const extStatvfs = "statvfs@openssh.com"

// readOnly reports whether the file system below a path is mounted read-only
// for the server; an error if it does not tell.
func (s *session) readOnly(ctx context.Context, path string) (bool, error) {
	a, err := s.ask(ctx, fxExtended, request(nil).text(extStatvfs).text(path), fxExtendedReply)
	if err != nil {
		return false, err
	}
	a.take(9 * 8) // sizes and the file system's id
	flags := a.uint64()
	a.take(8)
	if a.bad {
		return false, s.malformed("a file system's flags")
	}
	return flags&1 != 0, nil
}

// each lists a directory. It ends the listing where f returns false.
func (s *session) each(ctx context.Context, path string, f func(n node, mode uint32) bool) error {
	h, err := s.handle(ctx, fxOpendir, request(nil).text(path))
	if err != nil {
		return err
	}
	for entries := 0; ; {
		a, err := s.ask(ctx, fxReaddir, request(nil).text(h), fxName)
		var status *statusError
		if errors.As(err, &status) && status.code == statusEOF {
			return s.release(ctx, h)
		}
		if err != nil {
			return err
		}
		count := a.uint32()
		if entries += int(count); count == 0 || entries > maxEntries {
			return s.malformed("a listing without an end")
		}
		for ; count > 0; count-- {
			name := a.text()
			a.text() // for people
			facts, mode, known := a.attrs()
			if a.bad || name == "" || strings.ContainsAny(name, "/\x00") {
				return s.malformed("a listing, with the name " + strconv.Quote(collect.Valid(name)))
			}
			if name == "." || name == ".." {
				continue
			}
			if !known {
				facts = nil
			}
			if !f(node{name: name, facts: facts}, mode) {
				return s.release(ctx, h)
			}
		}
	}
}

// maxEntries is how many entries a directory may have.
const maxEntries = 1 << 27
