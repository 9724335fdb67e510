//go:build !js

package checking

import (
	"context"
	"errors"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/ledger"
	"github.com/vitrine-project/vitrine/production"
)

// Options are what a check is told beside the path of what it checks. Which
// kind takes which, Takes says.
type Options struct {
	Site, Header, Trust            string
	Sampled                        bool
	Keys, Accounts, Promises       []string
	Document, Authority, Reference string
	Beside                         []string

	Now       func() time.Time
	Auditing  func(done, total uint64) // nil, or told how far an audit is
	Verifying func(done, total int64)  // nil, or told how far a package is
}

// Takes are the flags of each kind of thing that can be checked.
func Takes() map[string][]string {
	return map[string][]string{
		"report":     {"sampled", "key"},
		"receipt":    {"document", "authority", "reference", "account", "promise", "report"},
		"promise":    {"report", "header"},
		"submission": {"document", "authority", "reference", "promise", "report", "header"},
		"tally":      {"report", "beside", "key"},
		"package":    {"trust"},
	}
}

// Result is what a check shows: for people, and for programs.
type Result struct {
	Lines []string
	Value any // nil if there is none for programs
}

// Kind tells what is to be checked: what the caller named, if it did, and what
// stands there. Flags are the names of those that were given.
func Kind(named string, paths, flags []string) (string, error) {
	if len(paths) == 0 {
		return named, vitrine.Refusef(vitrine.Usage, "nothing to check: name a file, a directory or an address; see --help")
	}
	kind, sure, err := kindOf(paths[0])
	switch {
	case err != nil:
		return named, err
	case named == "receipt" && kind == "submission": // which is a receipt too
	case named != "" && sure && named != kind:
		return named, vitrine.Refusef(vitrine.Usage, "%s is a %s, no %s: check the path", paths[0], kind, named)
	case named != "":
		kind = named
	case kind == "":
		return named, vitrine.Refusef(vitrine.Usage, "%s is no published directory, and no package that was opened: give the one that holds ledger/ and reports/, or its address", paths[0])
	}
	for _, f := range flags {
		if !slices.Contains(Takes()[kind], f) {
			return kind, vitrine.Refusef(vitrine.Usage, "%s is a %s, which takes no --%s: see --help", paths[0], kind, f)
		}
	}
	want := map[string]int{"tally": 2, "promise": len(paths)}[kind]
	if want = max(want, 1); len(paths) != want {
		return kind, vitrine.Refusef(vitrine.Usage, "%s takes %s, not %d: see --help", kind, map[int]string{1: "one path", 2: "a list and its proof"}[want], len(paths))
	}
	return kind, nil
}

// Check checks what stands at the paths, as the kind that it is.
func (o Options) Check(ctx context.Context, kind string, paths []string) (Result, error) {
	check := map[string]func(context.Context, []string) (Result, error){
		"report": o.report, "receipt": o.receipt, "promise": o.promise, "submission": o.submission, "tally": o.tally, "package": o.sealed,
	}[kind]
	r, err := check(ctx, paths)
	return r, Why(err)
}

// report audits a published directory.
func (o Options) report(ctx context.Context, paths []string) (Result, error) {
	fetch, above, err := locate(ctx, paths[0])
	if err != nil {
		return Result{}, err
	}
	v, err := o.audit(ctx, fetch)
	if err != nil {
		return Result{}, err
	}
	lines := v.Lines()
	if above != "" {
		lines = append([]string{"what is checked is all that was published at " + above}, lines...)
	}
	return Result{lines, Audited(v)}, nil
}

// sealed checks a sealed package, or the bag that was opened from one.
func (o Options) sealed(_ context.Context, paths []string) (Result, error) {
	var t production.Trust
	if o.Trust != "" {
		var err error
		if t, err = LoadTrust(o.Trust, o.Now); err != nil {
			return Result{}, err
		}
	}
	st, err := os.Stat(paths[0])
	if err != nil {
		return Result{}, vitrine.Refusef(vitrine.Usage, "%v: check the path", err)
	}
	var r production.Report
	if st.IsDir() {
		progress := o.Verifying
		if progress == nil {
			progress = func(int64, int64) {}
		}
		r, err = production.VerifyBag(paths[0], t, progress)
	} else {
		r, err = production.VerifySealed(paths[0], t)
	}
	return Result{Lines: r.Lines}, err
}

// Why sorts an error: what could not be read is a failure, all else did not
// verify.
func Why(err error) error {
	var u *ledger.Unread
	var r *vitrine.Refusal
	switch {
	case err == nil, errors.As(err, &r), errors.Is(err, context.Canceled):
		return err
	case errors.As(err, &u):
		return vitrine.Refusef(vitrine.Failed, "%v: nothing was found wrong; try again", err)
	}
	return vitrine.Refusef(vitrine.Unverified, "did not verify: %s", Printable(err.Error()))
}

// Printable keeps what others wrote from moving the cursor.
func Printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r < 0x20 || r >= 0x7f && r < 0xa0 {
			return '?'
		}
		return r
	}, s)
}
