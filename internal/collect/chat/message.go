package chat

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/vitrine-project/vitrine/internal/collect"
	"github.com/vitrine-project/vitrine/production"
)

// FormSkype is the form of a message of a Skype export: its JSON object, as it
// stands in messages.json.
const FormSkype = "skype-json"

// Rules by which an export tells when a message was sent.
const (
	ruleArrival    = "skype-arrival"    // originalarrivaltime, the server's
	ruleChanged    = "skype-changed"    // from there to its last change
	ruleUnreadable = "skype-unreadable" // there is none that can be read
	ruleUndated    = "skype-undated"    // a file that no message refers to
)

const (
	flagEdited  = "edited"
	flagDeleted = "deleted"
	flagChanged = "changed" // its version is younger than it
	flagQuote   = "quote"   // it has another message in it
	flagTwice   = "field-twice"
	flagCut     = "references-cut"
	maxRefs     = 4096 // files that one message refers to
	maxShown    = 256  // of a text that goes on into the package
)

// message is what a decision needs of one message.
type message struct {
	id, version, kind, from, arrival, content, deleted string
	refs                                               []string
	twice, cut                                         bool // cut: it refers to more than maxRefs files
}

// deciding are the fields that are looked at.
var deciding = [...]string{"id", "version", "messagetype", "from", "originalarrivaltime", "content"}

// parseMessage reads valid JSON. Of a field that stands there twice nobody can
// tell which one counts.
func parseMessage(raw []byte) *message {
	m := &message{}
	var seen [len(deciding)]bool
	var properties []byte
	into := [len(deciding)]*string{&m.id, &m.version, &m.kind, &m.from, &m.arrival, &m.content}
	fields(raw, func(key string, value []byte) {
		if i := slices.Index(deciding[:], key); i >= 0 {
			m.twice = m.twice || seen[i]
			seen[i], *into[i] = true, text(value)
		}
		switch {
		case key == "amsreferences":
			elements(value, func(v []byte) { m.refer(text(v)) })
		case key == "properties":
			properties = value
		}
	})
	fields(properties, func(key string, value []byte) {
		if key == "deletetime" {
			m.deleted = text(value)
		}
	})
	if strings.Contains(m.content, "<URIObject") {
		for _, id := range objects(m.content) {
			m.refer(id)
		}
	}
	return m
}

func (m *message) refer(id string) {
	switch {
	case id == "" || slices.Contains(m.refs, id):
	case len(m.refs) == maxRefs:
		m.cut = true
	default:
		m.refs = append(m.refs, id)
	}
}

// objects lists the ids of stored objects that a content's addresses name.
func objects(content string) (ids []string) {
	const mark = "/v1/objects/"
	for len(ids) < maxRefs {
		_, rest, ok := strings.Cut(content, mark)
		if !ok {
			break
		}
		end := strings.IndexFunc(rest, func(r rune) bool {
			return r != '-' && r != '_' && (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
		})
		if end < 0 {
			end = len(rest)
		}
		ids, content = append(ids, rest[:end]), rest[end:]
	}
	return ids
}

// sent is when the server took the message in; from there to its last change if
// it was changed since, for what it was before is not kept.
func (m *message) sent() production.Interval {
	i := production.Interval{Rule: ruleArrival, Raw: shown(m.arrival)}
	t, err := time.Parse(time.RFC3339Nano, m.arrival)
	if err != nil || m.twice || t.Year() < 1970 || t.Year() > 9999 {
		i.Rule = ruleUnreadable
		return i
	}
	i.From, i.To = t.UTC(), t.UTC()
	for _, c := range m.changes() {
		if c.After(i.To) {
			i.To, i.Rule = c, ruleChanged
		}
	}
	return i
}

// changes are the instants at which it was changed after it was sent.
func (m *message) changes() (all []time.Time) {
	if id, ok := millis(m.id); ok {
		if v, ok := millis(m.version); ok && v.After(id) {
			all = append(all, v)
		}
	}
	if t, ok := millis(m.deleted); ok {
		all = append(all, t)
	}
	all = append(all, m.edits()...)
	return all
}

// edits are the instants that its marks of editing name.
func (m *message) edits() (all []time.Time) {
	content := m.content
	for len(all) < maxRefs {
		_, rest, ok := strings.Cut(content, "<e_m ")
		if !ok {
			return all
		}
		tag, rest, _ := strings.Cut(rest, ">")
		if t, ok := millis(attribute(tag, "ts_ms")); ok {
			all = append(all, t)
		} else if t, ok := millis(attribute(tag, "ts") + "000"); ok {
			all = append(all, t)
		} else {
			all = append(all, latest) // it was edited, and nobody knows when
		}
		content = rest
	}
	return all
}

// latest is later than any period of a demand.
var latest = time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC)

// millis reads milliseconds since 1970. A number that is no such instant is
// none; one that is too great for a calendar is the latest.
func millis(s string) (time.Time, bool) {
	if s == "" || strings.Trim(s, "0123456789") != "" {
		return time.Time{}, false
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n > latest.UnixMilli() {
		return latest, true
	}
	return time.UnixMilli(n).UTC(), true
}

// attribute returns the value of an attribute of a tag.
func attribute(tag, name string) string {
	_, rest, ok := strings.Cut(" "+tag, " "+name+`="`)
	if !ok {
		return ""
	}
	value, _, _ := strings.Cut(rest, `"`)
	return value
}

// evidence is what a message says of itself.
func (m *message) evidence() collect.Item {
	it := collect.Item{Name: shown(m.id), Category: Category, Form: FormSkype, Received: m.sent(), Doubtful: doubtful[:], Extra: map[string]string{}}
	for key, value := range map[string]string{"type": m.kind, "id": m.id, "from": m.from, "version": m.version} {
		if value != "" {
			it.Extra[key] = shown(value)
		}
	}
	flag := func(f string, set bool) {
		if set {
			it.Flags = append(it.Flags, f)
		}
	}
	edits := m.edits()
	if len(edits) > 0 {
		it.Extra["edited"] = edits[len(edits)-1].Format(time.RFC3339Nano)
	}
	if t, ok := millis(m.deleted); ok {
		it.Extra["deleted"] = t.Format(time.RFC3339Nano)
	}
	flag(flagEdited, len(edits) > 0)
	flag(flagDeleted, m.deleted != "")
	flag(flagChanged, it.Received.Rule == ruleChanged)
	flag(flagTwice, m.twice)
	flag(flagCut, m.cut)
	if _, rest, ok := strings.Cut(m.content, "<quote "); ok {
		tag, _, _ := strings.Cut(rest, ">")
		flag(flagQuote, true)
		it.Extra["quotes"] = shown(attribute(tag, "messageid"))
		it.Extra["quotes-sent"] = shown(attribute(tag, "timestamp"))
	}
	it.EndToEnd = strings.HasPrefix(m.kind, "EndToEndEncryption/")
	return it
}

// shown is a text of the store as far as it goes on into the package.
func shown(s string) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	if len(s) > maxShown {
		s = strings.ToValidUTF8(s[:maxShown], "")
	}
	return s
}

func jsonValid(b []byte) bool { return json.Valid(b) }
