package ledger

import (
	"crypto/sha256"

	"golang.org/x/mod/sumdb/tlog"
)

// hashOf is SHA-256 over the parts, one behind the other.
func hashOf(parts ...[]byte) Hash {
	h := sha256.New()
	for _, p := range parts {
		h.Write(p)
	}
	return Hash(h.Sum(nil))
}

func entryHashes(entries [][]byte) []tlog.Hash {
	list := make([]tlog.Hash, len(entries))
	for i, e := range entries {
		list[i] = tlog.RecordHash(e)
	}
	return list
}

// rootOf is the root over 2^n hashes; level is overwritten.
func rootOf(level []tlog.Hash) Hash {
	for len(level) > 1 {
		for i := range len(level) / 2 {
			level[i] = tlog.NodeHash(level[2*i], level[2*i+1])
		}
		level = level[:len(level)/2]
	}
	return Hash(level[0])
}

// frontier is a tree of bundles that only grows: the roots of its full
// subtrees, largest first.
type frontier struct {
	size  uint64 // bundles
	peaks []Hash
}

func (f *frontier) add(bundle Hash) {
	for n := f.size; n&1 == 1; n >>= 1 {
		bundle = Hash(tlog.NodeHash(tlog.Hash(f.peaks[len(f.peaks)-1]), tlog.Hash(bundle)))
		f.peaks = f.peaks[:len(f.peaks)-1]
	}
	f.peaks = append(f.peaks, bundle)
	f.size++
}

func (f *frontier) root() Hash {
	if f.size == 0 {
		return sha256.Sum256(nil)
	}
	r := f.peaks[len(f.peaks)-1]
	for i := len(f.peaks) - 2; i >= 0; i-- {
		r = Hash(tlog.NodeHash(tlog.Hash(f.peaks[i]), tlog.Hash(r)))
	}
	return r
}
