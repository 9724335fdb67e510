package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/spf13/cobra"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/internal/checking"
	"github.com/vitrine-project/vitrine/internal/keyring"
	"github.com/vitrine-project/vitrine/ledger"
)

// auditorCall is a command of the auditor's. It needs no config.
type auditorCall struct {
	program
	report, bundles  string
	list, proof      string
	beside           []string
	randomness       string
	key, out, add    string
	config           string
	procedure, class string
	period           uint64
	passed, failed   bool
}

func (p program) auditSampleCommand() *cobra.Command {
	a := auditorCall{program: p}
	c := &cobra.Command{
		Use:   "sample LIST --report DIR|URL [--randomness HEX]",
		Short: "Draw which papers the auditor looks at",
		Long: `Say which public randomness draws the sample of a list, or, with --randomness, which of
its facts are drawn. The randomness must come after the ledger said the list's digest, so
that nobody could choose the list by it. For each fact that is drawn, the provider shows the
papers of its demand; the auditor compares all facts of that demand with them.`,
		Example: "  vitrine audit sample us.list --report https://transparency.example.org\n  vitrine audit sample us.list --report public --randomness 9f3c…",
		Args:    exactly("LIST"),
		RunE: func(c *cobra.Command, args []string) error {
			if err := required(c, "report"); err != nil {
				return err
			}
			a.list = args[0]
			return a.sample(c.Context())
		},
	}
	c.Flags().StringVar(&a.report, "report", "", "the published directory or its address")
	c.Flags().StringVar(&a.randomness, "randomness", "", "the public randomness, in hexadecimal")
	return c
}

func (p program) auditKeyCommand() *cobra.Command {
	var out string
	c := &cobra.Command{
		Use:     "key NAME --out FILE",
		Short:   "Make the key that an auditor signs statements with",
		Long:    "Write a new key to FILE, readable by its owner alone, and print its public part, by which readers know the auditor: publish it where they look for you.",
		Example: "  vitrine audit key auditor.example --out auditor.key",
		Args:    exactly("NAME"),
		RunE: func(c *cobra.Command, args []string) error {
			if err := required(c, "out"); err != nil {
				return err
			}
			if args[0] == "" || strings.ContainsAny(args[0], " +\n") {
				return vitrine.Refusef(vitrine.Usage, "name %q: want a name without blanks such as auditor.example", args[0])
			}
			if err := keyring.NewNoteKey(out, args[0]); err != nil {
				return err
			}
			k, err := keyring.OpenNotary(out)
			if err != nil {
				return err
			}
			fmt.Fprintln(p.stdout, k.Public())
			return nil
		},
	}
	c.Flags().StringVar(&out, "out", "", "the private key's file; it must not exist")
	return c
}

// audit audits a published directory, or what is at an address; leaves that are
// not in it come from another one, if that is named.
func (p program) audit(ctx context.Context, where, bundles string, progress func(done, total uint64)) (*ledger.Verdict, error) {
	published, err := checking.Directory(ctx, where)
	if err != nil {
		return nil, err
	}
	a := ledger.Audit{Fetch: published, Rand: rand.Reader, Progress: progress}
	if bundles != "" {
		given, err := checking.Directory(ctx, bundles)
		if err != nil {
			return nil, err
		}
		a.Entries = true
		a.Fetch = func(path string) ([]byte, error) {
			b, err := published(path)
			if errors.Is(err, fs.ErrNotExist) && strings.Contains(path, "/tile/entries/") {
				return given(path)
			}
			return b, err
		}
	}
	return a.Run(ctx)
}

func (a auditorCall) sample(ctx context.Context) error {
	raw, err := readFile(a.list)
	if err != nil {
		return err
	}
	list, err := ledger.ParseList(raw)
	if err != nil {
		return inFile(a.list, vitrine.Refusef(vitrine.Usage, "%v", err))
	}
	v, err := a.audited(ctx, a.report, "")
	if err != nil {
		return err
	}
	l, ok := v.Ledger(list.Origin)
	if !ok {
		return vitrine.Refusef(vitrine.Unverified, "the list is of the ledger %s, which is not in %s", list.Origin, a.report)
	}
	root, at, err := l.Committed(raw)
	if err != nil {
		return vitrine.Refusef(vitrine.Unverified, "%v", err)
	}
	rule := l.Chain[list.Cell.Period].Audit
	if a.randomness == "" {
		fmt.Fprintf(a.stdout, "The ledger had said the list's digest by %s, under the root %s.\nThe sample is drawn by %s: give it with --randomness.\n", instant(at), root, firstOutput(rule.Randomness, at))
		if now := a.now(); now.Unix() <= int64(at) {
			fmt.Fprintf(a.stdout, "That time is still to come.\n")
		}
		return nil
	}
	randomness, err := a.random()
	if err != nil {
		return err
	}
	return a.tellSample(list, ledger.Sample(raw, root, randomness, len(list.Leaves), int(rule.Sample)))
}

// Randomness of an auditor's sample, in bytes: a statement has room for at most
// as many; of fewer than the least, the provider could have tried them all.
const minRandomness, maxRandomness = 16, 256

func (a auditorCall) random() ([]byte, error) {
	b, err := hex.DecodeString(strings.ToLower(a.randomness))
	if err != nil || len(b) < minRandomness || len(b) > maxRandomness {
		return nil, vitrine.Refusef(vitrine.Usage, "--randomness: want at least 32 hexadecimal digits and at most 512, as the source publishes them")
	}
	return b, nil
}

// tellSample says which facts were drawn, and which others stand beside them.
func (a auditorCall) tellSample(list *ledger.List, drawn []int) error {
	facts := make([]*ledger.Fact, len(list.Leaves))
	for i, leaf := range list.Leaves {
		f, err := leaf.Fact()
		if err != nil {
			return vitrine.Refusef(vitrine.Unverified, "entry %d: %v", leaf.Index, err)
		}
		facts[i] = f
	}
	fmt.Fprintf(a.stdout, "%d of %d facts are drawn. The papers to look at:\n", len(drawn), len(facts))
	for n, i := range drawn {
		fmt.Fprintf(a.stdout, "%3d. entry %d: %s of %s, subject %s\n", n+1, list.Leaves[i].Index, facts[i].Type, facts[i].Day, facts[i].Subject)
		for j, f := range facts {
			if j != i && f.Parent == facts[i].Parent {
				fmt.Fprintf(a.stdout, "     of the same demand: entry %d, %s of %s\n", list.Leaves[j].Index, f.Type, f.Day)
			}
		}
	}
	fmt.Fprintf(a.stdout, "Each demand's subject is that of its authority, reference and paper; each account that the paper specifies is one fact of the demand.\n")
	return nil
}
