package conform

import (
	"fmt"
	"runtime"
	"slices"
	"testing"

	"github.com/vitrine-project/vitrine/internal/vitrinetest/truth"
)

// TestRight: a source that does it right passes.
func TestRight(t *testing.T) {
	for _, family := range []string{truth.Mail, truth.Chat, truth.Files, truth.Records} {
		t.Run(family, func(t *testing.T) { Run(t, stage(family, "")) })
	}
}

// recorder is a test that takes failures down instead of failing.
type recorder struct {
	testing.TB
	said []string
}

func (r *recorder) Helper() {}
func (r *recorder) Errorf(format string, args ...any) {
	r.said = append(r.said, fmt.Sprintf(format, args...))
}
func (r *recorder) Fatalf(format string, args ...any) {
	r.Errorf(format, args...)
	runtime.Goexit()
}

// said returns what a check of the suite says against a stage.
func said(t *testing.T, s Stage, name string) []string {
	checks := newSuite(t, s).checks()
	i := slices.IndexFunc(checks, func(c check) bool { return c.name == name })
	if i < 0 {
		t.Fatalf("there is no check %q", name)
	}
	r, done := &recorder{TB: t}, make(chan bool)
	go func() {
		defer close(done)
		checks[i].run(r)
	}()
	<-done
	return r.said
}

// TestWrong: each flaw of a source fails the check that is there for it.
func TestWrong(t *testing.T) {
	for flaw, c := range map[string]struct{ family, check string }{
		"blind to rights":           {truth.Mail, "writable"},
		"folds case":                {truth.Mail, "inside/month"},
		"matches beginnings":        {truth.Records, "inside/month"},
		"one container":             {truth.Mail, "inside/month"},
		"miscounts":                 {truth.Mail, "inside/month"},
		"a second early":            {truth.Files, "inside/one second"},
		"a second late":             {truth.Chat, "inside/civil dates in Berlin"},
		"an hour of summer time":    {truth.Chat, "inside/civil dates in Berlin"},
		"dedupes":                   {truth.Files, "inside/month"},
		"skips malformed":           {truth.Mail, "inside/month"},
		"skips drafts":              {truth.Mail, "inside/month"},
		"skips the empty":           {truth.Files, "inside/month"},
		"takes doubts for nothing":  {truth.Mail, "inside/correspondent"},
		"makes up a time":           {truth.Records, "inside/month"},
		"an instant for what lasts": {truth.Records, "inside/subscriber"},
		"tells secrets":             {truth.Records, "inside/traffic"},
		"mends line ends":           {truth.Mail, "inside/month"},
		"cuts":                      {truth.Files, "inside/month"},
		"another's bytes":           {truth.Files, "inside/month"},
		"ignores after":             {truth.Mail, "interrupted"},
		"ignores offset":            {truth.Mail, "interrupted"},
		"no position":               {truth.Mail, "inside/month"},
		"swallows errors":           {truth.Mail, "interrupted"},
		"always the same state":     {truth.Mail, "traffic"},
		"one identity":              {truth.Mail, "inside/month"},
		"fails to close":            {truth.Mail, "again"},
	} {
		complaints := said(t, stage(c.family, flaw), c.check)
		if len(complaints) == 0 {
			t.Errorf("a source that %s passes %q", flaw, c.check)
			continue
		}
		t.Logf("%s: %s: %.200s", flaw, c.check, complaints[0])
	}
}
