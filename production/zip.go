package production

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"os"
)

// The parts of a ZIP file that are used (APPNOTE.TXT 6.3.10, 4.3). Entries are
// stored, follow each other without gaps, and have no extra field in their
// local header; spec/production.md has the bytes.
const (
	sigLocal      = 0x04034b50
	sigDescriptor = 0x08074b50
	sigCentral    = 0x02014b50
	sigEnd        = 0x06054b50
	sigEnd64      = 0x06064b50
	sigLocator64  = 0x07064b50

	localLen   = 30
	centralLen = 46
	endLen     = 22
	end64Len   = 56
	locatorLen = 20

	flagUTF8       = 1 << 11
	flagDescriptor = 1 << 3
	zipDate        = 1<<5 | 1 // 1980-01-01
	max32          = 1<<32 - 1
	smallEntry     = 1 << 20 // up to here size and CRC stand in the local header
)

// entry is one file in the archive.
type entry struct {
	name     string
	size     int64
	crc      uint32
	offset   int64 // of the local header
	streamed bool  // size and CRC follow the data
}

// length is what the entry takes in the archive before the next one.
func (e entry) length() int64 {
	n := localLen + int64(len(e.name)) + e.size
	if e.streamed {
		n += int64(len(e.descriptor()))
	}
	return n
}

func (e entry) flags() uint16 {
	if e.streamed {
		return flagUTF8 | flagDescriptor
	}
	return flagUTF8
}

func (e entry) version() uint16 {
	if e.size >= max32 || e.offset >= max32 {
		return 45
	}
	return 20
}

// local is the entry's local header.
func (e entry) local() []byte {
	b := binary.LittleEndian.AppendUint32(nil, sigLocal)
	b = binary.LittleEndian.AppendUint16(b, 20)
	b = binary.LittleEndian.AppendUint16(b, e.flags())
	b = append(b, 0, 0, 0, 0) // stored, midnight
	b = binary.LittleEndian.AppendUint16(b, zipDate)
	crc, size := e.crc, uint32(e.size)
	if e.streamed {
		crc, size = 0, 0
	}
	b = binary.LittleEndian.AppendUint32(b, crc)
	b = binary.LittleEndian.AppendUint32(b, size)
	b = binary.LittleEndian.AppendUint32(b, size)
	b = binary.LittleEndian.AppendUint16(b, uint16(len(e.name)))
	b = append(b, 0, 0)
	return append(b, e.name...)
}

// descriptor follows the data of a streamed entry; its sizes have 8 bytes
// where 4 do not hold them.
func (e entry) descriptor() []byte {
	b := binary.LittleEndian.AppendUint32(nil, sigDescriptor)
	b = binary.LittleEndian.AppendUint32(b, e.crc)
	if e.size < max32 {
		b = binary.LittleEndian.AppendUint32(b, uint32(e.size))
		return binary.LittleEndian.AppendUint32(b, uint32(e.size))
	}
	b = binary.LittleEndian.AppendUint64(b, uint64(e.size))
	return binary.LittleEndian.AppendUint64(b, uint64(e.size))
}

// central is the entry's header in the central directory.
func (e entry) central() []byte {
	var extra []byte
	size, offset := uint32(min(e.size, max32)), uint32(min(e.offset, max32))
	if size == max32 {
		extra = binary.LittleEndian.AppendUint64(extra, uint64(e.size))
		extra = binary.LittleEndian.AppendUint64(extra, uint64(e.size))
	}
	if offset == max32 {
		extra = binary.LittleEndian.AppendUint64(extra, uint64(e.offset))
	}
	if len(extra) > 0 {
		head := binary.LittleEndian.AppendUint16([]byte{1, 0}, uint16(len(extra)))
		extra = append(head, extra...)
	}
	b := binary.LittleEndian.AppendUint32(nil, sigCentral)
	b = binary.LittleEndian.AppendUint16(b, 3<<8|45) // made on Unix, so that the mode below counts
	b = binary.LittleEndian.AppendUint16(b, e.version())
	b = binary.LittleEndian.AppendUint16(b, e.flags())
	b = append(b, 0, 0, 0, 0)
	b = binary.LittleEndian.AppendUint16(b, zipDate)
	b = binary.LittleEndian.AppendUint32(b, e.crc)
	b = binary.LittleEndian.AppendUint32(b, size)
	b = binary.LittleEndian.AppendUint32(b, size)
	b = binary.LittleEndian.AppendUint16(b, uint16(len(e.name)))
	b = binary.LittleEndian.AppendUint16(b, uint16(len(extra)))
	b = append(b, 0, 0, 0, 0, 0, 0)                       // no comment, disk 0, binary
	b = binary.LittleEndian.AppendUint32(b, 0o100600<<16) // a regular file for its owner
	b = binary.LittleEndian.AppendUint32(b, offset)
	b = append(b, e.name...)
	return append(b, extra...)
}

// end closes an archive of so many entries, whose central directory lies at
// start and is length long.
func end(entries, start, length int64) []byte {
	var b []byte
	if entries >= 1<<16-1 || start >= max32 || length >= max32 {
		b = binary.LittleEndian.AppendUint32(b, sigEnd64)
		b = binary.LittleEndian.AppendUint64(b, end64Len-12)
		b = binary.LittleEndian.AppendUint16(b, 3<<8|45)
		b = binary.LittleEndian.AppendUint16(b, 45)
		b = binary.LittleEndian.AppendUint64(b, 0) // two disk numbers
		b = binary.LittleEndian.AppendUint64(b, uint64(entries))
		b = binary.LittleEndian.AppendUint64(b, uint64(entries))
		b = binary.LittleEndian.AppendUint64(b, uint64(length))
		b = binary.LittleEndian.AppendUint64(b, uint64(start))
		b = binary.LittleEndian.AppendUint32(b, sigLocator64)
		b = binary.LittleEndian.AppendUint32(b, 0)
		b = binary.LittleEndian.AppendUint64(b, uint64(start+length))
		b = binary.LittleEndian.AppendUint32(b, 1)
	}
	b = binary.LittleEndian.AppendUint32(b, sigEnd)
	b = binary.LittleEndian.AppendUint32(b, 0)
	n := uint16(min(entries, 1<<16-1))
	b = binary.LittleEndian.AppendUint16(b, n)
	b = binary.LittleEndian.AppendUint16(b, n)
	b = binary.LittleEndian.AppendUint32(b, uint32(min(length, max32)))
	b = binary.LittleEndian.AppendUint32(b, uint32(min(start, max32)))
	return binary.LittleEndian.AppendUint16(b, 0)
}

// archive writes a ZIP file in one pass. Its central directory waits in a
// file, so that memory does not grow with the number of entries.
type archive struct {
	out     io.Writer
	offset  int64
	entries int64
	central *spool
}

func newArchive(out io.Writer, dir string) (*archive, error) {
	central, err := newSpool(dir)
	if err != nil {
		return nil, err
	}
	return &archive{out: out, central: central}, nil
}

func (a *archive) write(b []byte) error {
	n, err := a.out.Write(b)
	a.offset += int64(n)
	return err
}

// add writes a file that is at hand.
func (a *archive) add(name string, content []byte) error {
	if len(content) > smallEntry {
		return a.stream(name, bytes.NewReader(content), nil)
	}
	e := entry{name: name, size: int64(len(content)), crc: crc32.ChecksumIEEE(content), offset: a.offset}
	if err := a.write(e.local()); err != nil {
		return err
	}
	if err := a.write(content); err != nil {
		return err
	}
	return a.enter(e)
}

// stream writes a file of unknown size from r, and passes what it reads to
// also, if that is not nil.
func (a *archive) stream(name string, r io.Reader, also io.Writer) error {
	if also == nil {
		also = io.Discard
	}
	e := entry{name: name, offset: a.offset, streamed: true}
	if err := a.write(e.local()); err != nil {
		return err
	}
	crc := crc32.NewIEEE()
	buf := make([]byte, smallEntry)
	for {
		n, err := io.ReadFull(r, buf)
		also.Write(buf[:n]) // a hash or nothing: it does not fail
		crc.Write(buf[:n])
		e.size += int64(n)
		if werr := a.write(buf[:n]); werr != nil {
			return werr
		}
		if err == io.EOF || err == io.ErrUnexpectedEOF {
			break
		}
		if err != nil {
			return err
		}
	}
	e.crc = crc.Sum32()
	if err := a.write(e.descriptor()); err != nil {
		return err
	}
	return a.enter(e)
}

func (a *archive) enter(e entry) error {
	a.entries++
	_, err := a.central.Write(e.central())
	return err
}

// close writes the central directory and the end.
func (a *archive) close() error {
	start := a.offset
	r, err := a.central.rewind()
	if err != nil {
		return err
	}
	n, err := io.Copy(a.out, r)
	if err != nil {
		return err
	}
	return a.write(end(a.entries, start, n))
}

// spool is a file for what is written now and read once later. It has no name,
// so that nothing is left of it whatever happens.
type spool struct {
	f    *os.File
	w    *bufio.Writer
	size int64
}

func newSpool(dir string) (*spool, error) {
	f, err := os.CreateTemp(dir, "spool-*")
	if err != nil {
		return nil, fmt.Errorf("make spool file: %w", err)
	}
	if err := os.Remove(f.Name()); err != nil {
		f.Close()
		return nil, fmt.Errorf("make spool file: %w", err)
	}
	return &spool{f: f, w: bufio.NewWriterSize(f, 64<<10)}, nil
}

func (s *spool) Write(b []byte) (int, error) {
	n, err := s.w.Write(b)
	s.size += int64(n)
	return n, err
}

// rewind returns what was written, from the beginning.
func (s *spool) rewind() (io.Reader, error) {
	if err := s.w.Flush(); err != nil {
		return nil, err
	}
	return bufio.NewReaderSize(io.NewSectionReader(s.f, 0, s.size), 64<<10), nil
}

func (s *spool) close() { s.f.Close() }
