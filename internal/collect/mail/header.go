package mail

import (
	"bytes"
	"slices"
	"strings"

	"github.com/vitrine-project/vitrine/internal/collect"
	"github.com/vitrine-project/vitrine/production"
)

// maxHeader is how many bytes of a message are searched for header fields. A
// header that goes on behind them is cut: its addresses are doubtful.
const maxHeader = 1 << 20

// Flags that a header can carry.
const (
	flagNoZone      = "no-zone"          // a Date without a zone that can be relied on
	flagImplausible = "implausible-date" // a Date before there was such mail
	flagUnparseable = "unparseable-date"
	flagHeaderCut   = "header-cut"      // longer than maxHeader
	flagOddLine     = "odd-header-line" // a line that is no field, before the blank line
	flagBareCR      = "bare-cr"         // a CR without LF in the header
	flagNUL         = "nul"             // a NUL in the header
	flagNoBlank     = "no-blank-line"   // the message ends in its header
	flagFromLine    = "from-line"       // the message begins with a From_ line of its own
	flagMigrated    = "migrated-date"   // the store's record is a day or more off the top Received
)

// firstYear is the year before which a Date is flagged.
const firstYear = 1990

// heading is what a decision needs of a message's header. It is reset and
// used again for the next message.
type heading struct {
	sent      []production.Interval
	addresses map[string][]string
	used      []string // names with addresses
	doubtful  []string
	flags     []string
	arrived   production.Interval // the date of the top Received
	length    int64               // Content-Length, or -1 if there is not exactly one
	lengths   int
	odd       bool // an odd line was met: readers differ on what follows
}

// headerEnd returns the length of the header at the start of b, with the
// blank line that ends it; ok is false if there is none.
func headerEnd(b []byte) (n int, ok bool) {
	for n < len(b) {
		if b[n] == '\n' {
			return n + 1, true
		}
		if b[n] == '\r' && n+1 < len(b) && b[n+1] == '\n' {
			return n + 2, true
		}
		i := bytes.IndexByte(b[n:], '\n')
		if i < 0 {
			break
		}
		n += i + 1
	}
	return len(b), false
}

// read takes the header h, which is cut if it is longer than what is given.
func (h *heading) read(b []byte, isCut bool) {
	h.reset()
	fields := 0
	for rest := b; len(rest) > 0; fields++ {
		var field []byte
		field, rest = nextField(rest)
		if blankLine(field) {
			break
		}
		h.field(field, fields == 0)
	}
	if fields == 0 {
		h.doubtAll() // no header, or one that begins where nobody looks
	}
	if isCut {
		h.flag(flagHeaderCut)
		h.doubtAll()
		h.sent = append(h.sent, production.Interval{Rule: ruleUnparseable}) // one may follow
	}
	if bytes.IndexByte(b, 0) >= 0 {
		h.flag(flagNUL)
		h.doubtAll()
	}
	if bareCR(b) >= 0 {
		h.flag(flagBareCR)
		h.behindCR(b)
	}
}

func (h *heading) reset() {
	if h.addresses == nil {
		h.addresses = map[string][]string{}
	}
	for _, name := range h.used {
		h.addresses[name] = h.addresses[name][:0]
	}
	*h = heading{sent: h.sent[:0], addresses: h.addresses, used: h.used[:0], doubtful: h.doubtful[:0], flags: h.flags[:0], length: -1}
}

// nextField cuts the first line of b off, with the lines that continue it.
func nextField(b []byte) (field, rest []byte) {
	n := 0
	for {
		i := bytes.IndexByte(b[n:], '\n')
		if i < 0 {
			return b, nil
		}
		n += i + 1
		if n == len(b) || b[n] != ' ' && b[n] != '\t' {
			return b[:n], b[n:]
		}
	}
}

func blankLine(b []byte) bool { return b[0] == '\n' || b[0] == '\r' && len(b) > 1 && b[1] == '\n' }

func (h *heading) field(raw []byte, first bool) {
	name, body, ok := cutName(raw)
	if !ok {
		if first && bytes.HasPrefix(bytes.TrimLeft(raw, ">"), []byte("From ")) {
			h.flag(flagFromLine)
			return
		}
		h.odd = true
		h.flag(flagOddLine)
		h.doubtAll() // it may have been an address field
		return
	}
	switch known := fieldName(name); known {
	case "":
	case "Date":
		h.date(unfold(body))
	case "Received":
		if h.arrived.Rule == "" {
			_, date, _ := strings.Cut(unfold(body[max(bytes.LastIndexByte(body, ';'), 0):]), ";")
			h.arrived = parseDate(date)
		}
	case "Content-Length":
		h.contentLength(unfold(body))
	default:
		h.address(known, unfold(body), h.odd || bareCR(body) >= 0)
	}
}

// cutName cuts a field's name off: visible ASCII, then blanks and a colon.
func cutName(b []byte) (name, body []byte, ok bool) {
	n := 0
	for n < len(b) && b[n] > ' ' && b[n] < 0x7f && b[n] != ':' {
		n++
	}
	colon := n
	for colon < len(b) && (b[colon] == ' ' || b[colon] == '\t') {
		colon++
	}
	if n == 0 || colon == len(b) || b[colon] != ':' {
		return nil, nil, false
	}
	return b[:n], b[colon+1:], true
}

// known are the fields that matter, by the length of their names.
var known = [...][]string{
	2: {"To", "Cc"}, 3: {"Bcc"}, 4: {"Date", "From"}, 6: {"Sender"}, 8: {"Received"}, 9: {"Resent-To", "Resent-Cc"},
	10: {"Resent-Bcc"}, 11: {"Resent-From"}, 13: {"Resent-Sender"}, 14: {"Content-Length"},
}

// fieldName returns the usual spelling of a field that matters, or "".
func fieldName(b []byte) string {
	if len(b) < len(known) {
		for _, k := range known[len(b)] {
			if strings.EqualFold(k, string(b)) {
				return k
			}
		}
	}
	return ""
}

// unfold joins the lines of a field's body. A CR or LF becomes a blank only
// where it stands alone.
func unfold(b []byte) string {
	b = bytes.TrimSpace(b)
	if bytes.IndexByte(b, '\n') < 0 && bytes.IndexByte(b, '\r') < 0 {
		return string(b)
	}
	out := make([]byte, 0, len(b))
	for i, c := range b {
		switch {
		case c == '\n', c == '\r' && i+1 < len(b) && b[i+1] == '\n':
		case c == '\r':
			out = append(out, ' ')
		default:
			out = append(out, c)
		}
	}
	return string(out)
}

func (h *heading) flag(f string) {
	if !slices.Contains(h.flags, f) {
		h.flags = append(h.flags, f)
	}
}

func (h *heading) doubt(field string) {
	if !slices.Contains(h.doubtful, field) {
		h.doubtful = append(h.doubtful, field)
	}
}

func (h *heading) doubtAll() {
	for _, names := range known {
		for _, name := range names {
			if collect.IsCorrespondentField(name) {
				h.doubt(name)
			}
		}
	}
}
