package sequencer

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"golang.org/x/mod/sumdb/note"

	"github.com/vitrine-project/vitrine/ledger"
)

// Holds refuses a checkpoint of this log that it does not hold: what is
// published elsewhere is newer than the directory, or is of another history.
func (l *Log) Holds(checkpoint []byte) error {
	_, size, root, err := ledger.ReadCheckpoint(checkpoint)
	if err != nil {
		return err
	}
	chain, have := l.Chain(), l.Size()
	if len(chain) == 0 {
		return errors.New("the ledger has not begun")
	}
	if !signedBy(chain, checkpoint) {
		return errors.New("its log's key did not sign it: it is another ledger's, or was changed")
	}
	if size > have {
		return fmt.Errorf("it has %d entries and the ledger %d: the ledger is an older copy", size, have)
	}
	_, cp, err := l.kept(chain, size)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err != nil || cp.Root != root {
		return fmt.Errorf("of its %d entries some are others than the ledger's: the ledger went on from an older copy", size)
	}
	return nil
}

// signedBy reports whether a key of the log signed a note.
func signedBy(chain ledger.Chain, text []byte) bool {
	return slices.ContainsFunc(chain, func(p *ledger.Period) bool {
		v, err := note.NewVerifier(p.Keys.Log)
		if err != nil {
			return false
		}
		_, err = note.Open(text, note.VerifierList(v))
		return err == nil
	})
}
