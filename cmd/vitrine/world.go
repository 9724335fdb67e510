package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/internal/collect"
	"github.com/vitrine-project/vitrine/internal/collect/mail"
	"github.com/vitrine-project/vitrine/internal/keyring"
	"github.com/vitrine-project/vitrine/law"
)

// world is where the demo's files lie.
type world struct {
	dir, config, demand, grant, outbox, decisions, identity string
	keys                                                    []string // of the approvers who sign
	account                                                 string
	categories                                              []vitrine.Category
	month                                                   time.Time // its first instant
	note                                                    string    // how the month was chosen

	public                                        string // the public directory
	receipts                                      string // of the first demand of all, as its authority has them
	receipt                                       string // the one of the demand itself
	firstReference, firstDocument, firstAuthority string
}

func (w world) opened(volume int) string {
	return filepath.Join(w.dir, "authority", fmt.Sprintf("opened-%d", volume))
}

func (w world) approve() []string {
	var args []string
	for _, k := range w.keys {
		args = append(args, "--approve", k)
	}
	return args
}

// build writes the demo's world: config, keys, mail and the demand.
func (d demo) build(ctx context.Context) (world, error) {
	dir, err := d.makeDir()
	if err != nil {
		return world{}, err // nothing was made
	}
	provider, court := filepath.Join(dir, "provider"), filepath.Join(dir, "authority")
	w := world{
		dir: dir, config: filepath.Join(provider, "vitrine.toml"), outbox: filepath.Join(dir, "outbox"),
		demand: filepath.Join(court, "demand.toml"), grant: filepath.Join(provider, "grant.toml"),
		decisions: filepath.Join(provider, "decisions.toml"), identity: filepath.Join(court, "key.txt"),
		public: filepath.Join(dir, "public"), receipts: filepath.Join(court, "receipts.txt"), receipt: filepath.Join(court, "receipt.txt"),
	}
	for _, sub := range []string{filepath.Join(provider, "keys"), court} {
		if err := os.MkdirAll(sub, 0o700); err != nil {
			return w, fmt.Errorf("make directory: %w", err)
		}
	}
	sources, err := d.data(ctx, provider, &w)
	if err != nil {
		return w, err
	}
	periods, err := demoPeriods(d.now())
	if err != nil {
		return w, err
	}
	if err := writeDora(provider, periods[0].From.AddDate(0, -2, 0)); err != nil {
		return w, err
	}
	sources += "\n[[source]]\nname = \"old-mail\"\nkind = \"maildir\"\npath = \"old/{account}\"\n" + accepted
	if d.story {
		periods = [3]law.Period{}
	}
	if err := w.writeProvider(provider, sources, periods); err != nil {
		return w, err
	}
	if !d.story {
		if _, err := d.call(ctx, "restricted", "--config", w.config, "--sign", w.keys[0]); err != nil {
			return w, err
		}
	}
	return w, w.writeDemand(d.now().UTC().Truncate(time.Second))
}

// accepted says why a demonstration may read what it could write.
const accepted = "may_write = \"a demonstration: the mail lies on an ordinary disk\"\n"

// data writes the three users' mail, or takes the reader's own, and returns
// the [[source]] tables.
func (d demo) data(ctx context.Context, provider string, w *world) (string, error) {
	if d.mail != "" {
		return d.readersMail(ctx, w)
	}
	now := d.now().UTC()
	w.account, w.month = "alice", time.Date(now.Year(), now.Month()-1, 1, 0, 0, 0, 0, time.UTC)
	w.note = "last month"
	if err := writeMail(provider, w.month); err != nil {
		return "", err
	}
	if err := writeShelves(provider, w.month); err != nil {
		return "", err
	}
	w.categories = []vitrine.Category{vitrine.Subscriber, vitrine.Traffic, vitrine.Content}
	return "[[source]]\nname = \"archive\"\nkind = \"mbox\"\npath = \"archive/{account}.mbox\"\n" + accepted + "\n" +
		"[[source]]\nname = \"mail\"\nkind = \"maildir\"\npath = \"mail/{account}\"\n" + accepted + demoShelves, nil
}

// readersMail points a source at the reader's own mail, which is only read,
// and finds the newest calendar month that holds any.
func (d demo) readersMail(ctx context.Context, w *world) (string, error) {
	path, err := filepath.EvalSymlinks(d.mail)
	if err != nil {
		return "", vitrine.Refusef(vitrine.Usage, "--mail: %v: give a Maildir or an mbox file", err)
	}
	if path, err = filepath.Abs(path); err != nil {
		return "", fmt.Errorf("find mail: %w", err)
	}
	kind, source := "maildir", mail.Maildir
	if st, err := os.Stat(path); err != nil || !st.IsDir() {
		kind, source = "mbox", mail.Mbox
	}
	account, err := vitrine.ParseAccount(filepath.Base(path))
	if err != nil {
		return "", vitrine.Refusef(vitrine.Usage, "--mail: the last part of the path becomes the account's name, and %v: rename or link it", err)
	}
	w.account, w.categories = string(account), []vitrine.Category{vitrine.Content}
	pattern := filepath.Join(filepath.Dir(path), "{account}")
	store, err := source("mail", pattern)
	if err != nil {
		return "", vitrine.Refusef(vitrine.Usage, "--mail: %v", err)
	}
	newest, err := newestReceived(ctx, store, account)
	if err != nil {
		return "", err
	}
	if newest.IsZero() {
		return "", vitrine.Refusef(vitrine.Usage, "--mail: %s holds no mail that could be read: give a Maildir (with cur and new) or an mbox file", path)
	}
	w.month = time.Date(newest.Year(), newest.Month(), 1, 0, 0, 0, 0, time.UTC)
	w.note = "the newest calendar month (UTC) that holds mail in " + path
	return fmt.Sprintf("[[source]]\nname = \"mail\"\nkind = %q\npath = %s\n", kind, strconv.Quote(pattern)) + accepted, nil
}

// newestReceived is the latest time of arrival in an account's mail, by the
// store's own record. No message is opened.
func newestReceived(ctx context.Context, source collect.Source, account vitrine.Account) (time.Time, error) {
	var newest time.Time
	containers, err := source.Inventory(ctx, account)
	if err != nil {
		return newest, err
	}
	for _, c := range containers {
		err := source.Enumerate(ctx, c, "", func(it collect.Item) error {
			// Where the zone is not known, the middle of what is possible.
			if t := it.Received.From.Add(it.Received.To.Sub(it.Received.From) / 2); it.Received.Known() && t.After(newest) {
				newest = t
			}
			return nil
		})
		if err != nil {
			return newest, err
		}
	}
	return newest.UTC(), nil
}

// writeProvider writes the provider's keys and config; without periods the
// defaults say how demands are counted.
func (w *world) writeProvider(provider, sources string, periods [3]law.Period) error {
	keys := filepath.Join(provider, "keys")
	if _, err := keyring.NewSSHKey(filepath.Join(keys, "provider"), "provider"); err != nil {
		return err
	}
	if _, err := keyring.NewAgeKey(filepath.Join(keys, "hold")); err != nil {
		return err
	}
	recipient, err := keyring.NewAgeKey(w.identity)
	if err != nil {
		return err
	}
	var b strings.Builder
	fmt.Fprintf(&b, "# The demo's provider. vitrine init writes a commented config to start from.\n\n")
	fmt.Fprintf(&b, "[provider]\nname = \"Glass Mail (demo)\"\nkey = \"keys/provider\"\nhold_key = \"keys/hold\"\n\n[store]\ndir = \"data\"\n\n%s\n[quorum]\nneed = 2\n", sources)
	for _, name := range []string{"counsel-a", "counsel-b", "director"} {
		line, err := keyring.NewSSHKey(filepath.Join(keys, name), name)
		if err != nil {
			return err
		}
		fmt.Fprintf(&b, "\n[[approver]]\nname = %q\nkey = %q\n", name, strings.TrimSpace(line))
	}
	w.keys = []string{filepath.Join(keys, "counsel-a"), filepath.Join(keys, "director")}
	fmt.Fprintf(&b, "\n[[authority]]\nid = \"us-dc-wawd\"\nname = \"U.S. District Court, W.D. Washington\"\njurisdiction = \"us\"\nseal_to = [%q]\n", recipient)
	if periods[0].From.IsZero() {
		fmt.Fprintf(&b, "\n[ledger]\norigin = \"glass.example/demo\"\ndemo = true\n")
		return writeNew(w.config, b.String())
	}
	for _, other := range [][3]string{{"us-fbi", "Federal Bureau of Investigation", "us"}, {"de-sta-koeln", "Staatsanwaltschaft Köln", "de"}} {
		key, err := keyring.NewAgeKey(filepath.Join(filepath.Dir(w.identity), other[0]+".txt"))
		if err != nil {
			return err
		}
		fmt.Fprintf(&b, "\n[[authority]]\nid = %q\nname = %q\njurisdiction = %q\nseal_to = [%q]\n", other[0], other[1], other[2], key)
	}
	fmt.Fprintf(&b, "\n[ledger]\norigin = \"glass.example/demo\"\nsheets = [%s]\nticks  = 2\nlag    = \"24h\"\nquorum = 2\ndemo   = true\nlive   = true\n", quotedList(demoSheets))
	for i, n := range []int{1480, 1620} {
		fmt.Fprintf(&b, "\n[[ledger.accounts]]\nperiod = %q\nnumber = %d\nmeans  = \"open on the last day\"\nmeans_fr = \"ouverts le dernier jour\"\nmeans_de = \"am letzten Tag offen\"\n", periods[i].Name(), n)
	}
	for _, n := range []string{"one", "two"} {
		fmt.Fprintf(&b, "\n[[ledger.witness]]\norganisation = \"Demo witness %s, played by the provider\"\ntrial = \"keys/witness-%s\"\n", n, n)
	}
	fmt.Fprintf(&b, "\n[ledger.restricted]\npublication = \"live\"\nstructure = \"us/1874-a3\"\nlag = \"24h\"\ncounsel = \"counsel-a\"\n")
	return writeNew(w.config, b.String())
}

// writeDemand writes the warrant, the demand, which asks for two weeks more
// than the warrant names, and the grant that narrows it.
func (w *world) writeDemand(received time.Time) error {
	end := w.month.AddDate(0, 1, 0)
	warrant := fmt.Sprintf("UNITED STATES DISTRICT COURT\nSearch warrant 26-CR-118 (a made-up one, for the demo)\n\nThe %s data of the account %q from %s to %s.\n",
		join(w.categories), w.account, w.month.Format("2 January 2006"), end.AddDate(0, 0, -1).Format("2 January 2006"))
	if err := writeNew(filepath.Join(filepath.Dir(w.demand), "warrant.txt"), warrant); err != nil {
		return err
	}
	demand := fmt.Sprintf("reference  = \"26-CR-118\"\nauthority  = \"us-dc-wawd\"\ninstrument = \"us/search-warrant\"\ndocument   = \"warrant.txt\"\n"+
		"received   = %s\naccounts   = [%s]\ncategories = [%s]\nfrom       = %s\nto         = %s\nclock      = \"received\"\n",
		received.Format(time.RFC3339), strconv.Quote(w.account), quotedList(w.categories), w.month.Format(time.RFC3339), end.AddDate(0, 0, 14).Format(time.RFC3339))
	if err := writeNew(w.demand, demand); err != nil {
		return err
	}
	return writeNew(w.grant, fmt.Sprintf("# The form asks for two weeks more than the judge's warrant names.\nto = %s\n\n[reasons]\nto = \"period-beyond-order\"\n", end.Format(time.RFC3339)))
}

// decide fills in the list of open items as counsel would: the first is
// produced, the others withheld. With the reader's own mail all are withheld.
func (w world) decide(list string) error {
	b, err := os.ReadFile(list)
	if err != nil {
		return fmt.Errorf("read list of open items: %w", err)
	}
	text, first := string(b), w.account == "alice"
	for strings.Contains(text, `action = ""`) {
		action, reason := "withhold", "not-shown-in-period"
		if first {
			action, reason = "produce", "the sender's own date lies in the month"
		}
		first = false
		text = strings.Replace(text, `action = ""`, `action = "`+action+`"`, 1)
		text = strings.Replace(text, `reason = ""`, `reason = "`+reason+`"`, 1)
	}
	return writeNew(w.decisions, text)
}

func (w world) introduce(out io.Writer) {
	fmt.Fprintf(out, "A small provider stands in %s: Glass Mail, with two of three approvers needed.\n", w.dir)
	fmt.Fprintf(out, "A court asks for the %s data of %q in %s (%s), and two weeks more.\n", join(w.categories), w.account, w.month.Format("January 2006"), w.note)
}

// writeNew writes a file that must not be there yet.
func writeNew(path, text string) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("write: %w", err)
	}
	_, err = f.WriteString(text)
	return errors.Join(err, f.Close())
}
