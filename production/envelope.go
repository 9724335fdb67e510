package production

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/vitrine-project/vitrine"
)

// Envelope says what a sealed volume is, for whoever cannot open it: it lies
// beside NAME.zip.age as NAME.zip.age.json, signed by the provider.
type Envelope struct {
	Name     string         `json:"name"` // without .zip.age
	Size     int64          `json:"size"`
	SHA256   vitrine.Digest `json:"sha256"`
	Demand   vitrine.ID     `json:"demand"`
	Mandate  vitrine.Digest `json:"mandate"`
	Volume   int            `json:"volume"`
	Items    int64          `json:"items"`
	Open     int64          `json:"open"`
	Root     vitrine.Digest `json:"root"`
	SealedTo []string       `json:"sealed_to"` // fingerprints
	SealedAt time.Time      `json:"sealed_at"`
}

type envelopeFile struct {
	Version   string   `json:"version"` // "vitrine-envelope/1"
	Envelope  Envelope `json:"envelope"`
	Signature string   `json:"signature"` // over the envelope's compact JSON
}

const (
	envelopeVersion = "vitrine-envelope/1"
	maxEnvelope     = 64 << 10
)

// Sign returns the text of the file.
func (e Envelope) Sign(sign Signer) ([]byte, error) {
	message, err := json.Marshal(e)
	if err != nil {
		return nil, fmt.Errorf("write envelope: %w", err)
	}
	if err := e.check(); err != nil {
		return nil, fmt.Errorf("write envelope: %w", err)
	}
	sig, err := signed(sign, EnvelopeNamespace, message)
	if err != nil {
		return nil, fmt.Errorf("sign envelope: %w", err)
	}
	return envelopeFile{envelopeVersion, e, string(sig)}.marshal()
}

func (f envelopeFile) marshal() ([]byte, error) {
	b, err := json.MarshalIndent(f, "", "  ")
	return append(b, '\n'), err
}

// ParseEnvelope reads the text of the file, which must be in the one form that
// Sign writes, and checks its signature: by provider if that is not nil, else
// by the key that it names. It returns that key too.
func ParseEnvelope(b []byte, provider ssh.PublicKey) (Envelope, ssh.PublicKey, error) {
	f, err := parseEnvelope(b)
	if err != nil {
		return f.Envelope, nil, unverified("the record beside the package cannot be relied on: %v", err)
	}
	message, err := json.Marshal(f.Envelope)
	if err != nil {
		return f.Envelope, nil, fmt.Errorf("read envelope: %w", err)
	}
	key, err := signature([]byte(f.Signature), EnvelopeNamespace, bytes.NewReader(message), provider)
	if err != nil {
		return f.Envelope, nil, unverified("the record beside the package cannot be relied on: %v", err)
	}
	return f.Envelope, key, nil
}

func parseEnvelope(b []byte) (envelopeFile, error) {
	var f envelopeFile
	if len(b) > maxEnvelope {
		return f, errors.New("it is too long")
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(&f); err != nil {
		return f, err
	}
	if f.Version != envelopeVersion {
		return f, fmt.Errorf("version %q is not known: want %s; a newer vitrine may be needed", f.Version, envelopeVersion)
	}
	again, err := f.marshal()
	if err != nil || !bytes.Equal(again, b) {
		return f, errors.New("it is not in its one form")
	}
	return f, f.Envelope.check()
}

// check refuses what no sealed volume can be.
func (e Envelope) check() error {
	if _, err := vitrine.ParseID(string(e.Demand)); err != nil {
		return err
	}
	if want := fmt.Sprintf("%s-%d", e.Demand, e.Volume); e.Volume < 1 || e.Name != want {
		return fmt.Errorf("volume %d of demand %s cannot have the name %q", e.Volume, e.Demand, e.Name)
	}
	if e.Size < 1 || e.Items < 0 || e.Open < 0 || len(e.SealedTo) == 0 || !whole(e.SealedAt) {
		return errors.New("it says what cannot be")
	}
	for _, f := range e.SealedTo {
		if !fingerprint.MatchString(f) {
			return fmt.Errorf("%q is not the fingerprint of a recipient", f)
		}
	}
	return nil
}

// whole says that t is in UTC and has no fraction of a second.
func whole(t time.Time) bool {
	_, offset := t.Zone()
	return offset == 0 && t.Nanosecond() == 0
}

// fingerprint is what Fingerprint returns.
var fingerprint = regexp.MustCompile(`^age:[0-9a-f]{4}(?:-[0-9a-f]{4}){7}$`)

// VerifySealed checks a sealed volume against the signed record beside it.
// What is under the seal only its owner can check, after opening it.
func VerifySealed(path string, t Trust) (Report, error) {
	var r Report
	b, err := beside(path)
	if err != nil {
		return r, unverified("%s.json, the signed record that lies beside a package, cannot be read: ask for both files", path)
	}
	e, key, err := ParseEnvelope(b, t.Provider)
	if err != nil {
		return r, err
	}
	f, err := os.Open(path)
	if err != nil {
		return r, vitrine.Refusef(vitrine.Usage, "%v: check the path", err)
	}
	defer f.Close()
	if err := e.matches(f); err != nil {
		return r, err
	}
	r.made(t, key)
	r.say("%s: volume %d of demand %s, %s, %d open", e.Name, e.Volume, e.Demand, itemsOf(e.Items), e.Open)
	r.say("%d bytes, sha256 %s, sealed to %s at %s", e.Size, e.SHA256.Hex(), strings.Join(e.SealedTo, ", "), e.SealedAt.Format(time.RFC3339))
	return r, nil
}

// beside reads the record that lies beside a sealed file, or as much of it as
// shows that it is too long.
func beside(path string) ([]byte, error) {
	if st, err := os.Stat(path + ".json"); err != nil || !st.Mode().IsRegular() {
		return nil, errors.Join(err, errors.New("it is not a plain file"))
	}
	f, err := os.Open(path + ".json")
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, maxEnvelope+1))
}

// matches compares a sealed file with the envelope.
func (e Envelope) matches(f io.Reader) error {
	digest := sha256.New()
	in := bufio.NewReaderSize(io.TeeReader(f, digest), 64<<10)
	header, err := ageHeader(in)
	if err != nil {
		return unverified("the package is not a sealed file: %v", err)
	}
	n, err := io.Copy(io.Discard, in)
	if err != nil {
		return fmt.Errorf("read package: %w", err)
	}
	size := header + n
	if size != e.Size || !sealedSizeFits(header, size) {
		return unverified("the package has %d bytes, its record says %d: it was cut or changed on the way", size, e.Size)
	}
	if got := vitrine.Digest(digest.Sum(nil)); got != e.SHA256 {
		return unverified("the package has the digest %s, its record says %s: it was changed on the way", got.Hex(), e.SHA256.Hex())
	}
	return nil
}

// ageHeader reads the header of an age file, and returns its length.
func ageHeader(in *bufio.Reader) (int64, error) {
	var n int64
	for {
		line, err := in.ReadSlice('\n')
		n += int64(len(line))
		if err != nil || n > 1<<20 {
			return n, errors.New("its header has no end")
		}
		if n == int64(len(line)) && string(line) != "age-encryption.org/v1\n" {
			return n, errors.New("it does not begin as an age file does")
		}
		if bytes.HasPrefix(line, []byte("---")) {
			return n, nil
		}
	}
}
