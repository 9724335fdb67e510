package main

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/internal/authority"
	"github.com/vitrine-project/vitrine/law"
)

// tell prints what happened to a demand as a story, a paragraph an event.
func tell(w io.Writer, directory authority.Directory, events []vitrine.Event) {
	var dem vitrine.Demand
	for _, e := range events {
		if e.Submission != nil {
			dem.ID = e.Submission.ID()
		}
		next, err := dem.Apply(e)
		if err != nil {
			fmt.Fprintf(w, "  %d. %v\n", e.Seq, err)
			return
		}
		lines := paragraph(directory, dem, next, e)
		fmt.Fprintf(w, "\n%3d. %-10s %s  by %s\n", e.Seq, e.Stage, e.At.Format(time.RFC3339), e.By)
		for _, l := range lines {
			fmt.Fprintf(w, "     %s\n", l)
		}
		dem = next
	}
}

// paragraph says what one event did.
func paragraph(directory authority.Directory, before, after vitrine.Demand, e vitrine.Event) []string {
	switch e.Stage {
	case vitrine.Received:
		return tellReceived(directory, e)
	case vitrine.Verified:
		var lines []string
		for _, f := range e.Findings {
			lines = append(lines, f.Text)
		}
		return lines
	case vitrine.Reviewed:
		return tellReviewed(after, e)
	case vitrine.Mandated:
		return []string{fmt.Sprintf("%s signed that statement: mandate %s.", strings.Join(e.Approvers, " and "), e.Mandate)}
	case vitrine.Collected:
		return tellCollected(e)
	case vitrine.Decided:
		return []string{fmt.Sprintf("Signed by %s: %s that nobody can tell by the records produced, %d withheld.",
			strings.Join(e.Approvers, " and "), counted(len(e.Decisions.Produced), "item"), len(e.Decisions.Withheld))}
	case vitrine.Produced:
		return []string{fmt.Sprintf("Volume %d with %s, %d still open, sealed to the authority's key: %s.",
			e.Package.Volume, counted(int(e.Package.Items), "item"), e.Package.Open, e.Package.SHA256)}
	case vitrine.Delivered:
		return []string{fmt.Sprintf("%s handed over to %s.", counted(len(before.Packages), "volume"), e.To)}
	case vitrine.Extended:
		return []string{fmt.Sprintf("%s renews it.", e.Renewal.Reference)}
	case vitrine.Rejected, vitrine.Released:
		return []string{e.Refusal.Error()}
	}
	return nil
}

func tellReceived(directory authority.Directory, e vitrine.Event) []string {
	sub := e.Submission
	name := string(sub.Authority)
	if entry, ok := directory.Find(sub.Authority); ok {
		name = entry.Name
	}
	instrument, _ := law.Lookup(sub.Instrument)
	return []string{
		fmt.Sprintf("%s sent %s, a %s.", name, sub.Reference, lowerFirst(instrument.Name)),
		fmt.Sprintf("It asks for the %s of %s, %s by the %s clock.", join(sub.Asked.Categories), join(sub.Asked.Accounts), sub.Asked.Period, sub.Asked.Clock),
		fmt.Sprintf("The paper is kept: %s, %s.", sub.Document.Name, sub.Document.SHA256),
	}
}

func tellReviewed(after vitrine.Demand, e vitrine.Event) []string {
	instrument, _ := law.Lookup(after.Submission.Instrument)
	var lines []string
	for _, c := range e.Scope.Categories {
		lines = append(lines, fmt.Sprintf("The instrument reaches %s: %s.", c, instrument.Reaches[c].Article))
	}
	if len(e.Differences) == 0 {
		return append(lines, "Granted as asked.")
	}
	for _, d := range e.Differences {
		lines = append(lines, fmt.Sprintf("Narrowed: %s from %s to %s (%s).", d.Field, d.Asked, d.Granted, d.Reason))
	}
	return lines
}

func tellCollected(e vitrine.Event) []string {
	k := e.Collection.Counts
	lines := []string{fmt.Sprintf("%s seen = %d in + %d out + %d undeterminable + %d unreadable.", counted(int(k.Seen), "item"), k.In, k.Out, k.Undeterminable, k.Unreadable)}
	for _, c := range e.Collection.Containers {
		lines = append(lines, fmt.Sprintf("  %-28s %5d seen %5d in %5d out %3d undeterminable %3d unreadable", c.Source+" "+c.Name, c.Seen, c.In, c.Out, c.Undeterminable, c.Unreadable))
	}
	for _, a := range e.Collection.Missing {
		lines = append(lines, fmt.Sprintf("No source knows %s: no data found.", a))
	}
	return lines
}

func join[T ~string](values []T) string {
	parts := make([]string, len(values))
	for i, v := range values {
		parts[i] = string(v)
	}
	return strings.Join(parts, ", ")
}

func counted(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

func lowerFirst(s string) string {
	if s == "" {
		return s
	}
	return strings.ToLower(s[:1]) + s[1:]
}
