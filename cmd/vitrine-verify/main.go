//go:build !js

package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"syscall"
	"time"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/internal/checking"
)

const usage = `vitrine-verify checks what a provider published or handed out. Offline where it is
given a directory; it needs no config and writes nothing.

  vitrine-verify report URL|DIR [--sampled] [--key CLASS=VKEY] [--json]
      the full audit of the ledgers and every report computed from them
  vitrine-verify receipt FILE [--document FILE --authority ID --reference REF]
                 [--account NAME] [--promise FILE] [--report URL|DIR] [--json]
      one receipt, or several one behind the other; what is not given is said
      to be unchecked
  vitrine-verify promise FILE… --report URL|DIR | --header FILE [--json]
      whether promises are signed, and kept
  vitrine-verify submission FILE [--promise FILE] [--document FILE]
                 [--authority ID --reference REF] --report URL|DIR | --header FILE [--json]
      a submission receipt, the answer that it was no demand, or both; a promise
      or an answer that came for it is given with --promise
  vitrine-verify tally LIST PROOF --report URL|DIR [--beside LIST] [--key CLASS=VKEY] [--json]
      that a cell holds what an auditor's list says and nothing else
  vitrine-verify package PATH [--trust FILE]
      a sealed package, or the bag that was opened from one
  vitrine-verify PATH|URL …
      tells by itself which of these it was given

Exit codes: 0 verified, 1 failed, 2 usage, 3 did not verify.
`

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := program{os.Stdout, os.Stderr, time.Now}.run(ctx, os.Args[1:])
	stop()
	os.Exit(code)
}

// program is one call of the command line, with what it takes from the world.
type program struct {
	stdout, stderr io.Writer
	now            func() time.Time
}

// run carries out one command line and returns its exit code.
func (p program) run(ctx context.Context, args []string) int {
	c, err := parse(args)
	if errors.Is(err, flag.ErrHelp) {
		fmt.Fprint(p.stdout, usage)
		return 0
	}
	if err == nil {
		err = p.check(ctx, c)
	}
	if err == nil {
		return 0
	}
	var r *vitrine.Refusal
	if c != nil && c.json && errors.As(err, &r) && r.Kind == vitrine.Unverified {
		_ = p.print(map[string]any{"kind": c.name, "verified": false, "reason": r.Text}) // the exit code says it too
	}
	if errors.Is(err, context.Canceled) {
		err = errors.New("interrupted")
	}
	fmt.Fprintln(p.stderr, "vitrine-verify:", err)
	return vitrine.ExitCode(err)
}

// check checks what was given, and prints what it shows.
func (p program) check(ctx context.Context, c *call) error {
	c.Now, c.Auditing = p.now, p.progress()
	r, err := c.Check(ctx, c.name, c.paths)
	if c.Auditing != nil {
		fmt.Fprint(p.stderr, "\r\x1b[K")
	}
	if c.json && err == nil {
		return p.print(r.Value)
	}
	for _, l := range r.Lines {
		if !c.json {
			fmt.Fprintln(p.stdout, checking.Printable(l))
		}
	}
	return err
}

// progress draws on a terminal how far an audit is.
func (p program) progress() func(done, total uint64) {
	f, ok := p.stderr.(*os.File)
	if !ok {
		return nil
	}
	if st, err := f.Stat(); err != nil || st.Mode()&os.ModeCharDevice == 0 {
		return nil
	}
	return func(done, total uint64) {
		fmt.Fprintf(f, "\rchecking %d of %d bundles (%d %%)", done, total, 100*done/max(total, 1))
	}
}

// call is a command line, taken apart.
type call struct {
	checking.Options
	name  string
	paths []string
	json  bool
}

// list is a flag that may be given several times.
type list struct{ to *[]string }

func (l list) String() string     { return "" }
func (l list) Set(s string) error { *l.to = append(*l.to, s); return nil }

// parse takes a command line apart; flags may stand anywhere.
func parse(args []string) (*call, error) {
	if len(args) == 0 {
		return nil, vitrine.Refusef(vitrine.Usage, "nothing to check.\n\n%s", usage)
	}
	if slices.Contains(args, "--help") || slices.Contains(args, "-h") || args[0] == "help" {
		return nil, flag.ErrHelp
	}
	c := &call{name: args[0]}
	if _, ok := checking.Takes()[c.name]; ok {
		args = args[1:]
	} else {
		c.name = ""
	}
	set := flag.NewFlagSet("vitrine-verify", flag.ContinueOnError)
	set.SetOutput(io.Discard)
	c.flags(set)
	for len(args) > 0 {
		if err := set.Parse(args); err != nil {
			return nil, vitrine.Refusef(vitrine.Usage, "%v: see vitrine-verify --help", err)
		}
		if args = set.Args(); len(args) > 0 {
			c.paths, args = append(c.paths, args[0]), args[1:]
		}
	}
	var given []string
	set.Visit(func(f *flag.Flag) {
		if f.Name != "json" {
			given = append(given, f.Name)
		}
	})
	var err error
	if c.name, err = checking.Kind(c.name, c.paths, given); err == nil && c.json && c.name == "package" {
		err = vitrine.Refusef(vitrine.Usage, "package takes no --json: see vitrine-verify --help")
	}
	return c, err
}

func (c *call) flags(set *flag.FlagSet) {
	set.BoolVar(&c.json, "json", false, "")
	set.BoolVar(&c.Sampled, "sampled", false, "")
	set.Var(list{&c.Keys}, "key", "")
	set.Var(list{&c.Accounts}, "account", "")
	set.Var(list{&c.Promises}, "promise", "")
	set.Var(list{&c.Beside}, "beside", "")
	set.StringVar(&c.Document, "document", "", "")
	set.StringVar(&c.Authority, "authority", "", "")
	set.StringVar(&c.Reference, "reference", "", "")
	set.StringVar(&c.Site, "report", "", "")
	set.StringVar(&c.Header, "header", "", "")
	set.StringVar(&c.Trust, "trust", "", "")
}

// print writes a result as JSON.
func (p program) print(result any) error {
	enc := json.NewEncoder(p.stdout)
	enc.SetEscapeHTML(false)
	return enc.Encode(result)
}
