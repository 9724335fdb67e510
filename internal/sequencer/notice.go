package sequencer

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/ledger"
)

// pending is a notice that goes with the next tick that is planned.
type pending struct {
	Digest ledger.Hash `json:"digest"`
	Kind   string      `json:"kind"`
}

// Notice has the next tick that is planned say the digest of a public document.
// When it returns, a crash does not forget it. A digest that was said before is
// not said again. The document is published with its tick if its kind is one of
// those that stand by themselves; otherwise it may be nil.
func (l *Log) Notice(kind string, digest ledger.Hash, document []byte) error {
	if !ledger.KnownNotice(kind) {
		return vitrine.Refusef(vitrine.Usage, "%q is no kind of notice", kind)
	}
	if ledger.Documented(kind) {
		if sha256.Sum256(document) != digest {
			return vitrine.Refusef(vitrine.Usage, "the document of the %s is not the one with the digest %s", kind, digest)
		}
		if err := l.write(documentsDir+"/"+digest.String(), document); err != nil {
			return err
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.queue(kind, digest)
}

// Notices are the digests of a kind that the log says, or that wait for a tick.
func (l *Log) Notices(kind string) []ledger.Hash {
	l.mu.Lock()
	defer l.mu.Unlock()
	var list []ledger.Hash
	for _, n := range l.notices {
		if n.Kind == kind {
			list = append(list, n.Digest)
		}
	}
	for _, p := range l.pending {
		if p.Kind == kind {
			list = append(list, p.Digest)
		}
	}
	return list
}

// Waiting reports whether a notice waits for a tick.
func (l *Log) Waiting() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.pending) > 0
}

func (l *Log) queue(kind string, digest ledger.Hash) error {
	if l.stopped != nil {
		return l.stopped
	}
	if slices.ContainsFunc(l.pending, func(p pending) bool { return p.Digest == digest }) || l.said(kind, digest) {
		return nil
	}
	return l.setPending(append(slices.Clone(l.pending), pending{digest, kind}))
}

// said reports whether a notice need not be said again. A header must: when
// another was announced behind it, and it took that one's place in turn, only
// its last notice counts.
func (l *Log) said(kind string, digest ledger.Hash) bool {
	for _, n := range slices.Backward(l.notices) {
		if n.Digest == digest {
			return true
		}
		if kind == ledger.NoticeHeader && n.Kind == kind && !l.comes(n.Digest) {
			return false
		}
	}
	return false
}

// comes reports whether a header is one of those that were taken.
func (l *Log) comes(header ledger.Hash) bool {
	return slices.ContainsFunc(l.chain, func(p *ledger.Period) bool { return p.Hash == header })
}

func (l *Log) setPending(list []pending) error {
	b, err := json.Marshal(list)
	if err != nil {
		return fmt.Errorf("ledger: write notices: %w", err)
	}
	if err := l.write(pendingFile, b); err != nil {
		return err
	}
	l.pending = list
	return nil
}

// readPending reads the notices that wait. Those that the newest plan has were
// taken into it; a header in whose place another was kept is not announced.
func (l *Log) readPending() error {
	b, err := l.read(pendingFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := json.Unmarshal(b, &l.pending); err != nil {
		return l.damaged("%s cannot be read", pendingFile)
	}
	l.pending = slices.DeleteFunc(l.pending, func(p pending) bool {
		return l.said(p.Kind, p.Digest) || p.Kind == ledger.NoticeHeader && !l.comes(p.Digest)
	})
	return nil
}

// say returns the notices of a tick that begins with a bundle.
func say(list []pending, bundle uint64) []ledger.Notice {
	said := []ledger.Notice{}
	for _, p := range list {
		said = append(said, ledger.Notice{Bundle: bundle, Digest: p.Digest, Kind: p.Kind})
	}
	return said
}
