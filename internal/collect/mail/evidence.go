package mail

import (
	"bytes"
	"time"

	"github.com/vitrine-project/vitrine/internal/collect"
	"github.com/vitrine-project/vitrine/production"
)

// offRecord is how far a store's record of arrival may be from the top
// Received before it is flagged: copying mail sets the record anew.
const offRecord = 24 * time.Hour

func (h *heading) date(body string) {
	d := parseDate(body)
	h.sent = append(h.sent, d)
	switch {
	case d.Rule == ruleUnparseable:
		h.flag(flagUnparseable)
	case d.Rule == ruleImplausible || d.From.Year() < firstYear:
		h.flag(flagImplausible)
	}
	if d.Known() && d.To.Sub(d.From) >= eastmost+westmost {
		h.flag(flagNoZone)
	}
}

// address takes one address field. Behind an odd line, or with a bare CR in
// it, readers differ on what it is: it can match nothing and excludes nothing.
func (h *heading) address(name, body string, odd bool) {
	list, doubtful := addresses(h.addresses[name], body)
	if doubtful || odd {
		h.doubt(name)
	}
	if !odd {
		h.addresses[name] = list
		h.used = append(h.used, name)
	}
}

func (h *heading) contentLength(body string) {
	h.lengths++
	n, rest, ok := number(body, 1, 15)
	if h.length = int64(n); !ok || rest != "" || h.lengths > 1 {
		h.length = -1
	}
}

// bareCR returns where in b the first CR stands that no LF follows, or -1.
func bareCR(b []byte) int {
	for n := 0; ; {
		i := bytes.IndexByte(b[n:], '\r')
		if i < 0 {
			return -1
		}
		if n += i + 1; n == len(b) || b[n] != '\n' {
			return n - 1
		}
	}
}

// behindCR looks at what stands behind each bare CR, which other readers take
// for a line's end. A Date there counts as one more; an address field there is
// doubtful.
func (h *heading) behindCR(b []byte) {
	for i := bareCR(b); i >= 0; i = bareCR(b) {
		b = b[i+1:]
		line := b
		if end := bytes.IndexAny(line, "\r\n"); end >= 0 {
			line = line[:end]
		}
		name, body, ok := cutName(line)
		switch field := fieldName(name); {
		case !ok || field == "":
		case field == "Date":
			h.date(unfold(body))
		case collect.IsCorrespondentField(field):
			h.doubt(field)
		}
	}
}

// into hands the evidence on. The item shares the heading's memory.
func (h *heading) into(it *collect.Item) {
	it.Category = Category
	it.Sent, it.Correspondents, it.Doubtful = h.sent, h.addresses, h.doubtful
	if off(it.Received, h.arrived) {
		h.flag(flagMigrated)
	}
	it.Flags = append(it.Flags, h.flags...)
}

func off(record, top production.Interval) bool {
	return record.Known() && top.Known() && (record.From.After(top.To.Add(offRecord)) || record.To.Before(top.From.Add(-offRecord)))
}
