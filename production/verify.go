package production

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/crypto/ssh"

	"github.com/vitrine-project/vitrine"
)

// Trust says whose signatures a package must have. The zero Trust asks for
// none in particular: all that is checked then is that the package agrees with
// itself.
type Trust struct {
	Provider ssh.PublicKey
	// Mandate checks the statement and its signatures.
	Mandate func(statement []byte, signatures [][]byte) error
	// Ruling checks a ruling and its signatures, and returns the digests of the
	// items that it lets be produced, by their numbers.
	Ruling func(text []byte, signatures [][]byte) (map[int64]vitrine.Digest, error)
}

// Report is what was checked, in lines for a person. The first says who made
// the package, or that this was not checked.
type Report struct{ Lines []string }

func (r *Report) say(format string, args ...any) {
	r.Lines = append(r.Lines, fmt.Sprintf(format, args...))
}

func (r *Report) made(t Trust, key ssh.PublicKey) {
	if t.Provider == nil {
		r.say("internally consistent; not checked who made it (signed by %s)", ssh.FingerprintSHA256(key))
		return
	}
	r.say("made by the provider whose key you trust, %s", ssh.FingerprintSHA256(key))
}

// verification is the check of one opened bag.
type verification struct {
	root     fs.FS
	trust    Trust
	progress func(done, total int64)
	record   record
	ruled    map[int64]vitrine.Digest
	done     int64
	report   Report
}

// VerifyBag checks an opened bag to the last byte of every file: digests, the
// signed record, the Merkle root, the sums, the lists, and the approvers'
// signatures as far as t says whose count. It reads each file once or twice
// and changes nothing.
func VerifyBag(dir string, t Trust, progress func(done, total int64)) (Report, error) {
	v := verification{root: os.DirFS(dir), trust: t, progress: progress, ruled: map[int64]vitrine.Digest{}}
	for _, check := range []func() error{v.readRecord, v.onlyOurs(dir), v.tags, v.mandate, v.rulings, v.items} {
		if err := check(); err != nil {
			return Report{}, err
		}
	}
	r := v.record
	v.report.say("demand %s (%s of %s), volume %d, sealed %s", r.Demand, r.Reference, r.Authority, r.Volume, r.Sealed.Format("2006-01-02 15:04:05Z"))
	v.report.say("%d items here; %d seen = %d in + %d out + %d undeterminable + %d unreadable; %d open, %d withheld",
		r.Items, r.Collection.Seen, r.Collection.In, r.Collection.Out, r.Collection.Undeterminable, r.Collection.Unreadable, r.Open, r.Withheld)
	v.report.say("mandate %s, root %s", r.Mandate, r.Root)
	return v.report, nil
}

func (v *verification) read(name string, limit int64) ([]byte, error) {
	f, err := v.root.Open(name)
	if err != nil {
		return nil, unverified("%s is missing from the bag", name)
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	if int64(len(b)) > limit {
		return nil, unverified("%s is too long", name)
	}
	return b, nil
}

func (v *verification) readRecord() error {
	text, err := v.read(nameRecord, maxRecord)
	if err != nil {
		return err
	}
	sig, err := v.read(nameSig, maxEnvelope)
	if err != nil {
		return err
	}
	key, err := signature(sig, RecordNamespace, bytes.NewReader(text), v.trust.Provider)
	if err != nil {
		return unverified("%s: %v", nameRecord, err)
	}
	if v.record, err = parseRecord(text); err != nil {
		return unverified("%s: %v", nameRecord, err)
	}
	for name := range v.record.Tags {
		if !validTag(name) {
			return unverified("%s names a file %q, which no bag has", nameRecord, name)
		}
	}
	all := map[string]vitrine.Digest{nameRecord: vitrine.DigestOf(text), nameSig: vitrine.DigestOf(sig)}
	for name, d := range v.record.Tags {
		all[name] = d
	}
	have, err := v.read(nameTags, maxRecord)
	if err != nil {
		return err
	}
	if !bytes.Equal(have, tagManifest(all)) {
		return unverified("%s does not list the files that the record lists", nameTags)
	}
	v.report.made(v.trust, key)
	return nil
}

// onlyOurs wants no file in the bag that the record does not account for.
func (v *verification) onlyOurs(dir string) func() error {
	return func() error {
		payload := int64(0)
		err := filepath.WalkDir(dir, func(p string, e fs.DirEntry, err error) error {
			if err != nil {
				return fmt.Errorf("read bag: %w", err)
			}
			rel, err := filepath.Rel(dir, p)
			if err != nil {
				return fmt.Errorf("read bag: %w", err)
			}
			switch name := filepath.ToSlash(rel); {
			case name == "data":
				if payload, err = countPayload(p); err == nil {
					err = fs.SkipDir
				}
				return err
			case e.IsDir():
				return v.ourDir(name)
			case !e.Type().IsRegular():
				return unverified("%s is not a plain file", name)
			case !v.ours(name):
				return unverified("%s does not belong to the bag", name)
			}
			return nil
		})
		if err == nil && payload != v.record.Items {
			err = unverified("the bag holds %d items, its record says %d", payload, v.record.Items)
		}
		return err
	}
}

func (v *verification) ours(name string) bool {
	_, known := v.record.Tags[name]
	return known || name == nameRecord || name == nameSig || name == nameTags
}

// countPayload counts the items in the directory, a part at a time, since
// there may be millions.
func countPayload(dir string) (int64, error) {
	d, err := os.Open(dir)
	if err != nil {
		return 0, fmt.Errorf("read bag: %w", err)
	}
	defer d.Close()
	n := int64(0)
	for {
		entries, err := d.ReadDir(1024)
		for _, e := range entries {
			if !e.Type().IsRegular() || !payloadName.MatchString("data/"+e.Name()) {
				return n, unverified("data/%s does not belong to the bag", e.Name())
			}
			n++
		}
		if err == io.EOF {
			return n, nil
		}
		if err != nil {
			return n, fmt.Errorf("read bag: %w", err)
		}
	}
}

func (v *verification) ourDir(name string) error {
	if name == "." {
		return nil
	}
	for tag := range v.record.Tags {
		if path.Dir(tag) == name {
			return nil
		}
	}
	return unverified("the directory %s does not belong to the bag", name)
}

// tags compares every tag file with its digest in the record.
func (v *verification) tags() error {
	for name, want := range v.record.Tags {
		got, n, err := v.digest(name)
		if err != nil {
			return err
		}
		if got != want {
			return unverified("%s was changed (%d bytes, digest %s)", name, n, got.Hex())
		}
	}
	for name, want := range map[string]string{nameBagIt: bagIt, nameBagInfo: v.record.bagInfo()} {
		have, err := v.read(name, maxEnvelope)
		if err != nil {
			return err
		}
		if string(have) != want {
			return unverified("%s does not say what the record says", name)
		}
	}
	for _, name := range []string{nameManifest, nameItems, nameCSV, nameDAT, nameStatement} {
		if _, ok := v.record.Tags[name]; !ok {
			return unverified("the record does not name %s", name)
		}
	}
	return nil
}

func (v *verification) digest(name string) (vitrine.Digest, int64, error) {
	f, err := v.root.Open(name)
	if err != nil {
		return vitrine.Digest{}, 0, unverified("%s is missing from the bag", name)
	}
	defer f.Close()
	h := sha256.New()
	n, err := io.Copy(h, f)
	if err != nil {
		return vitrine.Digest{}, 0, fmt.Errorf("read %s: %w", name, err)
	}
	return vitrine.Digest(h.Sum(nil)), n, nil
}

// papers returns the tag files whose names begin with prefix, in their order.
func (v *verification) papers(prefix, suffix string) ([][]byte, error) {
	var names []string
	for name := range v.record.Tags {
		if strings.HasPrefix(name, prefix) && strings.HasSuffix(name, suffix) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	var out [][]byte
	for _, name := range names {
		b, err := v.read(name, maxLine)
		if err != nil {
			return nil, err
		}
		out = append(out, b)
	}
	return out, nil
}

// mandate checks that the bag holds the statement it was made under, with
// signatures.
func (v *verification) mandate() error {
	statement, err := v.read(nameStatement, maxRecord)
	if err != nil {
		return err
	}
	if vitrine.DigestOf(statement) != v.record.Mandate {
		return unverified("%s is not the mandate that the record names", nameStatement)
	}
	sigs, err := v.papers("mandate/", ".sig")
	if err != nil {
		return err
	}
	if len(sigs) == 0 {
		return unverified("the bag holds no approver's signature")
	}
	if v.trust.Mandate == nil {
		v.report.say("%d approvers' signatures lie with the mandate; not checked whose", len(sigs))
		return nil
	}
	if err := v.trust.Mandate(statement, sigs); err != nil {
		return unverified("the mandate is not signed by those you trust: %v", err)
	}
	v.report.say("the mandate is signed by enough of the approvers you trust")
	return nil
}

// rulings checks each ruling in the bag.
func (v *verification) rulings() error {
	for n := 1; ; n++ {
		name := fmt.Sprintf("ruling/%d.txt", n)
		if _, ok := v.record.Tags[name]; !ok {
			return nil
		}
		text, err := v.read(name, maxRecord)
		if err != nil {
			return err
		}
		sigs, err := v.papers(fmt.Sprintf("ruling/%d.", n), ".sig")
		if err != nil {
			return err
		}
		if v.trust.Ruling == nil {
			continue
		}
		produced, err := v.trust.Ruling(text, sigs)
		if err != nil {
			return unverified("%s is not signed by those you trust: %v", name, err)
		}
		for item, digest := range produced {
			v.ruled[item] = digest
		}
	}
}

// items reads the manifest, items.jsonl and the payload side by side.
func (v *verification) items() error {
	manifest, err := v.root.Open(nameManifest)
	if err != nil {
		return unverified("%s is missing from the bag", nameManifest)
	}
	defer manifest.Close()
	list, err := v.root.Open(nameItems)
	if err != nil {
		return unverified("%s is missing from the bag", nameItems)
	}
	defer list.Close()
	lists := [2]rowHash{newRowHash(writeCSV), newRowHash(func(w io.Writer, row []string) error { _, err := writeDAT(w, row); return err })}
	io.WriteString(lists[1].h, datBOM)
	for _, l := range lists {
		if err := l.add(header()); err != nil {
			return err
		}
	}
	var root tree
	var in, last, size int64
	entries, described := newLines(manifest), newLines(list)
	for range v.record.Items {
		line, err := entries.next()
		if err != nil {
			return unverified("%s: %v", nameManifest, err)
		}
		root.add(line)
		it, err := described.item()
		if err != nil {
			return unverified("%s: %v", nameItems, err)
		}
		if it.Number <= last || string(line) != it.SHA256.Hex()+"  "+it.Path() {
			return unverified("%s and %s do not agree on item %d", nameManifest, nameItems, it.Number)
		}
		if err := v.item(it); err != nil {
			return err
		}
		for _, l := range lists {
			if err := l.add(row(it)); err != nil {
				return err
			}
		}
		if last, size = it.Number, size+it.Size; it.Decision == In {
			in++
		}
	}
	if _, err := entries.next(); err != io.EOF {
		return unverified("%s lists more items than the record", nameManifest)
	}
	if _, err := described.next(); err != io.EOF {
		return unverified("%s lists more items than the record", nameItems)
	}
	return v.totals(root.root(), in, size, lists)
}

// totals compares what was added up with the record.
func (v *verification) totals(root vitrine.Digest, in, size int64, lists [2]rowHash) error {
	switch r := v.record; {
	case root != r.Root:
		return unverified("the root over %s is not the signed one", nameManifest)
	case size != r.Bytes:
		return unverified("the items have %d bytes, the record says %d", size, r.Bytes)
	case r.Volume == 1 && in != r.Collection.In, r.Volume > 1 && in != 0:
		return unverified("volume %d holds %d items in scope, %d were collected", r.Volume, in, r.Collection.In)
	case lists[0].digest() != r.Tags[nameCSV]:
		return unverified("%s does not say what %s says", nameCSV, nameItems)
	case lists[1].digest() != r.Tags[nameDAT]:
		return unverified("%s does not say what %s says", nameDAT, nameItems)
	}
	return nil
}

// rowHash is the digest of a list as it must be.
type rowHash struct {
	h     hash.Hash
	write func(io.Writer, []string) error
}

func newRowHash(write func(io.Writer, []string) error) rowHash {
	return rowHash{sha256.New(), write}
}

func (r rowHash) add(row []string) error { return r.write(r.h, row) }

func (r rowHash) digest() vitrine.Digest { return vitrine.Digest(r.h.Sum(nil)) }

// item checks one item's bytes, and that somebody let it be produced.
func (v *verification) item(it Item) error {
	got, n, err := v.digest(it.Path())
	if err != nil {
		return err
	}
	if got != it.SHA256 || n != it.Size {
		return unverified("%s was changed (%d bytes, digest %s)", it.Path(), n, got.Hex())
	}
	switch it.Decision {
	case In:
	case Undeterminable:
		if v.record.Volume > 0 && v.trust.Ruling != nil && v.ruled[it.Number] != it.SHA256 {
			return unverified("%s was undeterminable and no signed ruling produces it", it.Path())
		}
	default:
		return unverified("%s has the decision %q, which no produced item has", it.Path(), it.Decision)
	}
	if v.done += n; v.progress != nil {
		v.progress(v.done, v.record.Bytes)
	}
	return nil
}
