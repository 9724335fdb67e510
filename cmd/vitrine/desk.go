package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"time"

	"golang.org/x/term"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/internal/blob"
	"github.com/vitrine-project/vitrine/internal/casework"
	"github.com/vitrine-project/vitrine/internal/collect"
	"github.com/vitrine-project/vitrine/internal/keyring"
	"github.com/vitrine-project/vitrine/internal/report"
	"github.com/vitrine-project/vitrine/internal/store"
	"github.com/vitrine-project/vitrine/ledger"
	"github.com/vitrine-project/vitrine/mandate"
)

type deskOptions struct {
	config    Config
	base, out string
	public    string // the public directory, which the ledgers must continue; "" if the command has none
	today     string // the day that a person says it is, or ""
	bars      *bars
	now       func() time.Time
	reached   func(string)
	piece     collect.Limit
}

// openDesk wires a desk from the config. The returned function lets go of the
// store.
func openDesk(ctx context.Context, o deskOptions) (*casework.Desk, func() error, error) {
	d := &casework.Desk{Provider: o.config.Provider.Name, Now: o.now, Today: o.today, Reached: o.reached, Piece: o.piece, Collecting: o.bars.Collecting, Sealing: o.bars.Sealing, Counting: o.bars.Counting}
	var err error
	if d.Policy, err = o.config.Policy(); err != nil {
		return nil, nil, err
	}
	if d.Directory, err = o.config.Directory(); err != nil {
		return nil, nil, err
	}
	if d.Sources, err = o.config.Sources(o.base); err != nil {
		return nil, nil, err
	}
	d.Catalogue = func() (*vitrine.CatalogueVersion, error) { return o.config.answeredUnder(o.base) }
	if d.Ring, err = keyring.Load(resolve(o.base, o.config.Provider.Key), resolve(o.base, o.config.Provider.HoldKey)); err != nil {
		return nil, nil, err
	}
	if d.Outbox, err = filepath.Abs(o.out); err != nil {
		return nil, nil, fmt.Errorf("find outbox: %w", err)
	}
	data := o.data()
	d.DB, err = store.Open(ctx, store.Options{Dir: data, URL: o.config.Store.Database, Now: o.now, Reached: o.reached})
	if err != nil {
		return nil, nil, err
	}
	if err = openDirs(d, data); err == nil {
		_, _, err = d.DB.Audit(ctx)
	}
	if err == nil {
		err = d.DropUnneeded(ctx)
	}
	closeBooks := func() error { return nil }
	if err == nil {
		var opened func() error
		if opened, err = openBooks(ctx, d, o, data); err == nil {
			closeBooks = opened
		}
	}
	if err == nil {
		err = goesOn(d, data, o.public)
	}
	if err == nil {
		err = d.Prepare(ctx)
	}
	closeAll := func() error { return errors.Join(closeBooks(), d.DB.Close()) }
	if err != nil {
		return nil, nil, errors.Join(err, closeAll())
	}
	return d, closeAll, nil
}

// withConfig opens a desk by the config at path, which o need not have, does
// something at it, and lets go of the store.
func (p program) withConfig(ctx context.Context, path string, o deskOptions, do func(*casework.Desk, deskOptions) error) (err error) {
	if o.config, o.base, err = loadConfig(path); err != nil {
		return err
	}
	o.now, o.reached, o.piece = p.now, p.reached, p.piece
	desk, closeDesk, err := openDesk(ctx, o)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, closeDesk()) }()
	return do(desk, o)
}

// withCounted is withConfig with the ticks made that are due.
func (p program) withCounted(ctx context.Context, path string, o deskOptions, do func(*casework.Desk, deskOptions) error) error {
	o.bars = newBars(p.stderr)
	return p.withConfig(ctx, path, o, func(d *casework.Desk, o deskOptions) error {
		if err := d.Count(ctx); err != nil {
			return err
		}
		o.bars.Finish()
		return do(d, o)
	})
}

// withDesk is withCounted where the desk is all that matters.
func (p program) withDesk(ctx context.Context, path string, do func(*casework.Desk) error) error {
	return p.withCounted(ctx, path, deskOptions{}, func(d *casework.Desk, _ deskOptions) error { return do(d) })
}

// data is the directory in which the provider remembers.
func (o deskOptions) data() string { return resolve(o.base, o.config.Store.Dir) }

// goesOn refuses ledgers that are older than what is published of them, and has
// them say reports that a killed build kept and did not say, before any tick is
// made.
func goesOn(d *casework.Desk, data, public string) error {
	b := kept(d, data)
	if public != "" {
		if err := b.Continues(public); err != nil {
			return err
		}
	}
	return b.Say()
}

// kept is the builder of the reports that are kept in the data directory.
func kept(d *casework.Desk, data string) report.Builder {
	b := report.Builder{State: filepath.Join(data, "reports"), Reached: d.Reached}
	for _, class := range []ledger.Class{ledger.Public, ledger.Restricted} {
		if book := d.Books[class]; book != nil {
			b.Logs, b.Signer = append(b.Logs, book.Log), book.Reports
		}
	}
	return b
}

func openDirs(d *casework.Desk, data string) error {
	for dir, name := range map[**blob.Dir]string{&d.Originals: "originals", &d.Holds: "holds", &d.Packages: "packages"} {
		opened, err := blob.OpenDir(filepath.Join(data, name))
		if err != nil {
			return fmt.Errorf("open %s: %w", name, err)
		}
		opened.Reached = d.Reached
		*dir = opened
	}
	d.Records, d.Spool, d.Unfinished = filepath.Join(data, "records"), filepath.Join(data, "spool"), filepath.Join(data, "unfinished")
	if err := os.RemoveAll(d.Spool); err != nil {
		return fmt.Errorf("clear spool: %w", err)
	}
	if err := os.MkdirAll(d.Spool, 0o700); err != nil {
		return fmt.Errorf("make spool: %w", err)
	}
	return nil
}

// operator is the name under which this person's acts are recorded.
func operator() string {
	if u, err := user.Current(); err == nil && u.Username != "" {
		return u.Username
	}
	return "operator"
}

// approve makes or reads one approver's signature over text.
func approve(path string, text []byte) (vitrine.Approval, error) {
	return keyring.Approve(path, mandate.Namespace, text, passphrase)
}

// passphrase asks for a key's passphrase on the terminal; nil without one.
var passphrase = func(path string) ([]byte, error) {
	tty, err := os.OpenFile("/dev/tty", os.O_RDWR, 0)
	if err != nil {
		return nil, vitrine.Refusef(vitrine.Usage, "%s has a passphrase and there is no terminal to ask on: load it into ssh-agent and give its .pub", path)
	}
	defer tty.Close()
	fmt.Fprintf(tty, "Passphrase for %s: ", path)
	defer fmt.Fprintln(tty)
	return term.ReadPassword(int(tty.Fd()))
}
