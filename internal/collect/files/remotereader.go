package files

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/vitrine-project/vitrine/internal/collect"
)

// A file is read in chunks, of which so many are asked for at once.
const (
	chunk = 32 << 10
	ahead = 32
)

// openRemote opens the version of a file that k tells, from offset on.
// ErrVanished if it is not there any more.
func openRemote(ctx context.Context, root *remote, k key, offset int64) (io.ReadCloser, error) {
	s, err := root.line.session(ctx)
	if err != nil {
		return nil, err
	}
	path := root.path
	for _, name := range k.path {
		path = join(path, name)
	}
	// Opening a FIFO would stop the server: only what is a file now is opened.
	f, _, err := s.stat(ctx, fxLstat, path)
	if err == nil && !k.is(0, f) {
		err = errGone
	}
	if err != nil {
		return nil, vanished(path, err)
	}
	h, err := s.handle(ctx, fxOpen, request(nil).text(path).uint32(fxReadOnly).uint32(0))
	if err != nil {
		return nil, vanished(path, err)
	}
	r := &remoteReader{ctx: ctx, session: s, handle: h, path: path, key: k, at: offset}
	if err = itself(ctx, s, path); err == nil && !r.same() {
		err = errGone
	}
	if err != nil {
		return nil, errors.Join(vanished(path, err), r.Close())
	}
	return r, nil
}

func vanished(path string, err error) error {
	if errors.Is(err, errGone) {
		return collect.ErrVanished
	}
	return explain(path, err)
}

// remoteReader reads a file and, at its end, makes sure that the server tells
// the same of it as before.
type remoteReader struct {
	ctx     context.Context
	session *session
	handle  string
	path    string
	key     key
	at      int64
	buffer  []byte // what was read ahead
	store   []byte
	err     error
}

// same reports whether the open file is the version that was enumerated. Where
// the connection breaks meanwhile, err tells.
func (r *remoteReader) same() bool {
	f, _, err := r.session.stat(r.ctx, fxFstat, r.handle)
	if err != nil {
		r.err = explain(r.path, err)
	}
	return err != nil || r.key.is(0, f)
}

func (r *remoteReader) Read(p []byte) (int, error) {
	if len(r.buffer) == 0 && r.err == nil {
		r.fill()
	}
	n := copy(p, r.buffer)
	r.buffer = r.buffer[n:]
	if n == 0 && len(p) > 0 {
		return 0, r.err
	}
	return n, nil
}

// fill reads the next chunks, or sets err.
func (r *remoteReader) fill() {
	if r.at >= r.key.size {
		if r.end(); r.err == nil {
			r.err = io.EOF
		}
		return
	}
	want := min(r.key.size-r.at, chunk*ahead)
	if int64(cap(r.store)) < want {
		r.store = make([]byte, want)
	}
	r.buffer = r.store[:want]
	n, err := r.session.chunks(r.ctx, r.handle, r.buffer, r.at)
	r.buffer = r.buffer[:n]
	r.at += int64(n)
	if err == io.EOF {
		err = errChanged // before its end
	}
	if err != nil && n == 0 {
		r.err = explain(r.path, err)
	}
}

// end makes sure that the file ends here and did not change.
func (r *remoteReader) end() {
	var one [1]byte
	n, err := r.session.chunks(r.ctx, r.handle, one[:], r.at)
	switch {
	case n > 0:
		r.err = errChanged
	case err != io.EOF:
		r.err = explain(r.path, err)
	case !r.same():
		r.err = errChanged
	}
}

func (r *remoteReader) Close() error {
	err := r.session.release(r.ctx, r.handle)
	var broken *collect.Interrupted
	if errors.As(err, &broken) || r.ctx.Err() != nil {
		return nil // the handle went with the connection
	}
	return unlessStatus(err)
}

// chunks reads into b what lies at a place, several requests at once. It
// returns how much of it is there without a gap; io.EOF only with nothing.
func (s *session) chunks(ctx context.Context, handle string, b []byte, at int64) (n int, err error) {
	var refused error
	err = s.within(ctx, func() error {
		first := s.id + 1
		count := 0
		for from := 0; from < len(b); from += chunk {
			if _, err := s.send(fxRead, request(nil).text(handle).uint64(uint64(at)+uint64(from)).uint32(uint32(min(chunk, len(b)-from)))); err != nil {
				return err
			}
			count++
		}
		got := make([]int, count)
		for range count {
			a, id, err := s.receive()
			if err != nil {
				return err
			}
			i := int(id - first)
			if id < first || i >= count || got[i] != 0 {
				return fmt.Errorf("%w: it answers another request", errWire)
			}
			if got[i], err = a.data(b[i*chunk : min((i+1)*chunk, len(b))]); err != nil {
				if errors.Is(err, errWire) {
					return err
				}
				got[i] = -1
				if i == 0 {
					refused = err
				}
			}
		}
		n = contiguous(got, len(b))
		return nil
	})
	if err == nil && n == 0 {
		err = refused
	}
	var status *statusError
	if errors.As(err, &status) && status.code == statusEOF {
		err = io.EOF
	}
	return n, err
}

// contiguous is how many bytes stand in a buffer of that length from its
// beginning on.
func contiguous(got []int, length int) (n int) {
	for i, g := range got {
		if g < 0 {
			return n
		}
		n += g
		if g < min(chunk, length-i*chunk) {
			return n
		}
	}
	return n
}

// data takes the bytes of an answer to a request for so many.
func (a *answer) data(b []byte) (int, error) {
	if err := a.status(); err != nil {
		return 0, err
	}
	n := uint64(a.uint32())
	if a.kind != fxData || a.bad || n == 0 || n > uint64(len(b)) {
		return 0, fmt.Errorf("%w: data", errWire)
	}
	copy(b, a.take(n))
	if a.bad {
		return 0, fmt.Errorf("%w: data", errWire)
	}
	return int(n), nil
}
