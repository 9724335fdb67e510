package report

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/vitrine-project/vitrine/law"
)

// language is everything that pages say in one language.
type language struct {
	code, name  string
	file        string // what comes behind a page's name: "" or ".fr"
	months      [12]string
	first       string // the first day of a month, as a number with its ending
	day         string // how a day, a month and a year are joined
	article     string // short for it
	regulation  string // of the European Union
	thousands   string
	point       string
	percent     string
	sentences   map[string]string
	regimes     map[string]string
	fields      map[string]fieldWords
	instruments map[string]string // those that law has in English only
	rows        map[string]string // of the law, by their English title
	states      map[string]string
}

// fieldWords are the head of a field's column, and what it means.
type fieldWords struct{ Head, Means string }

var languages = []*language{english, french, german}

// knows reports whether pages are written in a language.
func knows(code string) bool {
	return slices.ContainsFunc(languages, func(l *language) bool { return l.code == code })
}

// say returns a sentence with its arguments in place.
func (l *language) say(key string, args ...any) string {
	s, ok := l.sentences[key]
	if !ok {
		panic("report: no sentence " + key + " in " + l.code) // a test runs every page in every language
	}
	if len(args) == 0 {
		return s
	}
	return fmt.Sprintf(s, args...)
}

// number writes n with its thousands apart.
func (l *language) number(n uint64) string {
	s := fmt.Sprint(n)
	var parts []string
	for len(s) > 3 {
		parts = append([]string{s[len(s)-3:]}, parts...)
		s = s[:len(s)-3]
	}
	return strings.Join(append([]string{s}, parts...), l.thousands)
}

// share writes n of all in percent.
func (l *language) share(n, all uint64, up bool) string {
	return l.ratio(n, all, up) + l.percent
}

func (l *language) ratio(n, all uint64, up bool) string {
	whole, part := percent(n, all, up)
	if part != "" {
		whole += l.point + part
	}
	return whole
}

// value writes what is said of a field.
func (l *language) value(v value) string {
	switch v.kind {
	case exact:
		return l.number(v.low)
	case small:
		return l.say("value.small", l.number(v.high+1))
	case band:
		return l.number(v.low) + "–" + l.number(v.high)
	}
	return l.say("value.hidden")
}

// date writes a day.
func (l *language) date(t time.Time) string {
	day := fmt.Sprint(t.Day())
	if t.Day() == 1 {
		day = l.first
	}
	return fmt.Sprintf(l.day, day, l.months[t.Month()-1], t.Year())
}

// period writes a period as people call it.
func (l *language) period(p law.Period) string {
	last := p.To.Add(-time.Second)
	month := func(t time.Time) string { return l.months[t.Month()-1] }
	switch {
	case law.Years.Whole(p):
		return fmt.Sprint(p.From.Year())
	case law.Months.Whole(p):
		return fmt.Sprintf("%s %d", month(p.From), p.From.Year())
	case law.Halves.Whole(p), law.Quarters.Whole(p):
		return fmt.Sprintf("%s – %s %d", month(p.From), month(last), last.Year())
	}
	return l.date(p.From) + " – " + l.date(last)
}

// short names a period under a bar.
func short(p law.Period) string {
	name := p.Name()
	if law.Halves.Whole(p) || law.Quarters.Whole(p) || law.Months.Whole(p) {
		return strings.Replace(name[2:], "-", " ", 1)
	}
	if law.Years.Whole(p) {
		return name
	}
	return p.From.Format("06 01") // the year and the month, as above
}

func (l *language) regime(id string) string {
	if name, ok := l.regimes[id]; ok {
		return name
	}
	return capital(id)
}

// field is the head of a field's column. One that nobody has words for is
// called what the ledger calls it.
func (l *language) field(name string) string {
	if w, ok := l.fields[name]; ok {
		return w.Head
	}
	return capital(strings.ReplaceAll(name, "_", " "))
}

// sorted is a State's name as a list has it in order: Ö with O.
func (l *language) sorted(state string) string {
	return strings.NewReplacer("Ö", "O", "É", "E").Replace(l.states[state])
}
