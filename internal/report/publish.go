package report

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/ledger"
)

// Points are the places at which a test kills the process.
var Points = []string{"public: laid out", "public: audited", "public: set aside", "public: replaced", "public: done"}

func (b Builder) reached(point string) {
	if b.Reached != nil {
		b.Reached(point)
	}
}

// Where the next public directory is laid out, and where the last one is while
// the next takes its place: names that nobody gives to a directory of their own.
func nextOf(out string) string { return beside(out, "next") }
func lastOf(out string) string { return beside(out, "last") }

func beside(out, what string) string {
	return filepath.Join(filepath.Dir(out), "."+filepath.Base(out)+".vitrine-"+what)
}

// publish lays the public directory out beside out, audits it, and puts it in
// out's place. Whenever the process dies, out is whole or Recover finds the one
// that was there.
func (b Builder) publish(ctx context.Context, out string, all []Published) (*ledger.Verdict, error) {
	if err := b.Recover(out); err != nil {
		return nil, err
	}
	if err := ours(out); err != nil {
		return nil, err
	}
	next := nextOf(out)
	if err := os.RemoveAll(next); err != nil {
		return nil, fmt.Errorf("clear %s: %w", next, err)
	}
	if err := b.layOut(next, all); err != nil {
		return nil, fmt.Errorf("write public directory: %w", err)
	}
	b.reached("public: laid out")
	audit := ledger.Audit{Fetch: Directory(next), Rand: rand.Reader, Progress: b.Checking}
	v, err := audit.Run(ctx)
	if err != nil {
		return nil, vitrine.Refusef(vitrine.Unverified, "what was about to be published does not verify (%v): nothing was changed; %s has it, and the ledger is to be restored from a backup or mended", err, next)
	}
	if err := syncTree(next); err != nil {
		return nil, fmt.Errorf("write public directory: %w", err)
	}
	b.reached("public: audited")
	return v, b.exchange(out)
}

// exchange puts what was laid out in out's place. Each name is on the disk
// before the next one changes.
func (b Builder) exchange(out string) error {
	above, last := filepath.Dir(out), lastOf(out)
	if err := os.RemoveAll(last); err != nil {
		return fmt.Errorf("clear %s: %w", last, err)
	}
	if err := os.Rename(out, last); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("replace %s: %w", out, err)
	}
	if err := syncDir(above); err != nil {
		return fmt.Errorf("replace %s: %w", out, err)
	}
	b.reached("public: set aside")
	if err := os.Rename(nextOf(out), out); err != nil {
		return fmt.Errorf("replace %s: %w", out, errors.Join(err, b.Recover(out)))
	}
	if err := syncDir(above); err != nil {
		return fmt.Errorf("replace %s: %w", out, err)
	}
	b.reached("public: replaced")
	if err := os.RemoveAll(last); err != nil {
		return fmt.Errorf("clear %s: %w", last, err)
	}
	b.reached("public: done")
	return nil
}

// Recover puts the public directory back that a killed build had set aside.
func (b Builder) Recover(out string) error {
	if _, err := os.Lstat(out); !errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	last := lastOf(out)
	if _, err := os.Lstat(last); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err := ours(last); err != nil {
		return err
	}
	if err := errors.Join(os.Rename(last, out), syncDir(filepath.Dir(out))); err != nil {
		return fmt.Errorf("put %s back: %w", out, err)
	}
	return nil
}

// Continues refuses to go on from ledgers that are older than what out shows of
// them, or tell another story: a second history would be published.
func (b Builder) Continues(out string) error {
	if err := b.Recover(out); err != nil {
		return err
	}
	for i, l := range b.Logs {
		class := [...]ledger.Class{ledger.Public, ledger.Restricted}[i]
		path := filepath.Join(out, "ledger", string(class), "checkpoint")
		checkpoint, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return fmt.Errorf("read public directory: %w", err)
		}
		if err := l.Holds(checkpoint); err != nil {
			return vitrine.Refusef(vitrine.Unverified, "%s is published, and the %s ledger on this machine does not continue it: %v. Nothing was done. If data was restored, restore its newest copy, database and ledger of one time; %s is itself a copy of all that was published of the ledger",
				path, class, err, out)
		}
	}
	return nil
}

// Say has the ledgers say each report that is kept, if a killed build did not.
func (b Builder) Say() error {
	kept, err := b.kept()
	if err != nil {
		return err
	}
	return b.say(kept)
}

// ours refuses to replace a directory that is no public directory.
func ours(out string) error {
	entries, err := os.ReadDir(out)
	if errors.Is(err, fs.ErrNotExist) || err == nil && len(entries) == 0 {
		return nil
	}
	if err != nil {
		return vitrine.Refusef(vitrine.Usage, "%v: choose another directory", err)
	}
	if _, err := os.Stat(filepath.Join(out, "reports", "index.json")); err != nil {
		return vitrine.Refusef(vitrine.Usage, "%s holds other files than a report's: nothing was changed; choose another directory", out)
	}
	return nil
}

// syncTree has all that is below a directory on the disk.
func syncTree(dir string) error {
	return filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return syncDir(path)
	})
}
