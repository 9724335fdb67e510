package report

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/law"
	"github.com/vitrine-project/vitrine/ledger"
)

// titles are what a row counts and under which law.
func (l *language) titles(r row) (title, source string) {
	if in, ok := law.Lookup(vitrine.InstrumentID(r.instrument)); ok {
		title = in.Name
		if name, ok := l.instruments[r.instrument]; ok {
			title = name
		}
		return title, l.cited(in.Source)
	}
	if name, ok := l.regimes[r.regime]; ok {
		return name, ""
	}
	return r.name, ""
}

// cited is a citation as the language has it; one of the United States Code
// stays on one line, as far as its section.
func (l *language) cited(article string) string {
	return strings.NewReplacer(" U.S.C. §§ ", "\u00a0U.S.C.\u00a0§§\u00a0", " U.S.C. § ", "\u00a0U.S.C.\u00a0§\u00a0", "Art. ", l.article+"\u00a0", "Regulation (EU)", l.regulation).Replace(article)
}

// list shows each field of a row by itself, as the law counts it.
func (l *language) list(r row) []entry {
	var all []entry
	for k, f := range r.fields {
		title, _ := l.titles(r)
		e := entry{Title: title + ": " + l.field(f.Name), Text: l.value(r.values[k]), Class: string(r.values[k].kind), Range: r.values[k].kind == band || r.values[k].kind == small}
		if a, ok := r.answers(f.Name); ok {
			e.Title = l.lawRow(a)
			e.Law = l.cited(a.Article)
		}
		e.Says = l.says(r, k)
		if !r.petition.IsZero() {
			e.Digest = r.petition.String()
			e.Paper = "../../ledger/" + string(r.class) + "/documents/" + e.Digest
		} else if len(r.cells) > 1 {
			e.From = l.heldBack(r)
		}
		all = append(all, e)
	}
	return all
}

// lawRow is the title of a row of the law, as a sentence begins.
func (l *language) lawRow(a law.Row) string {
	title := a.Title
	if t, ok := l.rows[a.Title]; ok {
		title = t
	}
	return capital(title)
}

// capital begins a sentence with s.
func capital(s string) string {
	first, n := utf8.DecodeRuneInString(s)
	return string(unicode.ToUpper(first)) + s[n:]
}

// says explains a value of a list.
func (l *language) says(r row, k int) string {
	switch v := r.values[k]; {
	case !r.petition.IsZero():
		return l.say("tables.opened")
	case v.kind == hidden && r.structure.ID == "":
		return l.say("tables.closed")
	case v.kind == hidden:
		return l.say("tables.hidden")
	case v.kind == exact && r.class == ledger.Restricted:
		return l.say("tables.exact")
	case v.kind != band:
		return ""
	case r.fields[k].Rule.N == r.structure.Width:
		return l.say("tables.band.law", l.number(v.high-v.low+1), l.cited(r.structure.Article))
	default:
		return l.say("tables.band.bare", l.number(v.high-v.low+1))
	}
}

// heldBack names the earlier periods of which a row has cells.
func (l *language) heldBack(r row) string {
	var names []string
	for _, c := range r.cells {
		_, name, _ := strings.Cut(c, "@")
		p, err := law.ParsePeriod(name)
		if err == nil && p != r.period && !slices.Contains(names, l.period(p)) {
			names = append(names, l.period(p))
		}
	}
	if len(names) == 0 {
		return ""
	}
	return l.say("tables.from", strings.Join(names, ", "))
}

// meansOf says what the number of all accounts is of, in the provider's words:
// quoted where they are not in the page's language.
func meansOf(l *language, a Accounts) string {
	text, translated := a.MeansIn[l.code]
	switch {
	case a.Means == "":
		return l.say("tables.share.all")
	case translated:
		return text
	case l == english:
		return a.Means
	}
	return l.say("tables.share.quoted", a.Means)
}
