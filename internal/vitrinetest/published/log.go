package published

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"maps"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/vitrine-project/vitrine/ledger"
)

// log writes one log the plain way: entries, hash tiles, checkpoints.
type log struct {
	s       *Site
	chain   ledger.Chain
	entries int64
	hashes  []tlog.Hash
	sums    []ledger.Sums // of each period
	notices []ledger.Notice
	waiting []ledger.Notice
	notes   ledger.Hash
	next    uint64 // tick
}

// ReadHashes makes the log its own hash reader.
func (l *log) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	var list []tlog.Hash
	for _, i := range indexes {
		list = append(list, l.hashes[i])
	}
	return list, nil
}

func (l *log) put(path string, b []byte) {
	l.s.Files["ledger/"+string(l.chain[0].Class)+"/"+path] = b
}

// drop takes the partial tile of a smaller tree away.
func (l *log) drop(below string) {
	below = "ledger/" + string(l.chain[0].Class) + "/" + below
	maps.DeleteFunc(l.s.Files, func(path string, _ []byte) bool { return strings.HasPrefix(path, below) })
}

func (l *log) period() *ledger.Period { return l.chain[len(l.chain)-1] }

// begin takes the next header.
func (l *log) begin(h *ledger.Header) {
	chain, err := l.chain.With(h)
	l.s.must(err)
	l.chain, l.next, l.sums = chain, 1, append(l.sums, nil)
	b, err := h.Marshal()
	l.s.must(err)
	l.put(fmt.Sprintf("headers/%d.json", h.Number), b)
	l.write(l.period().HeaderBundle())
	if h.Number == 0 {
		l.publish(h.From - 1)
	}
}

// tick makes the next tick with these facts, and returns where they stand.
func (l *log) tick(facts ...*ledger.Fact) []uint64 {
	p := l.period()
	for _, n := range l.waiting {
		n.Bundle = p.First(l.next, 0) / ledger.BundleSize
		l.notices, l.notes = append(l.notices, n), n.After(l.notes)
	}
	l.waiting = nil
	plan, err := p.Tick(l.next, l.notes, facts, l.sums[p.Number], l.s.rand)
	l.s.must(err)
	l.write(plan.Entries)
	l.sums[p.Number] = plan.Sums
	l.publish(uint64(p.TickTime(l.next).Unix()))
	l.next++
	return plan.Indices
}

// notice is said with the next tick.
func (l *log) notice(kind string, document []byte) {
	l.waiting = append(l.waiting, ledger.Notice{Digest: sha256.Sum256(document), Kind: kind})
}

func (l *log) write(entries [][]byte) {
	for at := 0; at < len(entries); at += ledger.BundleSize {
		var b []byte
		first := l.entries
		for _, e := range entries[at : at+ledger.BundleSize] {
			b = append(binary.BigEndian.AppendUint16(b, uint16(len(e))), e...)
			h, err := tlog.StoredHashes(l.entries, e, l)
			l.s.must(err)
			l.hashes = append(l.hashes, h...)
			l.entries++
		}
		l.put(ledger.EntriesPath(uint64(first)/ledger.BundleSize), b)
		for _, t := range tlog.NewTiles(8, first, l.entries) {
			data, err := tlog.ReadTileData(t, l)
			l.s.must(err)
			path := "tile" + strings.TrimPrefix(t.Path(), "tile/8")
			whole, _, _ := strings.Cut(path, ".p/")
			l.drop(whole + ".p/")
			l.put(path, data)
		}
	}
}

func (l *log) root() tlog.Hash {
	h, err := tlog.TreeHash(l.entries, l)
	l.s.must(err)
	return h
}

// publish signs the tree as it stands; two of three witnesses saw it.
func (l *log) publish(at uint64) {
	origin := l.chain[0].Origin
	b := l.s.signed(origin, ledger.CheckpointText(origin, uint64(l.entries), ledger.Hash(l.root())), at)
	l.put("checkpoint", b)
	l.put("checkpoints/"+strconv.FormatInt(l.entries, 10), b)
	n, err := ledger.MarshalNotices(l.notices)
	l.s.must(err)
	l.put("notices.json", n)
}

// signed signs a checkpoint as the log and two witnesses do.
func (s *Site) signed(origin, text string, at uint64) []byte {
	b, err := note.Sign(&note.Note{Text: text}, s.signer(origin, s.key("log")))
	s.must(err)
	for _, name := range []string{"witness0", "witness1"} {
		b = append(b, cosignature(name+".example", s.key(name), text, at)...)
	}
	return b
}

func cosignature(name string, k ed25519.PrivateKey, text string, at uint64) []byte {
	sig := ed25519.Sign(k, fmt.Appendf(nil, "cosignature/v1\ntime %d\n%s", at, text))
	raw := binary.BigEndian.AppendUint32(nil, keyHash(name, append([]byte{4}, public(k)...)))
	return fmt.Appendf(nil, "— %s %s\n", name, base64.StdEncoding.EncodeToString(append(binary.BigEndian.AppendUint64(raw, at), sig...)))
}

func keyHash(name string, raw []byte) uint32 {
	sum := sha256.Sum256(append([]byte(name+"\n"), raw...))
	return binary.BigEndian.Uint32(sum[:])
}

func public(k ed25519.PrivateKey) ed25519.PublicKey { return k.Public().(ed25519.PublicKey) }

// receipt is that of a fact under the tree as it stands.
func (l *log) receipt(f *ledger.Fact, index uint64, parent bool) []byte {
	p := l.period()
	r := &ledger.Receipt{Fact: *f, HasParent: parent, Header: p.Header, HeaderIndex: p.Start, Index: index, Checkpoint: l.s.Files["ledger/"+string(p.Class)+"/checkpoint"]}
	if !parent {
		r.Fact.ParentSalt = [32]byte{}
	}
	r.Proof, r.HeaderProof = l.proof(index), l.proof(p.Start)
	b, err := r.Marshal()
	l.s.must(err)
	return b
}

func (l *log) proof(index uint64) []ledger.Hash {
	proof, err := tlog.ProveRecord(l.entries, int64(index), l)
	l.s.must(err)
	var list []ledger.Hash
	for _, h := range proof {
		list = append(list, ledger.Hash(h))
	}
	return list
}
