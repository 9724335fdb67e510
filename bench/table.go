package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// work is one piece of work that several tools do.
type work struct {
	title       string
	reads       string // a directory that is read before each round, so that none finds it colder than another
	contestants []*contestant
	verdicts    func() []string // figures beside their goals
}

// print writes the table of one piece of work.
func (w work) print(out io.Writer) {
	fmt.Fprintf(out, "\n### %s\n\n| tool | how | CPU s, best (median) | wall s, best (median) | MB/s a core | peak MB | found |\n|---|---|---|---|---|---|---|\n", w.title)
	for _, c := range w.contestants {
		name := strings.ReplaceAll(c.name, "|", `\|`)
		if c.missing != "" {
			fmt.Fprintf(out, "| %s | %s | not run: %s | | | | |\n", name, c.how, strings.Join(strings.Fields(c.missing), " "))
			continue
		}
		fmt.Fprintf(out, "| %s | %s | %s (%s) | %s (%s) | %.0f | %d | %s |\n", name, c.how, seconds(c.best(cpu)), seconds(c.median(cpu)),
			seconds(c.best(wall)), seconds(c.median(wall)), c.rate(), c.rss()>>20, w.compared(c))
	}
	fmt.Fprintln(out)
	if w.verdicts != nil {
		for _, v := range w.verdicts() {
			fmt.Fprintln(out, "- "+v)
		}
	}
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.2f", d.Seconds()) }

// compared says whether c came to what ours did.
func (w work) compared(c *contestant) string {
	i := slices.IndexFunc(w.contestants, func(c *contestant) bool { return c.ours && c.got != nil })
	if c.got == nil || i < 0 {
		return ""
	}
	ours := w.contestants[i]
	more, less := c.got.less(ours.got), ours.got.less(c.got)
	switch {
	case more == 0 && less == 0:
		return fmt.Sprintf("%d", len(c.got))
	case c.bytes < ours.bytes:
		return fmt.Sprintf("%d: %d that ours are not", len(c.got), more)
	}
	return fmt.Sprintf("%d: %d that ours are not, %d of ours missing", len(c.got), more, less)
}

// differs reports whether any of ours disagrees with another of ours.
func (w work) differs() bool {
	var first set
	for _, c := range w.contestants {
		if !c.ours || c.got == nil {
			continue
		}
		if first == nil {
			first = c.got
		}
		if len(first) == 0 || c.got.less(first)+first.less(c.got) > 0 {
			return true
		}
	}
	return false
}

// fastest is the contestant, not ours, with the least of what is measured.
func (w work) fastest(of func(sample) time.Duration, fits func(*contestant) bool) *contestant {
	var best *contestant
	for _, c := range w.contestants {
		if c.ours || c.missing != "" || !fits(c) {
			continue
		}
		if best == nil || perByte(c, of) < perByte(best, of) {
			best = c
		}
	}
	return best
}

func perByte(c *contestant, of func(sample) time.Duration) float64 {
	return c.best(of).Seconds() / float64(c.bytes)
}

// goal is a figure beside what it must be.
func goal(what string, figure, want float64, atLeast bool) string {
	ok, word := figure <= want, "at most"
	if atLeast {
		ok, word = figure >= want, "at least"
	}
	met := "met"
	if !ok {
		met = "**missed**"
	}
	return fmt.Sprintf("%s: %.2f, goal %s %.2f: %s", what, figure, word, want, met)
}
