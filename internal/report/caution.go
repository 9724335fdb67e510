package report

import (
	"strings"

	"github.com/vitrine-project/vitrine/ledger"
)

// cautions are what a page says first: what it cannot show.
func (l *language) cautions(provider string, p Published) []string {
	var all []string
	if p.Words.Demo {
		all = append(all, l.say("first.demo"))
	}
	for _, s := range p.Statement.Ledgers {
		text := l.witnesses(provider, p.chain(s.Class))
		if text != "" && !p.Words.Demo && (len(all) == 0 || all[len(all)-1] != text) {
			all = append(all, text)
		}
	}
	if text := l.closed(p); text != "" {
		all = append(all, text)
	}
	if len(all) == 0 {
		all = append(all, l.say("first.none"))
	}
	return all
}

// closed says what the setting of the restricted ledger hides.
func (l *language) closed(p Published) string {
	c := p.chain(ledger.Restricted)
	if len(c) == 0 {
		return l.say("first.off")
	}
	switch c[len(c)-1].Publication {
	case ledger.Auditor:
		return l.say("first.auditor")
	case ledger.AfterEmbargo:
		return l.say("first.embargo")
	case ledger.Live:
		if p.Words.Demo {
			return l.say("first.demo.live")
		}
	}
	return ""
}

// witnesses says how a ledger was watched, if it was not watched enough.
func (l *language) witnesses(provider string, c ledger.Chain) string {
	last := c[len(c)-1].Header
	if quorum, ok := watched(provider, last); !ok && quorum <= 0 {
		return l.say("first.nobody")
	} else if !ok {
		return l.say("first.few", l.number(uint64(last.Witnesses.Quorum)), l.number(uint64(len(last.Witnesses.Keys))))
	}
	for i := len(c) - 1; i >= 0; i-- {
		if _, ok := watched(provider, c[i].Header); !ok {
			return l.say("first.earlier", l.date(periodOf(c[i].Header).To))
		}
	}
	return ""
}

// watched reports whether it takes at least two witnesses that are not the
// provider's, of three, and any two quorums have such a one in common. Quorum is
// how many others it takes at least.
func watched(provider string, h *ledger.Header) (quorum int, ok bool) {
	own := 0
	for _, w := range h.Witnesses.Keys {
		if same(w.Organisation, provider) {
			own++
		}
	}
	quorum = h.Witnesses.Quorum - own
	common := 2*h.Witnesses.Quorum - len(h.Witnesses.Keys)
	return quorum, quorum >= 2 && len(h.Witnesses.Keys)-own >= 3 && common > own
}

func same(a, b string) bool {
	return strings.EqualFold(strings.TrimSpace(a), strings.TrimSpace(b))
}
