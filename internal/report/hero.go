package report

import (
	"slices"
	"strings"

	"github.com/vitrine-project/vitrine/law"
	"github.com/vitrine-project/vitrine/ledger"
)

// hero is the number that stands first, and the sentence that it begins.
type hero struct {
	Number, Says string
	Aside        []string
}

// hero chooses the number that stands first: only what may be added up.
func (l *language) hero(p Published, s series) hero {
	rows, left := s.countable(p.Period)
	demands, counted := sum(rows, law.Demand)
	accounts, specified := named(rows)
	all, stated := p.Words.share(p.Period.Name())
	h := hero{Says: l.say("hero.plain", l.period(p.Period))}
	switch {
	case counted && specified && stated:
		h.Number, h.Says = l.share(accounts, all.Number, false), l.say("hero.share", l.number(accounts), l.number(all.Number))
	case counted && specified:
		h.Number, h.Says = l.number(accounts), l.say(one("hero.accounts", accounts), l.number(demands))
	case counted:
		h.Number, h.Says = l.number(demands), l.say(one("hero.demands", demands))
	}
	for _, regime := range left {
		if h.Number != "" {
			h.Aside = append(h.Aside, l.say("hero.left", l.regime(regime)))
		}
	}
	if text := l.bandsOnTop(p, s.rows[p.Period], all.Number); text != "" && h.Number != "" {
		h.Aside = append(h.Aside, text)
	}
	return h
}

// one is the key of a sentence that a number begins.
func one(key string, n uint64) string {
	if n == 1 {
		key += ".one"
	}
	return key
}

// bandsOnTop says that ranges are not in the number that stands first: with
// the range, if a single one is of all national security process together.
func (l *language) bandsOnTop(p Published, rows []row, all uint64) string {
	if !slices.ContainsFunc(p.Statement.Tables, func(t ledger.Row) bool { return t.Class == ledger.Restricted }) {
		return ""
	}
	for _, r := range rows {
		v, _ := r.value(law.AccountField)
		switch {
		case r.name != string(law.NationalSecurity) || v.kind != band:
		case all > 0:
			return l.say("hero.band", unbroken(l.value(v)), l.share(v.high, all, true))
		default:
			return l.say("hero.band.bare", unbroken(l.value(v)))
		}
	}
	return l.say("hero.bands")
}

// unbroken keeps a range on one line.
func unbroken(s string) string { return strings.ReplaceAll(s, "–", "\u2060–\u2060") }
