package sequencer

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	f_note "github.com/transparency-dev/formats/note"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/vitrine-project/vitrine/ledger"
)

// Witness says how to reach a key of the headers' policies: at a URL, by the
// protocol of c2sp.org/tlog-witness, or in this process.
//
// Tessera can ask witnesses too, but it does so whenever its own tree has grown,
// under one policy for the life of the log, and keeps none of what it got. Here
// the tree must stand at a tick's end, the policy is that of the newest header
// in it, and the first cosigned checkpoint of each tick is evidence.
type Witness struct {
	Key     string // vkey
	URL     string // to which /add-checkpoint is added
	Cosigns interface {
		// Cosign answers as a witness does: with signature lines, or with
		// *Seen, if it knows the log at another size than old.
		Cosign(ctx context.Context, old uint64, proof []ledger.Hash, checkpoint []byte) ([]byte, error)
	}
}

// Seen is a witness's answer that it knows the log at another size.
type Seen struct{ Size uint64 }

func (s *Seen) Error() string { return fmt.Sprintf("it has seen a tree of %d entries", s.Size) }

const (
	patience  = 15 * time.Second // with one witness
	grace     = 2 * time.Second  // with the others, once there is a quorum
	maxAnswer = 16 << 10
)

// crowd asks all witnesses for their cosignatures of one checkpoint.
type crowd struct {
	witnesses  []Witness
	client     *http.Client
	dir        string // of the hash tiles
	tree       ledger.Tree
	before     uint64 // the size that the witnesses saw last, it is thought
	checkpoint []byte
}

type answer struct {
	witness ledger.Witness
	line    string
	err     error
}

// gather returns the checkpoint with the cosignatures that could be had, and
// who did not sign. It waits for all, but not long once a quorum is there.
func (c *crowd) gather(ctx context.Context, policy ledger.Witnesses) ([]byte, map[string]string) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	answers := make(chan answer, len(policy.Keys))
	for _, w := range policy.Keys {
		go func() {
			line, err := c.one(ctx, w.Key)
			answers <- answer{w, line, err}
		}()
	}
	signed, got, unsigned := slices.Clone(c.checkpoint), 0, map[string]string{}
	for range policy.Keys {
		a := <-answers
		if a.err != nil {
			unsigned[nameOf(a.witness.Key)+" of "+a.witness.Organisation] = a.err.Error()
			continue
		}
		signed = append(signed, a.line...)
		if got++; got == policy.Quorum {
			time.AfterFunc(grace, cancel)
		}
	}
	return signed, unsigned
}

func nameOf(vkey string) string {
	name, _, _ := strings.Cut(vkey, "+")
	return name
}

// list says who did not sign, in one order.
func list(unsigned map[string]string) string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(unsigned)) {
		parts = append(parts, name+": "+unsigned[name])
	}
	return strings.Join(parts, "; ")
}

// one returns the line of one key's cosignature.
func (c *crowd) one(ctx context.Context, vkey string) (string, error) {
	i := slices.IndexFunc(c.witnesses, func(w Witness) bool { return w.Key == vkey })
	if i < 0 {
		return "", errors.New("nothing says how to reach it")
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	w, old := c.witnesses[i], c.before
	for range 3 {
		lines, err := c.ask(ctx, w, old)
		var seen *Seen
		if errors.As(err, &seen) {
			if seen.Size > c.tree.Size() {
				return "", fmt.Errorf("it has seen a tree of %d entries, this one has %d: this directory is an older copy of the ledger, or another one signs with the same key", seen.Size, c.tree.Size())
			}
			old = seen.Size
			continue
		}
		if err != nil {
			return "", err
		}
		return c.line(vkey, lines)
	}
	return "", errors.New("it says each time that it has seen another tree")
}

func (c *crowd) ask(ctx context.Context, w Witness, old uint64) ([]byte, error) {
	proof, err := c.prove(old)
	if err != nil {
		return nil, err
	}
	if w.Cosigns != nil {
		return w.Cosigns.Cosign(ctx, old, proof, c.checkpoint)
	}
	return c.post(ctx, w.URL, old, proof)
}

// prove shows that the tree continues the one of an older size.
func (c *crowd) prove(old uint64) ([]ledger.Hash, error) {
	if old == 0 || old == c.tree.Size() {
		return nil, nil
	}
	p, err := tlog.ProveTree(int64(c.tree.Size()), int64(old), hashes(c.dir, c.tree))
	if err != nil {
		return nil, err
	}
	proof := make([]ledger.Hash, len(p))
	for i, h := range p {
		proof[i] = ledger.Hash(h)
	}
	return proof, nil
}

// line takes the cosignature of a key out of a witness's answer, if it is valid
// and has a time.
func (c *crowd) line(vkey string, lines []byte) (string, error) {
	v, err := f_note.NewVerifierForCosignatureV1(vkey)
	if err != nil {
		return "", err
	}
	n, err := note.Open(append(slices.Clone(c.checkpoint), lines...), note.VerifierList(v))
	if err != nil {
		return "", fmt.Errorf("its answer has no valid signature: %v", err)
	}
	if text, _, _ := bytes.Cut(c.checkpoint, []byte("\n\n")); n.Text != string(text)+"\n" {
		return "", errors.New("its answer changes what was to be signed")
	}
	s := n.Sigs[0]
	at, err := f_note.CoSigV1Timestamp(s)
	if err != nil || at.Unix() <= 0 {
		return "", errors.New("its signature has no time")
	}
	return "— " + s.Name + " " + s.Base64 + "\n", nil
}

// post speaks c2sp.org/tlog-witness.
func (c *crowd) post(ctx context.Context, url string, old uint64, proof []ledger.Hash) ([]byte, error) {
	var body bytes.Buffer
	fmt.Fprintf(&body, "old %d\n", old)
	for _, h := range proof {
		fmt.Fprintln(&body, base64.StdEncoding.EncodeToString(h[:]))
	}
	fmt.Fprintf(&body, "\n%s", c.checkpoint)
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, strings.TrimSuffix(url, "/")+"/add-checkpoint", &body)
	if err != nil {
		return nil, err
	}
	client := c.client
	if client == nil {
		client = http.DefaultClient
	}
	res, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	b, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer+1))
	if err != nil {
		return nil, err
	}
	return readAnswer(res.StatusCode, res.Header.Get("Content-Type"), b)
}

// readAnswer returns the signature lines of an answer to add-checkpoint, or
// what it says instead.
func readAnswer(status int, kind string, b []byte) ([]byte, error) {
	if len(b) > maxAnswer {
		return nil, fmt.Errorf("an answer of more than %d bytes", maxAnswer)
	}
	switch status {
	case http.StatusOK:
		return b, nil
	case http.StatusConflict:
		size, err := strconv.ParseUint(strings.TrimSuffix(string(b), "\n"), 10, 53)
		if kind != "text/x.tlog.size" || err != nil {
			return nil, errors.New("it has cosigned another tree of this size (409)")
		}
		return nil, &Seen{size}
	case http.StatusNotFound:
		return nil, errors.New("it does not know this log (404)")
	case http.StatusForbidden:
		return nil, errors.New("it does not trust the key that signed (403)")
	case http.StatusUnprocessableEntity:
		return nil, errors.New("it says that this tree does not continue the one it cosigned (422): there are two histories")
	}
	return nil, fmt.Errorf("it answers with status %d", status)
}
