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
	"strings"
	"syscall"
	"time"

	"github.com/vitrine-project/vitrine"
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
  vitrine-verify tally LIST PROOF --report URL|DIR [--beside LIST] [--json]
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

// commands are what can be checked, by name.
var commands = map[string]func(program, context.Context, *call) error{
	"report":  program.report,
	"receipt": program.receipt,
	"promise": program.promise,
	"tally":   program.tally,
	"package": program.sealed,
}

// run carries out one command line and returns its exit code.
func (p program) run(ctx context.Context, args []string) int {
	c, err := parse(args)
	if errors.Is(err, flag.ErrHelp) {
		fmt.Fprint(p.stdout, usage)
		return 0
	}
	if err == nil {
		err = commands[c.name](p, ctx, c)
	}
	if err == nil {
		return 0
	}
	var r *vitrine.Refusal
	if c != nil && c.json && errors.As(err, &r) && r.Kind == vitrine.Unverified {
		_ = p.print(map[string]any{"kind": c.name, "verified": false, "reason": r.Text}) // the exit code says it too
	}
	fmt.Fprintln(p.stderr, "vitrine-verify:", err)
	return vitrine.ExitCode(err)
}

// call is a command line, taken apart.
type call struct {
	name  string
	paths []string
	json  bool

	sampled                        bool
	keys, accounts, promises       list
	document, authority, reference string
	site, header, trust            string
	beside                         list
}

// list is a flag that may be given several times.
type list []string

func (l *list) String() string     { return strings.Join(*l, ", ") }
func (l *list) Set(s string) error { *l = append(*l, s); return nil }

// parse takes a command line apart; flags may stand anywhere.
func parse(args []string) (*call, error) {
	if len(args) == 0 {
		return nil, vitrine.Refusef(vitrine.Usage, "nothing to check.\n\n%s", usage)
	}
	if slices.Contains(args, "--help") || slices.Contains(args, "-h") || args[0] == "help" {
		return nil, flag.ErrHelp
	}
	c := &call{name: args[0]}
	if _, ok := commands[c.name]; ok {
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
	if len(c.paths) == 0 {
		return nil, vitrine.Refusef(vitrine.Usage, "nothing to check: name a file, a directory or an address; see vitrine-verify --help")
	}
	if c.name == "" {
		var err error
		if c.name, err = kindOf(c.paths); err != nil {
			return nil, err
		}
	}
	return c, c.fits(set)
}

func (c *call) flags(set *flag.FlagSet) {
	set.BoolVar(&c.json, "json", false, "")
	set.BoolVar(&c.sampled, "sampled", false, "")
	set.Var(&c.keys, "key", "")
	set.Var(&c.accounts, "account", "")
	set.Var(&c.promises, "promise", "")
	set.Var(&c.beside, "beside", "")
	set.StringVar(&c.document, "document", "", "")
	set.StringVar(&c.authority, "authority", "", "")
	set.StringVar(&c.reference, "reference", "", "")
	set.StringVar(&c.site, "report", "", "")
	set.StringVar(&c.header, "header", "", "")
	set.StringVar(&c.trust, "trust", "", "")
}

// allowed are the flags of each command.
var allowed = map[string][]string{
	"report":  {"json", "sampled", "key"},
	"receipt": {"json", "document", "authority", "reference", "account", "promise", "report"},
	"promise": {"json", "report", "header"},
	"tally":   {"json", "report", "beside", "key"},
	"package": {"trust"},
}

// fits refuses flags of another command, and too many paths.
func (c *call) fits(set *flag.FlagSet) error {
	var wrong error
	set.Visit(func(f *flag.Flag) {
		if !slices.Contains(allowed[c.name], f.Name) {
			wrong = vitrine.Refusef(vitrine.Usage, "%s takes no --%s: see vitrine-verify --help", c.name, f.Name)
		}
	})
	want := map[string]int{"tally": 2, "promise": len(c.paths)}[c.name]
	if want = max(want, 1); wrong == nil && len(c.paths) != want {
		wrong = vitrine.Refusef(vitrine.Usage, "%s takes %d path(s), not %d: see vitrine-verify --help", c.name, want, len(c.paths))
	}
	return wrong
}

// print writes a result as JSON.
func (p program) print(result any) error {
	enc := json.NewEncoder(p.stdout)
	enc.SetEscapeHTML(false)
	return enc.Encode(result)
}

// say writes a result as JSON, or as lines.
func (p program) say(c *call, result any, lines []string) error {
	if c.json {
		return p.print(result)
	}
	for _, l := range lines {
		fmt.Fprintln(p.stdout, printable(l))
	}
	return nil
}

// printable keeps what others wrote from moving the cursor.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r < 0x20 || r >= 0x7f && r < 0xa0 {
			return '?'
		}
		return r
	}, s)
}
