package files

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
)

// The requests and answers of the SSH File Transfer Protocol, version 3
// (draft-ietf-secsh-filexfer-02), that reading needs. There are none here that
// write.
const (
	fxInit          = 1
	fxVersion       = 2
	fxOpen          = 3
	fxClose         = 4
	fxRead          = 5
	fxLstat         = 7
	fxFstat         = 8
	fxOpendir       = 11
	fxReaddir       = 12
	fxRealpath      = 16
	fxStatus        = 101
	fxHandle        = 102
	fxData          = 103
	fxName          = 104
	fxAttrs         = 105
	fxExtended      = 200
	fxExtendedReply = 201

	fxVersion3 = 3
	fxReadOnly = 1 // the flag of an fxOpen

	statusEOF        = 1
	statusNoFile     = 2
	statusPermission = 3
)

const (
	attrSize        = 0x1
	attrOwner       = 0x2
	attrPermissions = 0x4
	attrTimes       = 0x8
	attrExtended    = 0x80000000
)

// maxPacket is how long an answer may be.
const maxPacket = 1 << 20

var errWire = errors.New("the server's answer is malformed")

// request is the body of a packet that is being written.
type request []byte

func (r request) uint32(v uint32) request { return binary.BigEndian.AppendUint32(r, v) }
func (r request) uint64(v uint64) request { return binary.BigEndian.AppendUint64(r, v) }
func (r request) text(s string) request   { return append(r.uint32(uint32(len(s))), s...) }

// answer is the rest of a packet that is being read. Behind its end all is
// zero and bad is set.
type answer struct {
	kind byte
	rest []byte
	bad  bool
}

func (a *answer) take(n uint64) []byte {
	if a.bad || n > uint64(len(a.rest)) {
		a.bad = true
		return make([]byte, min(n, 8))
	}
	b := a.rest[:n]
	a.rest = a.rest[n:]
	return b
}

func (a *answer) uint32() uint32 { return binary.BigEndian.Uint32(a.take(4)) }
func (a *answer) uint64() uint64 { return binary.BigEndian.Uint64(a.take(8)) }

func (a *answer) text() string {
	b := a.take(uint64(a.uint32()))
	if a.bad {
		return ""
	}
	return string(b)
}

// attrs reads a file's attributes. Where the server does not tell what an
// entry is or how long, known is false.
func (a *answer) attrs() (f *facts, mode uint32, known bool) {
	f = &facts{links: 1}
	flags := a.uint32()
	if flags&attrSize != 0 {
		f.size = int64(a.uint64())
	}
	if flags&attrOwner != 0 {
		a.take(8)
	}
	if flags&attrPermissions != 0 {
		mode = a.uint32()
		f.kind = kindOf(mode)
	}
	if flags&attrTimes != 0 {
		a.uint32()
		f.modified = time.Unix(int64(a.uint32()), 0)
	}
	if flags&attrExtended != 0 {
		for n := a.uint32(); n > 0 && !a.bad; n-- {
			a.text()
			a.text()
		}
	}
	if f.size < 0 {
		a.bad = true
	}
	return f, mode, !a.bad && f.kind != unknown && (flags&attrSize != 0 || f.kind != regular)
}

func kindOf(mode uint32) kind {
	switch mode & 0o170000 {
	case 0o100000:
		return regular
	case 0o040000:
		return directory
	case 0o120000:
		return link
	case 0:
		return unknown
	}
	return special
}

// statusError is a request that the server did not do.
type statusError struct {
	code uint32
	text string
}

func (e *statusError) Error() string { return fmt.Sprintf("the server says %d %q", e.code, e.text) }

// Is makes a missing file errGone.
func (e *statusError) Is(target error) bool { return target == errGone && e.code == statusNoFile }

// status is the error that the answer is, if it is a status.
func (a *answer) status() error {
	if a.kind != fxStatus {
		return nil
	}
	code := a.uint32()
	if a.bad {
		return errWire
	}
	if code == 0 {
		return nil
	}
	text := a.text() // some servers leave it out
	if len(text) > 200 {
		text = text[:200]
	}
	return &statusError{code, strings.ToValidUTF8(text, "\uFFFD")}
}

// readPacket reads one packet.
func readPacket(r io.Reader) (answer, error) {
	var head [5]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return answer{}, err
	}
	n := binary.BigEndian.Uint32(head[:4])
	if n < 1 || n > maxPacket {
		return answer{}, fmt.Errorf("%w: %d bytes", errWire, n)
	}
	b := make([]byte, n-1)
	if _, err := io.ReadFull(r, b); err != nil {
		return answer{}, err
	}
	return answer{kind: head[4], rest: b}, nil
}

// writePacket writes one packet.
func writePacket(w io.Writer, kind byte, body request) error {
	b := make(request, 0, 5+len(body)).uint32(uint32(1 + len(body)))
	_, err := w.Write(append(append(b, kind), body...))
	return err
}
