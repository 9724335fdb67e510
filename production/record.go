package production

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"time"

	"github.com/hiddeco/sshsig"
	"golang.org/x/crypto/ssh"

	"github.com/vitrine-project/vitrine"
)

// The SSHSIG namespaces of the provider's two signatures.
const (
	RecordNamespace   = "vitrine-production"
	EnvelopeNamespace = "vitrine-envelope"
)

// Signer makes the provider's armored SSH signature over message.
type Signer func(namespace string, message []byte) (armored []byte, err error)

// Info is what a bag says of itself beyond its items.
type Info struct {
	Demand     vitrine.ID
	Volume     int // 1, 2, …; 0 for a hold, which is never handed over
	Mandate    vitrine.Digest
	Provider   string
	Authority  string
	Reference  string
	Collection vitrine.Collection
	Open       int64 // undeterminable items not yet decided
	Withheld   int64
	Sealed     time.Time // whole seconds, UTC
}

// Sealed is what came of a bag.
type Sealed struct {
	SHA256 vitrine.Digest // of the sealed file
	Size   int64          // of the sealed file
	Items  int64
	Root   vitrine.Digest // Merkle root over the payload manifest
}

// The tag files that every bag has, besides those that Tag adds.
const (
	nameBagIt    = "bagit.txt"
	nameBagInfo  = "bag-info.txt"
	nameManifest = "manifest-sha256.txt"
	nameTags     = "tagmanifest-sha256.txt"
	nameItems    = "items.jsonl"
	nameCSV      = "items.csv"
	nameDAT      = "items.dat"
	nameRecord   = "production.json"
	nameSig      = "production.json.sig"

	nameStatement = "mandate/statement.txt"
)

// ownNames are the files that only Close writes.
var ownNames = []string{nameBagIt, nameBagInfo, nameManifest, nameTags, nameItems, nameCSV, nameDAT, nameRecord, nameSig}

const bagIt = "BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"

// record is production.json: what is signed.
type record struct {
	Version    string                    `json:"version"` // "vitrine-production/1"
	Provider   string                    `json:"provider"`
	Authority  string                    `json:"authority"`
	Reference  string                    `json:"reference"`
	Demand     vitrine.ID                `json:"demand"`
	Volume     int                       `json:"volume"`
	Mandate    vitrine.Digest            `json:"mandate"`
	Sealed     time.Time                 `json:"sealed"`
	Items      int64                     `json:"items"`
	Bytes      int64                     `json:"bytes"`
	Open       int64                     `json:"open"`
	Withheld   int64                     `json:"withheld"`
	Replaced   int64                     `json:"dat_characters_replaced"`
	Collection vitrine.Counts            `json:"collection"`
	Containers []vitrine.Container       `json:"containers"`
	Missing    []vitrine.Account         `json:"missing"`
	Began      time.Time                 `json:"began"`
	Ended      time.Time                 `json:"ended"`
	Hold       vitrine.Digest            `json:"hold"`
	Root       vitrine.Digest            `json:"root"`
	Tags       map[string]vitrine.Digest `json:"tags"` // every tag file but this, its signature and the tag manifest
}

const recordVersion = "vitrine-production/1"

// maxRecord bounds production.json, in bytes.
const maxRecord = 256 << 20

func (r record) marshal() ([]byte, error) {
	b, err := json.MarshalIndent(r, "", "  ")
	return append(b, '\n'), err
}

// parseRecord accepts exactly what marshal writes.
func parseRecord(b []byte) (record, error) {
	var r record
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(&r); err != nil {
		return r, err
	}
	again, err := r.marshal()
	if err != nil {
		return r, err
	}
	if !bytes.Equal(b, again) {
		return r, errors.New("it is not in its one form")
	}
	return r, r.check()
}

// check refuses a record whose sums do not hold.
func (r record) check() error {
	if r.Version != recordVersion {
		return fmt.Errorf("version %q is not known: want %s; a newer vitrine may be needed", r.Version, recordVersion)
	}
	if r.Volume < 0 || !whole(r.Sealed) || !whole(r.Began) || !whole(r.Ended) {
		return errors.New("its volume or its times cannot be")
	}
	var sum vitrine.Counts
	for _, c := range r.Containers {
		if !c.Closed() {
			return fmt.Errorf("the sums of container %q do not close", c.Name)
		}
		sum = sum.Add(c.Counts)
	}
	if !r.Collection.Closed() || sum != r.Collection {
		return errors.New("the sums of the containers are not those of the collection")
	}
	if r.Open < 0 || r.Withheld < 0 || r.Open+r.Withheld > r.Collection.Undeterminable || r.Items < 0 || r.Items > r.Collection.In+r.Collection.Undeterminable {
		return errors.New("more items than were collected")
	}
	return nil
}

// bagInfo is bag-info.txt.
func (r record) bagInfo() string {
	return fmt.Sprintf("Bagging-Date: %s\nExternal-Identifier: %s-%d\nPayload-Oxum: %d.%d\n", r.Sealed.UTC().Format(time.DateOnly), r.Demand, r.Volume, r.Bytes, r.Items)
}

// tagName is what a tag file may be called: up to one directory, nothing that
// hides, climbs or is one of a system's own names.
var tagName = regexp.MustCompile(`^(?:[a-z]{2,20}/)?[a-z0-9][a-z0-9-]{0,40}(?:\.[a-z0-9]{1,10}){1,3}$`)

var payloadName = regexp.MustCompile(`^data/([0-9]{6}|[1-9][0-9]{6,17})\.(eml|bin)$`)

func validTag(name string) bool {
	return tagName.MatchString(name) && !strings.HasPrefix(name, "data/")
}

// signed has message signed, and checks what came back as a reader would.
func signed(sign Signer, namespace string, message []byte) ([]byte, error) {
	sig, err := sign(namespace, message)
	if err != nil {
		return nil, err
	}
	if _, err := signature(sig, namespace, bytes.NewReader(message), nil); err != nil {
		return nil, fmt.Errorf("what was signed cannot be used: %w", err)
	}
	return sig, nil
}

// signature checks the armored signature of message: by want if it is not nil,
// else by whichever key it names. It returns that key.
func signature(armored []byte, namespace string, message io.Reader, want ssh.PublicKey) (ssh.PublicKey, error) {
	sig, err := sshsig.Unarmor(armored)
	if err != nil {
		return nil, fmt.Errorf("the signature cannot be read: %w", err)
	}
	if !bytes.Equal(sshsig.Armor(sig), armored) {
		return nil, errors.New("the signature is not in its one form")
	}
	if sig.HashAlgorithm.Available() != nil {
		return nil, errors.New("the signature uses an unknown hash")
	}
	key := want
	if key == nil {
		key = sig.PublicKey
	} else if !bytes.Equal(key.Marshal(), sig.PublicKey.Marshal()) {
		return nil, fmt.Errorf("it is signed by %s, not by the provider's key %s", ssh.FingerprintSHA256(sig.PublicKey), ssh.FingerprintSHA256(key))
	}
	if err := sshsig.Verify(message, sig, key, sig.HashAlgorithm, namespace); err != nil {
		return nil, errors.New("the signature does not verify")
	}
	return key, nil
}
