package production

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"slices"

	"golang.org/x/crypto/ssh"

	"github.com/vitrine-project/vitrine"
)

// Trust says whose signatures a package must have. The zero Trust asks for
// none in particular: all that is checked then is that the package agrees with
// itself.
type Trust struct {
	Provider ssh.PublicKey
	// Mandate checks the statement and its signatures, and what it is about.
	Mandate func(about About, statement []byte, signatures [][]byte) error
	// Ruling does the same for a ruling, and returns the digests of the items
	// that it lets be produced, by their numbers.
	Ruling func(about About, text []byte, signatures [][]byte) (map[int64]vitrine.Digest, error)
}

// About is what a package says that its mandate and rulings are about.
type About struct {
	Demand    vitrine.ID
	Authority vitrine.AuthorityID
	Reference string
	Mandate   vitrine.Digest
	Hold      vitrine.Digest
}

// Report is what was checked, in lines for a person. The first says who made
// the package, or that this was not checked.
type Report struct{ Lines []string }

func (r *Report) say(format string, args ...any) {
	r.Lines = append(r.Lines, printable(fmt.Sprintf(format, args...)))
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
	root     *os.Root
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
	root, err := os.OpenRoot(dir)
	if err != nil {
		return Report{}, vitrine.Refusef(vitrine.Usage, "%v: check the path", err)
	}
	defer root.Close()
	v := verification{root: root, trust: t, progress: progress, ruled: map[int64]vitrine.Digest{}}
	for _, check := range []func() error{v.readRecord, v.onlyOurs, v.tags, v.mandate, v.rulings, v.items} {
		if err := check(); err != nil {
			return Report{}, err
		}
	}
	r := v.record
	v.report.say("demand %s (%s of %s), volume %d, sealed %s", r.Demand, r.Reference, r.Authority, r.Volume, r.Sealed.Format("2006-01-02 15:04:05Z"))
	v.report.say("%s here; %d seen = %d in + %d out + %d undeterminable + %d unreadable; %d open, %d withheld",
		itemsOf(r.Items), r.Collection.Seen, r.Collection.In, r.Collection.Out, r.Collection.Undeterminable, r.Collection.Unreadable, r.Open, r.Withheld)
	v.report.say("mandate %s, root %s", r.Mandate, r.Root)
	return v.report, nil
}

// itemsOf counts items in words.
func itemsOf(n int64) string {
	if n == 1 {
		return "1 item"
	}
	return fmt.Sprintf("%d items", n)
}

// open opens a file of the bag, and nothing that only leads to one.
func (v *verification) open(name string) (*os.File, error) {
	st, err := v.root.Lstat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, unverified("%s is missing from the bag", name)
	}
	if err != nil {
		return nil, fmt.Errorf("read bag: %w", err)
	}
	if !st.Mode().IsRegular() {
		return nil, unverified("%s is not a plain file", name)
	}
	f, err := v.root.Open(name)
	if err != nil {
		return nil, fmt.Errorf("read bag: %w", err)
	}
	return f, nil
}

func (v *verification) read(name string, limit int64) ([]byte, error) {
	f, err := v.open(name)
	if err != nil {
		return nil, err
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
	if v.record.Volume < 1 {
		return unverified("%s: this is a provider's hold, which is never handed over, not a production", nameRecord)
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
func (v *verification) onlyOurs() error {
	payload := int64(0)
	err := fs.WalkDir(v.root.FS(), ".", func(name string, e fs.DirEntry, err error) error {
		if err != nil {
			return fmt.Errorf("read bag: %w", err)
		}
		switch {
		case name == "data" && e.IsDir():
			if payload, err = v.countPayload(); err == nil {
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

func (v *verification) ours(name string) bool {
	_, known := v.record.Tags[name]
	return known || name == nameRecord || name == nameSig || name == nameTags
}

// countPayload counts the items in the directory, a part at a time, since
// there may be millions.
func (v *verification) countPayload() (int64, error) {
	d, err := v.root.Open("data")
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
	for _, name := range slices.Sorted(maps.Keys(v.record.Tags)) {
		got, n, err := v.digest(name)
		if err != nil {
			return err
		}
		if got != v.record.Tags[name] {
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
	f, err := v.open(name)
	if err != nil {
		return vitrine.Digest{}, 0, err
	}
	defer f.Close()
	h := sha256.New()
	n, err := io.Copy(h, f)
	if err != nil {
		return vitrine.Digest{}, 0, fmt.Errorf("read %s: %w", name, err)
	}
	return vitrine.Digest(h.Sum(nil)), n, nil
}
