// Command vitrine answers legal demands for a provider's users' data: it
// checks a demand, has its scope signed by a quorum, collects exactly that
// scope, and seals it to the authority's own key. It counts each demand in a
// ledger and publishes how many there were, with proofs. This file is the table
// of its subcommands and the exit code.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"
	"time"
	_ "time/tzdata" // civil dates mean the same on every machine

	"github.com/spf13/cobra"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/internal/collect"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := program{stdout: os.Stdout, stderr: os.Stderr, now: time.Now}.run(ctx, os.Args[1:])
	stop()
	os.Exit(code)
}

// program is one call of the command line, with what it takes from the world.
type program struct {
	stdout, stderr io.Writer
	now            func() time.Time
	reached        func(point string) // nil but in tests that kill the process
	piece          collect.Limit      // of a collection; zero but in tests
}

// run carries out one command line and returns its exit code.
func (p program) run(ctx context.Context, args []string) int {
	err := p.execute(ctx, args)
	if err != nil {
		fmt.Fprintln(p.stderr, "vitrine:", explain(err))
	}
	return vitrine.ExitCode(err)
}

func (p program) execute(ctx context.Context, args []string) error {
	root := p.root()
	root.SetArgs(args)
	root.SetOut(p.stdout)
	root.SetErr(p.stderr)
	return root.ExecuteContext(ctx)
}

// explain adds to a fault what a person can do about it.
func explain(err error) error {
	var r *vitrine.Refusal
	switch {
	case errors.As(err, &r):
		return r
	case errors.Is(err, context.Canceled):
		return errors.New("interrupted: nothing is lost; run the same command again to go on")
	case errors.Is(err, syscall.ENOSPC):
		return fmt.Errorf("%w: free space and run the same command again; nothing is lost", err)
	}
	return fmt.Errorf("%w: nothing is lost; run the same command again, and report it if it stays", err)
}

func (p program) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "vitrine",
		Short: "Answer legal demands for users' data exactly, and publish a count that anybody can check",
		Long: `Vitrine answers legal demands for users' data. It collects exactly what a signed
mandate names, seals it to the authority's own key, and keeps a record of every step. It
counts each demand in a public ledger, and publishes how many there were, with proofs.

Exit codes: 0 ok, 1 failed, 2 usage, 3 did not verify, 4 refused, 5 busy: not now, and
the text says when.`,
		Version:       version(),
		SilenceUsage:  true,
		SilenceErrors: true,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				return vitrine.Refusef(vitrine.Usage, "there is no command %q: see vitrine --help", args[0])
			}
			return nil
		},
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		return vitrine.Refusef(vitrine.Usage, "%v: see %s --help", err, c.CommandPath())
	})
	root.AddCommand(p.initCommand(), p.answerCommand(), p.openCommand(), p.verifyCommand(), p.fingerprintCommand(), p.reportCommand(), p.receiptsCommand(), p.listCommand(), p.voidCommand(), p.auditCommand(), p.petitionCommand(), p.destroyKeyCommand(), p.restrictedCommand(), p.sourceCommand(), p.catalogueCommand(), p.holdCommand(), p.demoCommand())
	return root
}

// version is what this binary was built from.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" {
		return "unknown"
	}
	return info.Main.Version + " " + info.GoVersion
}

// exactly makes cobra's complaint about arguments a usage error.
func exactly(names ...string) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if len(args) != len(names) {
			return vitrine.Refusef(vitrine.Usage, "want %d argument(s) %v, got %d: see %s --help", len(names), names, len(args), c.CommandPath())
		}
		return nil
	}
}

// required says which of a command's flags were left out.
func required(c *cobra.Command, names ...string) error {
	for _, n := range names {
		if !c.Flags().Changed(n) {
			return vitrine.Refusef(vitrine.Usage, "--%s is needed: see %s --help", n, c.CommandPath())
		}
	}
	return nil
}
