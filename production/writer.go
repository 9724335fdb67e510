// Package production is the sealed package: a BagIt 1.0 bag (RFC 8493) in a
// ZIP file in age, written in one pass while it is encrypted to the
// authority's own key, with one digest an item, a Merkle root over the
// manifest and the provider's signature. Its names are ours: an item's own
// name is metadata and never a path. What a Writer made, a Reader reads and
// Verify checks to the last byte; memory does not grow with the number of
// items or their size. It never reads a sealed package back, since only the
// authority can, and decides nothing about scope. Format: spec/production.md.
package production

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"maps"
	"slices"
	"time"

	"filippo.io/age"

	"github.com/vitrine-project/vitrine"
)

// Writer makes one bag.
type Writer struct {
	sealer  *sealer
	zip     *archive
	lists   map[string]*list // manifest, items.jsonl, items.csv, items.dat
	digests map[string]vitrine.Digest
	tree    tree
	last    int64 // number
	items   int64
	in      int64 // items with the decision In
	bytes   int64
	dat     int64 // characters replaced
	buf     []byte
	failed  error
}

// list is a file that grows with the items and is written after them.
type list struct {
	*spool
	digest hash.Hash
}

func (l *list) Write(b []byte) (int, error) {
	l.digest.Write(b)
	return l.spool.Write(b)
}

// Create begins a bag that is sealed to every recipient and written to w.
// What must wait until the end goes to nameless files in spoolDir.
func Create(w io.Writer, spoolDir string, to []age.Recipient) (*Writer, error) {
	if len(to) == 0 {
		return nil, errors.New("create production: nobody to seal it to")
	}
	s, err := newSealer(w, to)
	if err != nil {
		return nil, fmt.Errorf("create production: %w", err)
	}
	b := &Writer{sealer: s, lists: map[string]*list{}, digests: map[string]vitrine.Digest{}, buf: make([]byte, smallEntry+1)}
	if b.zip, err = newArchive(s, spoolDir); err != nil {
		b.Abort()
		return nil, fmt.Errorf("create production: %w", err)
	}
	for _, name := range []string{nameManifest, nameItems, nameCSV, nameDAT} {
		sp, err := newSpool(spoolDir)
		if err != nil {
			b.Abort()
			return nil, fmt.Errorf("create production: %w", err)
		}
		b.lists[name] = &list{sp, sha256.New()}
	}
	_, err = io.WriteString(b.lists[nameDAT], datBOM)
	if err == nil {
		_, err = writeDAT(b.lists[nameDAT], header())
	}
	if err == nil {
		err = writeCSV(b.lists[nameCSV], header())
	}
	if err != nil {
		b.Abort()
		return nil, fmt.Errorf("create production: %w", err)
	}
	return b, nil
}

// Abort lets go of everything; after Close it does nothing.
func (b *Writer) Abort() {
	b.sealer.stop()
	if b.zip != nil {
		b.zip.central.close()
	}
	for _, l := range b.lists {
		l.close()
	}
}

// Add reads r to its end as the next item, and returns it with Number, Size
// and SHA256 set. Number 0 becomes the number after the last; others must
// ascend. A digest or a size that is set already must be that of the bytes.
// Text that is not UTF-8 has U+FFFD where it is not.
func (b *Writer) Add(it Item, r io.Reader) (Item, error) {
	if b.failed != nil {
		return it, b.failed
	}
	out, err := b.add(it, r)
	if err != nil {
		b.failed = fmt.Errorf("add item %d: %w", out.Number, err)
		return out, b.failed
	}
	return out, nil
}

func (b *Writer) add(it Item, r io.Reader) (Item, error) {
	if len(b.digests) > 0 {
		return it, errors.New("items come before the papers")
	}
	if it.Number == 0 {
		it.Number = b.last + 1
	}
	if it.Number <= b.last {
		return it, fmt.Errorf("it does not come after item %d", b.last)
	}
	it.at = nil
	n, err := io.ReadFull(r, b.buf)
	small := err == io.EOF || err == io.ErrUnexpectedEOF
	if err != nil && !small {
		return it, fmt.Errorf("read: %w", err)
	}
	digest, size := sha256.New(), int64(n)
	if small {
		digest.Write(b.buf[:n])
		err = b.zip.add(it.Path(), b.buf[:n])
	} else {
		counted := &counter{r: io.MultiReader(bytes.NewReader(b.buf[:n]), r)}
		err = b.zip.stream(it.Path(), counted, digest)
		size = counted.n
	}
	if err != nil {
		return it, err
	}
	sum := vitrine.Digest(digest.Sum(nil))
	if !it.SHA256.IsZero() && it.SHA256 != sum {
		return it, fmt.Errorf("its bytes have the digest %s, not %s: they changed while they were read", sum, it.SHA256)
	}
	if it.Size != 0 && it.Size != size {
		return it, fmt.Errorf("it has %d bytes, not %d: it changed while it was read", size, it.Size)
	}
	it.SHA256, it.Size = sum, size
	return it, b.enter(it)
}

type counter struct {
	r io.Reader
	n int64
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	return n, err
}

// enter writes the item's lines.
func (b *Writer) enter(it Item) error {
	b.last, b.items, b.bytes = it.Number, b.items+1, b.bytes+it.Size
	line := it.SHA256.Hex() + "  " + it.Path()
	b.tree.add([]byte(line))
	if _, err := io.WriteString(b.lists[nameManifest], line+"\n"); err != nil {
		return err
	}
	if it.Decision == In {
		b.in++
	}
	it, text, err := described(it)
	if err != nil {
		return err
	}
	if len(text) >= maxLine {
		return fmt.Errorf("its description has %d bytes: at most %d", len(text), maxLine-1)
	}
	if _, err := b.lists[nameItems].Write(append(text, '\n')); err != nil {
		return err
	}
	values := row(it)
	if err := writeCSV(b.lists[nameCSV], values); err != nil {
		return err
	}
	replaced, err := writeDAT(b.lists[nameDAT], values)
	b.dat += replaced
	return err
}

// described is the item's line in its one form, and the item as it is read
// from there. They are the same unless a text was not UTF-8, which JSON cannot
// say.
func described(it Item) (Item, []byte, error) {
	text, err := json.Marshal(it)
	if err != nil || !bytes.Contains(text, []byte(`\ufffd`)) {
		return it, text, err
	}
	it = Item{}
	if err := json.Unmarshal(text, &it); err != nil {
		return it, nil, err
	}
	text, err = json.Marshal(it)
	return it, text, err
}

// Tag adds a paper that lies beside the items, such as mandate/1.sig. Items
// come first.
func (b *Writer) Tag(name string, content []byte) error {
	if b.failed != nil {
		return b.failed
	}
	if _, twice := b.digests[name]; twice || !validTag(name) || slices.Contains(ownNames, name) {
		return fmt.Errorf("add paper: %q cannot be the name of one", name)
	}
	if err := b.zip.add(name, content); err != nil {
		b.failed = fmt.Errorf("add paper %s: %w", name, err)
		return b.failed
	}
	b.digests[name] = vitrine.DigestOf(content)
	return nil
}

// Close writes the lists, the signed record and the manifests, and says what
// was sealed. The caller keeps the file only if there is no error.
func (b *Writer) Close(info Info, sign Signer) (Sealed, error) {
	if b.failed != nil {
		return Sealed{}, b.failed
	}
	defer b.Abort()
	if err := b.agrees(info); err != nil {
		b.failed = fmt.Errorf("close production: %w", err)
		return Sealed{}, b.failed
	}
	root := b.tree.root()
	if err := b.finish(b.record(info, root), sign); err != nil {
		return Sealed{}, fmt.Errorf("close production: %w", err)
	}
	digest, size, err := b.sealer.close()
	if err != nil {
		return Sealed{}, fmt.Errorf("close production: %w", err)
	}
	b.failed = errors.New("the production is closed")
	return Sealed{digest, size, b.items, root}, nil
}

// agrees compares what was added with what the bag is going to say: a miscount
// must show here, not at whoever verifies it.
func (b *Writer) agrees(i Info) error {
	c, undeterminable := i.Collection, b.items-b.in
	switch {
	case b.digests[nameStatement] != i.Mandate:
		return fmt.Errorf("%s is not the mandate %s", nameStatement, i.Mandate)
	case i.Volume <= 1 && b.in != c.In, i.Volume > 1 && b.in != 0:
		return fmt.Errorf("volume %d has %d items in scope, %d were collected", i.Volume, b.in, c.In)
	case i.Volume == 0 && undeterminable != c.Undeterminable, undeterminable > c.Undeterminable-i.Open-i.Withheld && i.Volume > 0:
		return fmt.Errorf("volume %d has %d undeterminable items of %d, with %d open and %d withheld", i.Volume, undeterminable, c.Undeterminable, i.Open, i.Withheld)
	}
	return nil
}

func (b *Writer) record(i Info, root vitrine.Digest) record {
	r := record{
		Version: recordVersion, Provider: i.Provider, Authority: i.Authority, Reference: i.Reference, Demand: i.Demand, Volume: i.Volume,
		Mandate: i.Mandate, Sealed: i.Sealed.UTC().Truncate(time.Second), Items: b.items, Bytes: b.bytes, Open: i.Open, Withheld: i.Withheld, Replaced: b.dat,
		Collection: i.Collection.Counts, Containers: i.Collection.Containers, Missing: i.Collection.Missing,
		Began: i.Collection.Began.UTC().Truncate(time.Second), Ended: i.Collection.Ended.UTC().Truncate(time.Second), Hold: i.Collection.Hold, Root: root,
	}
	if r.Containers == nil {
		r.Containers = []vitrine.Container{}
	}
	if r.Missing == nil {
		r.Missing = []vitrine.Account{}
	}
	return r
}

func (b *Writer) finish(r record, sign Signer) error {
	for _, name := range []string{nameManifest, nameItems, nameCSV, nameDAT} {
		l := b.lists[name]
		content, err := l.rewind()
		if err != nil {
			return err
		}
		if err := b.zip.stream(name, content, nil); err != nil {
			return err
		}
		b.digests[name] = vitrine.Digest(l.digest.Sum(nil))
	}
	for name, text := range map[string]string{nameBagIt: bagIt, nameBagInfo: r.bagInfo()} {
		b.digests[name] = vitrine.DigestOf([]byte(text))
	}
	if err := b.zip.add(nameBagIt, []byte(bagIt)); err != nil {
		return err
	}
	if err := b.zip.add(nameBagInfo, []byte(r.bagInfo())); err != nil {
		return err
	}
	r.Tags = maps.Clone(b.digests)
	text, err := r.marshal()
	if err != nil {
		return err
	}
	if _, err := parseRecord(text); err != nil {
		return fmt.Errorf("the record is not right: %w", err)
	}
	sig, err := signed(sign, RecordNamespace, text)
	if err != nil {
		return err
	}
	for _, t := range []struct {
		name    string
		content []byte
	}{{nameRecord, text}, {nameSig, sig}} {
		if err := b.zip.add(t.name, t.content); err != nil {
			return err
		}
		b.digests[t.name] = vitrine.DigestOf(t.content)
	}
	if err := b.zip.add(nameTags, tagManifest(b.digests)); err != nil {
		return err
	}
	return b.zip.close()
}

// tagManifest is tagmanifest-sha256.txt: every tag file but itself, sorted.
func tagManifest(digests map[string]vitrine.Digest) []byte {
	var b bytes.Buffer
	for _, name := range slices.Sorted(maps.Keys(digests)) {
		fmt.Fprintf(&b, "%s  %s\n", digests[name].Hex(), name)
	}
	return b.Bytes()
}
