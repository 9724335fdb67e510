package production

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"hash/crc32"
	"io"
	"io/fs"
	"strings"
	"unicode"

	"golang.org/x/crypto/ssh"

	"github.com/vitrine-project/vitrine"
)

// Limits of what is read from outside.
const (
	maxName    = 255
	maxTags    = 100_000
	maxLine    = 1 << 20 // of items.jsonl and the manifest
	maxEntries = 1 << 40
)

// Reader reads a bag from the plain ZIP file under the seal. It accepts only
// the form that a Writer writes: no gap, no overlap, no name that is not ours.
type Reader struct {
	r         io.ReaderAt
	start     int64 // of the central directory
	length    int64
	entries   int64
	items     int64
	bytes     int64 // of all files
	tags      map[string]entry
	tagsInZip []string // in their order
	record    record   // once Verify accepted it
}

// NewReader checks the archive's structure from one end to the other, without
// reading the items.
func NewReader(plain io.ReaderAt, size int64) (*Reader, error) {
	r := &Reader{r: underSeal{plain}, tags: map[string]entry{}}
	err := r.findDirectory(size)
	if err == nil {
		err = r.index()
	}
	if err != nil {
		return nil, notWhole(err)
	}
	return r, nil
}

func unverified(format string, args ...any) error {
	return vitrine.Refusef(vitrine.Unverified, "%s", printable(fmt.Sprintf(format, args...)))
}

// printable is s without what a terminal would obey.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return '\uFFFD'
		}
		return r
	}, s)
}

// notWhole says that the structure is wrong, unless reading it failed.
func notWhole(err error) error {
	var refusal *vitrine.Refusal
	var disk *fs.PathError
	if errors.As(err, &refusal) || errors.As(err, &disk) {
		return err
	}
	return unverified("this is not a whole package: %v", err)
}

// underSeal tells a disk that cannot be read from bytes that were changed under
// the seal: for age both are errors of reading.
type underSeal struct{ io.ReaderAt }

func (u underSeal) ReadAt(p []byte, off int64) (int, error) {
	n, err := u.ReaderAt.ReadAt(p, off)
	var disk *fs.PathError
	if err == nil || err == io.EOF || errors.As(err, &disk) {
		return n, err
	}
	return n, unverified("the package was changed after it was sealed: %v", err)
}

// findDirectory reads the end of the archive, which has no comment.
func (r *Reader) findDirectory(size int64) error {
	tail := make([]byte, min(size, endLen+locatorLen+end64Len))
	if len(tail) < endLen {
		return errors.New("it is too short")
	}
	if _, err := r.r.ReadAt(tail, size-int64(len(tail))); err != nil && err != io.EOF {
		return err
	}
	last := tail[len(tail)-endLen:]
	r.entries = int64(binary.LittleEndian.Uint16(last[8:]))
	r.length = int64(binary.LittleEndian.Uint32(last[12:]))
	r.start = int64(binary.LittleEndian.Uint32(last[16:]))
	if len(tail) == endLen+locatorLen+end64Len && binary.LittleEndian.Uint32(tail) == sigEnd64 {
		entries, length, start := binary.LittleEndian.Uint64(tail[24:]), binary.LittleEndian.Uint64(tail[40:]), binary.LittleEndian.Uint64(tail[48:])
		if entries > maxEntries || length > uint64(size) || start > uint64(size) {
			return errors.New("its central directory lies outside it")
		}
		r.entries, r.length, r.start = int64(entries), int64(length), int64(start)
	}
	want := end(r.entries, r.start, r.length)
	if r.start+r.length+int64(len(want)) != size || !bytes.HasSuffix(tail, want) {
		return errors.New("its end is not where it should be")
	}
	return nil
}

// index walks the central directory: items first, then tag files, each where
// the one before it ended.
func (r *Reader) index() error {
	return r.walk(func(e entry) error {
		if r.bytes += e.size; payloadName.MatchString(e.name) {
			if len(r.tags) > 0 {
				return fmt.Errorf("%s comes after the papers", e.name)
			}
			r.items++
			return nil
		}
		if _, twice := r.tags[e.name]; twice || !validTag(e.name) || len(r.tags) >= maxTags {
			return fmt.Errorf("it has no place for a file %q", e.name)
		}
		r.tags[e.name] = e
		r.tagsInZip = append(r.tagsInZip, e.name)
		return nil
	})
}

// walk calls f for each entry of the central directory, and checks that they
// lie one after the other and fill the archive.
func (r *Reader) walk(f func(entry) error) error {
	c := newCentral(r)
	for range r.entries {
		e, err := c.next()
		if err != nil {
			return err
		}
		if err := f(e); err != nil {
			return err
		}
	}
	return c.end()
}

// central reads the central directory from its beginning.
type central struct {
	r      *Reader
	b      *bufio.Reader
	offset int64 // where the next entry must lie
}

func newCentral(r *Reader) *central {
	return &central{r: r, b: bufio.NewReaderSize(io.NewSectionReader(r.r, r.start, r.length), 64<<10)}
}

// next reads one header and wants it to be exactly the one that belongs there.
func (c *central) next() (entry, error) {
	head := make([]byte, centralLen)
	if _, err := io.ReadFull(c.b, head); err != nil {
		return entry{}, fmt.Errorf("its central directory is cut off: %w", err)
	}
	name, extra := int(binary.LittleEndian.Uint16(head[28:])), int(binary.LittleEndian.Uint16(head[30:]))
	if name > maxName || extra > 28 {
		return entry{}, errors.New("its central directory has an entry that does not belong there")
	}
	rest := make([]byte, name+extra)
	if _, err := io.ReadFull(c.b, rest); err != nil {
		return entry{}, fmt.Errorf("its central directory is cut off: %w", err)
	}
	e := entry{
		name: string(rest[:name]), offset: c.offset, crc: binary.LittleEndian.Uint32(head[16:]), size: int64(binary.LittleEndian.Uint32(head[24:])),
		streamed: binary.LittleEndian.Uint16(head[8:])&flagDescriptor != 0,
	}
	if e.size == max32 && extra >= 20 {
		size := binary.LittleEndian.Uint64(rest[name+4:])
		if size > uint64(c.r.start) {
			return entry{}, fmt.Errorf("%q lies outside it", e.name)
		}
		e.size = int64(size)
	}
	if !bytes.Equal(append(head, rest...), e.central()) || (!e.streamed && e.size > smallEntry) {
		return entry{}, fmt.Errorf("the entry %q is not where or what it should be", e.name)
	}
	if c.offset += e.length(); c.offset > c.r.start {
		return entry{}, fmt.Errorf("%q lies outside it", e.name)
	}
	return e, nil
}

func (c *central) end() error {
	if _, err := c.b.ReadByte(); err != io.EOF || c.offset != c.r.start {
		return errors.New("it has bytes that belong to no file")
	}
	return nil
}

// open returns an entry's bytes, once its local header is the one that belongs
// there.
func (r *Reader) open(e entry) (io.Reader, error) {
	want := e.local()
	have := make([]byte, len(want))
	if _, err := r.r.ReadAt(have, e.offset); err != nil {
		return nil, err
	}
	if !bytes.Equal(have, want) {
		return nil, unverified("%s: its two headers do not agree", e.name)
	}
	if e.streamed {
		want := e.descriptor()
		have := make([]byte, len(want))
		if _, err := r.r.ReadAt(have, e.offset+e.length()-int64(len(want))); err != nil {
			return nil, err
		}
		if !bytes.Equal(have, want) {
			return nil, unverified("%s: its two headers do not agree", e.name)
		}
	}
	return io.NewSectionReader(r.r, e.offset+int64(len(e.local())), e.size), nil
}

// Items calls f for each item in order, with all that items.jsonl says of it.
func (r *Reader) Items(f func(Item) error) error {
	e, ok := r.tags[nameItems]
	if !ok {
		return unverified("the package has no %s", nameItems)
	}
	content, err := r.open(e)
	if err != nil {
		return err
	}
	lines, dir, last := newLines(content), newCentral(r), int64(0)
	for range r.items {
		e, err := dir.next()
		if err != nil {
			return notWhole(err)
		}
		it, err := lines.item()
		if err != nil {
			return inList(nameItems, err)
		}
		if it.Path() != e.name || it.Size != e.size {
			return unverified("%s speaks of %s where %s lies", nameItems, it.Path(), e.name)
		}
		if it.Number <= last {
			return unverified("%s: item %d does not come after item %d", nameItems, it.Number, last)
		}
		last = it.Number
		it.at = &e
		if err := f(it); err != nil {
			return err
		}
	}
	if line, err := lines.next(); err != io.EOF {
		return unverified("%s speaks of an item that is not there: %.80q", nameItems, line)
	}
	return nil
}

// Open returns the bytes of an item that Items gave. Reading to the end fails
// if they are not those of its digest.
func (r *Reader) Open(it Item) (io.ReadCloser, error) {
	if it.at == nil {
		return nil, errors.New("open item: it was not read from this package")
	}
	content, err := r.open(*it.at)
	if err != nil {
		return nil, err
	}
	return &checked{r: content, crc: crc32.NewIEEE(), digest: sha256.New(), entry: *it.at, want: it.SHA256}, nil
}

// checked fails at the end of r if digest or checksum are not those expected.
type checked struct {
	r      io.Reader
	crc    hash.Hash32
	digest hash.Hash
	entry  entry
	want   vitrine.Digest
}

func (c *checked) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.digest.Write(p[:n])
	c.crc.Write(p[:n])
	if err == io.EOF && (vitrine.Digest(c.digest.Sum(nil)) != c.want || c.crc.Sum32() != c.entry.crc) {
		return n, unverified("%s does not have its digest", c.entry.name)
	}
	return n, err
}

func (c *checked) Close() error { return nil }

// Verify checks that the bag is the provider's, and the volume of that demand
// under that mandate: the record's signature, and the digest of items.jsonl,
// which names the digest of every item.
func (r *Reader) Verify(provider ssh.PublicKey, demand vitrine.ID, mandate vitrine.Digest, volume int) error {
	papers := map[string][]byte{}
	for _, name := range []string{nameRecord, nameSig} {
		e, ok := r.tags[name]
		if !ok || e.size > maxRecord {
			return unverified("the package has no %s", name)
		}
		content, err := r.open(e)
		if err != nil {
			return err
		}
		if papers[name], err = io.ReadAll(content); err != nil {
			return fmt.Errorf("read %s: %w", name, err)
		}
	}
	if _, err := signature(papers[nameSig], RecordNamespace, bytes.NewReader(papers[nameRecord]), provider); err != nil {
		return unverified("%s: %v", nameRecord, err)
	}
	rec, err := parseRecord(papers[nameRecord])
	if err != nil {
		return unverified("%s: %v", nameRecord, err)
	}
	if rec.Demand != demand || rec.Mandate != mandate || rec.Volume != volume || rec.Items != r.items {
		return unverified("the package is volume %d of demand %s under mandate %s, and not the one that belongs here", rec.Volume, rec.Demand, rec.Mandate)
	}
	list, err := r.open(r.tags[nameItems])
	if err != nil {
		return err
	}
	digest := sha256.New()
	if _, err := io.Copy(digest, list); err != nil {
		return fmt.Errorf("read %s: %w", nameItems, err)
	}
	if vitrine.Digest(digest.Sum(nil)) != rec.Tags[nameItems] {
		return unverified("%s was changed", nameItems)
	}
	r.record = rec
	return nil
}

// Collection is what the record of a bag that Verify accepted says of the
// collection: counts, containers, missing accounts, when it was.
func (r *Reader) Collection() vitrine.Collection {
	return vitrine.Collection{Counts: r.record.Collection, Containers: r.record.Containers, Missing: r.record.Missing, Began: r.record.Began, Ended: r.record.Ended}
}

// Paper returns a paper of a bag that Verify accepted.
func (r *Reader) Paper(name string) ([]byte, error) {
	e, ok := r.tags[name]
	if want, signed := r.record.Tags[name]; ok && signed && e.size <= maxRecord {
		content, err := r.open(e)
		if err != nil {
			return nil, err
		}
		b, err := io.ReadAll(content)
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", name, err)
		}
		if vitrine.DigestOf(b) == want {
			return b, nil
		}
	}
	return nil, unverified("the package has no %s that was signed", name)
}
