package production

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/vitrine-project/vitrine"
)

// sparse is a file of which only what is not skipped takes memory; the rest
// reads as zeros.
type sparse struct {
	size  int64
	parts []part
}

type part struct {
	at int64
	b  []byte
}

func (s *sparse) Write(b []byte) (int, error) {
	if slices.ContainsFunc(b, func(c byte) bool { return c != 0 }) {
		s.parts = append(s.parts, part{s.size, bytes.Clone(b)})
	}
	s.size += int64(len(b))
	return len(b), nil
}

func (s *sparse) ReadAt(p []byte, off int64) (int, error) {
	clear(p)
	n := int(min(int64(len(p)), max(0, s.size-off)))
	for _, q := range s.parts {
		from, to := max(off, q.at), min(off+int64(n), q.at+int64(len(q.b)))
		if from < to {
			copy(p[from-off:to-off], q.b[from-q.at:])
		}
	}
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// skip enters a file of that size without writing it.
func (a *archive) skip(s *sparse, name string, size int64) error {
	e := entry{name: name, size: size, crc: 7, offset: a.offset, streamed: size > smallEntry}
	if err := a.write(e.local()); err != nil {
		return err
	}
	a.offset, s.size = a.offset+size, s.size+size
	if e.streamed {
		if err := a.write(e.descriptor()); err != nil {
			return err
		}
	}
	return a.enter(e)
}

// TestZip64Edges has files and offsets around the sizes from which the fields
// of 32 bits do not suffice, and wants the standard library's reader and ours
// to find the same in them.
func TestZip64Edges(t *testing.T) {
	const edge = 1<<32 - 1
	for _, sizes := range [][]int64{
		{edge - 1, 1, 1}, {edge, 1}, {edge + 1, 1}, {3 * edge, edge, 0}, {edge - 30 - 15 - 16, 1, 1}, {edge - 30 - 15 - 17, 1, 1}, {1, edge - 138, 3}, {1 << 40, 1 << 41},
	} {
		var s sparse
		a, err := newArchive(&s, t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		for i, size := range sizes {
			if err := a.skip(&s, fmt.Sprintf("data/%06d.eml", i+1), size); err != nil {
				t.Fatal(err)
			}
		}
		if err := a.close(); err != nil {
			t.Fatal(err)
		}
		sameDirectory(t, &s, s.size, sizes)
		a.central.close()
	}
}

// sameDirectory compares the two readers' views of the directory.
func sameDirectory(t *testing.T, file io.ReaderAt, size int64, sizes []int64) {
	t.Helper()
	z, err := zip.NewReader(file, size)
	if err != nil {
		t.Fatalf("%v: the other reader: %v", sizes, err)
	}
	r, err := NewReader(file, size)
	if err != nil {
		t.Fatalf("%v: %v", sizes, err)
	}
	n, offset := 0, int64(0)
	err = r.walk(func(e entry) error {
		version := uint16(20)
		if offset >= 1<<32-1 || sizes[n] >= 1<<32-1 {
			version = 45
		}
		at, err := z.File[n].DataOffset()
		if f := z.File[n]; err != nil || f.Name != e.name || int64(f.UncompressedSize64) != sizes[n] || e.size != sizes[n] || f.CRC32 != e.crc || at != offset+30+15 || f.ReaderVersion != version {
			t.Errorf("%v: file %d is %+v here and %+v there (%v)", sizes, n, e, f.FileHeader, err)
		}
		if _, err := r.open(e); err != nil {
			t.Errorf("%v: file %d: %v", sizes, n, err)
		}
		offset += 30 + 15 + sizes[n]
		if sizes[n] >= 1<<32-1 {
			offset += 4 + 4 + 8 + 8
		} else if sizes[n] > 1<<20 {
			offset += 4 + 4 + 4 + 4
		}
		n++
		return nil
	})
	last := make([]byte, 20)
	file.ReadAt(last, size-22-20)
	if zip64 := string(last[:4]) == "PK\x06\x07"; zip64 != (n >= 1<<16-1 || offset >= 1<<32-1) {
		t.Errorf("%d files up to %d: a Zip64 end record is there: %v", n, offset, zip64)
	}
	if err != nil || n != len(sizes) || n != len(z.File) {
		t.Errorf("%v: %d files here, %d there: %v", sizes, n, len(z.File), err)
	}
}

// TestManyEntries passes the 65,535 entries that 16 bits can count.
func TestManyEntries(t *testing.T) {
	for _, n := range []int{1<<16 - 2, 1<<16 - 1, 1 << 16, 70_000} {
		var out bytes.Buffer
		a, err := newArchive(&out, t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		for i := range n {
			if err := a.add(fmt.Sprintf("data/%06d.eml", i+1), nil); err != nil {
				t.Fatal(err)
			}
		}
		if err := a.close(); err != nil {
			t.Fatal(err)
		}
		a.central.close()
		sameDirectory(t, bytes.NewReader(out.Bytes()), int64(out.Len()), make([]int64, n))
	}
}

// rebuilt writes an archive anew from what a Reader finds in it, if all of it
// can be read.
func rebuilt(r *Reader, dir string) ([]byte, error) {
	var out bytes.Buffer
	a, err := newArchive(&out, dir)
	if err != nil {
		return nil, err
	}
	defer a.central.close()
	err = r.walk(func(e entry) error {
		content, err := r.open(e)
		if err != nil {
			return err
		}
		b, err := io.ReadAll(content)
		if err != nil {
			return err
		}
		if crc32.ChecksumIEEE(b) != e.crc {
			return errors.New("another checksum")
		}
		if e.streamed {
			return a.stream(e.name, bytes.NewReader(b), nil)
		}
		return a.add(e.name, b)
	})
	if err == nil {
		err = a.close()
	}
	return out.Bytes(), err
}

// oneForm fails unless an archive that is taken is the only one that says what
// it says, and the standard library's reader sees the same files in it.
func oneForm(t interface{ Fatalf(string, ...any) }, dir string, b []byte) bool {
	r, err := NewReader(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		return false
	}
	again, err := rebuilt(r, dir)
	if err != nil {
		return false
	}
	if !bytes.Equal(again, b) {
		t.Fatalf("%d bytes are taken and %d are written for the same files", len(b), len(again))
	}
	z, err := zip.NewReader(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatalf("another reader does not take it: %v", err)
	}
	n := 0
	_ = r.walk(func(e entry) error {
		ours, _ := r.open(e)
		theirs, err := z.File[n].Open()
		if err != nil {
			t.Fatalf("another reader cannot open %s: %v", e.name, err)
		}
		x, _ := io.ReadAll(ours)
		y, err := io.ReadAll(theirs)
		if err != nil || z.File[n].Name != e.name || !bytes.Equal(x, y) {
			t.Fatalf("another reader finds other bytes in %s: %v", e.name, err)
		}
		n++
		return nil
	})
	if n != len(z.File) {
		t.Fatalf("%d files here, %d for another reader", n, len(z.File))
	}
	return true
}

// sampleArchive is a small archive with one streamed file.
func sampleArchive(t testing.TB, contents ...string) []byte {
	t.Helper()
	var out bytes.Buffer
	a, err := newArchive(&out, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer a.central.close()
	for i, c := range contents {
		if err := a.add(fmt.Sprintf("data/%06d.eml", i+1), []byte(c)); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(a.stream("items.jsonl", strings.NewReader("{}\n"), nil), a.close()); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// TestArchiveOneForm flips every bit of an archive and cuts it everywhere: it
// must be refused, or be the one form of other contents.
func TestArchiveOneForm(t *testing.T) {
	good := sampleArchive(t, "one", "", "three")
	dir := t.TempDir()
	if !oneForm(t, dir, good) {
		t.Fatal("the good one is not taken")
	}
	taken := 0
	for i := range good {
		oneForm(t, dir, good[:i])
		for bit := range 8 {
			bad := bytes.Clone(good)
			bad[i] ^= 1 << bit
			if oneForm(t, dir, bad) {
				taken++
			}
		}
	}
	if taken > 0 {
		t.Errorf("%d of %d flipped bits were not noticed", taken, 8*len(good))
	}
}

// TestArchiveGap puts bytes between the files and the directory that lists
// them, and moves the directory accordingly; then behind the directory.
func TestArchiveGap(t *testing.T) {
	good := sampleArchive(t, "one")
	start := int(binary.LittleEndian.Uint32(good[len(good)-6:]))
	for _, gap := range []string{"x", "PK\x03\x04", strings.Repeat("\x00", 4096)} {
		bad := slices.Concat(good[:start], []byte(gap), good[start:])
		binary.LittleEndian.PutUint32(bad[len(bad)-6:], uint32(start+len(gap)))
		if _, err := zip.NewReader(bytes.NewReader(bad), int64(len(bad))); err != nil {
			t.Errorf("the other reader, which does not mind: %v", err)
		}
		if _, err := NewReader(bytes.NewReader(bad), int64(len(bad))); vitrine.ExitCode(err) != 3 {
			t.Errorf("a gap of %d bytes: %v", len(gap), err)
		}
		bad = slices.Concat(good[:len(good)-22], []byte(gap), good[len(good)-22:])
		if _, err := NewReader(bytes.NewReader(bad), int64(len(bad))); vitrine.ExitCode(err) != 3 {
			t.Errorf("%d bytes behind the directory: %v", len(gap), err)
		}
	}
}

// TestArchiveLargeEntry has a large file whose size stands in its local header,
// which no Writer does.
func TestArchiveLargeEntry(t *testing.T) {
	for size, taken := range map[int]bool{smallEntry: true, smallEntry + 1: false} {
		var out bytes.Buffer
		a, err := newArchive(&out, t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		e := entry{name: "data/000001.eml", size: int64(size)}
		if err := errors.Join(a.write(e.local()), a.write(make([]byte, size)), a.enter(e), a.close()); err != nil {
			t.Fatal(err)
		}
		a.central.close()
		if _, err := NewReader(bytes.NewReader(out.Bytes()), int64(out.Len())); (err == nil) != taken {
			t.Errorf("%d bytes: %v", size, err)
		}
	}
}

// TestArchiveRoundTrip: what was written is found, whatever it is.
func TestArchiveRoundTrip(t *testing.T) {
	dir := t.TempDir()
	rapid.Check(t, func(rt *rapid.T) {
		contents := rapid.SliceOfN(rapid.StringN(0, 300, -1), 0, 8).Draw(rt, "contents")
		if !oneForm(rt, dir, sampleArchive(t, contents...)) {
			rt.Fatalf("it is not taken")
		}
	})
}

// FuzzArchive: an archive that is taken is in its one form, and no other
// reader sees anything else in it.
func FuzzArchive(f *testing.F) {
	f.Add(sampleArchive(f, "one", "two"))
	f.Add(sampleArchive(f))
	f.Add([]byte("PK\x05\x06" + strings.Repeat("\x00", 18)))
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, b []byte) { oneForm(t, dir, b) })
}
