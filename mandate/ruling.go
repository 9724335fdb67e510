package mandate

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/vitrine-project/vitrine"
)

// Ruling decides undeterminable items of one collection, each bound to its
// number and its digest.
type Ruling struct {
	Demand  vitrine.ID
	Mandate vitrine.Digest // under which the items were collected
	Hold    vitrine.Digest // that holds them
	Items   []RuledItem    // with ascending numbers
}

// RuledItem is what becomes of one item.
type RuledItem struct {
	Number  int64
	SHA256  vitrine.Digest
	Produce bool
	Reason  string
}

const rulingHead = `Vitrine ruling, version 1

Whoever signs this text approves that each item listed here, which the records
alone put neither inside nor outside the mandate, is produced or withheld as said.

`

// actions are the words for Produce.
var actions = map[bool]string{true: "produce", false: "withhold"}

// Text is the one text that is signed: spec/mandate.md.
func (r Ruling) Text() string {
	var b strings.Builder
	b.WriteString(rulingHead)
	fmt.Fprintf(&b, "demand:  %s\nmandate: %s\nhold:    %s\n\n", r.Demand, r.Mandate, r.Hold)
	for _, it := range r.Items {
		fmt.Fprintf(&b, "item:    %d %s %s %s\n", it.Number, it.SHA256, actions[it.Produce], reasonOr(it.Reason))
	}
	return b.String()
}

func reasonOr(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

// Check refuses a ruling whose text would not be read back as these values.
func (r Ruling) Check() error {
	parsed, err := ParseRuling([]byte(r.Text()))
	if err != nil {
		return err
	}
	alike := func(a, b RuledItem) bool {
		a.Reason, b.Reason = reasonOr(a.Reason), reasonOr(b.Reason)
		return a == b
	}
	if parsed.Demand != r.Demand || parsed.Mandate != r.Mandate || parsed.Hold != r.Hold || !slices.EqualFunc(parsed.Items, r.Items, alike) {
		return vitrine.Refusef(vitrine.Unverified, "this is not a ruling to be signed: its text would be read as other values")
	}
	return nil
}

// ParseRuling reads a ruling's text. It accepts exactly what Text writes.
func ParseRuling(text []byte) (Ruling, error) {
	r, err := parseRuling(text)
	if err == nil && r.Text() != string(text) {
		err = fmt.Errorf("it is not in the one form that is signed")
	}
	if err != nil {
		return Ruling{}, vitrine.Refusef(vitrine.Unverified, "this is not a ruling to be signed: %v", err)
	}
	return r, nil
}

func parseRuling(text []byte) (Ruling, error) {
	var r Ruling
	f, err := split(text, rulingHead)
	if err != nil {
		return r, err
	}
	if r.Demand, err = vitrine.ParseID(f.one("demand")); err != nil {
		return r, err
	}
	if r.Mandate, err = vitrine.ParseDigest(f.one("mandate")); err != nil {
		return r, err
	}
	if r.Hold, err = vitrine.ParseDigest(f.one("hold")); err != nil {
		return r, err
	}
	for _, v := range f.many("item") {
		it, err := ruledItem(v)
		if err != nil {
			return r, err
		}
		if n := len(r.Items); n > 0 && r.Items[n-1].Number >= it.Number {
			return r, fmt.Errorf("item %d does not come after item %d", it.Number, r.Items[n-1].Number)
		}
		r.Items = append(r.Items, it)
	}
	if len(r.Items) == 0 {
		return r, fmt.Errorf("it decides nothing")
	}
	return r, f.end()
}

func ruledItem(v string) (RuledItem, error) {
	var it RuledItem
	parts := strings.SplitN(v, " ", 4)
	if len(parts) != 4 {
		return it, fmt.Errorf("item %q: want number, digest, produce or withhold, and a reason", v)
	}
	n, err := strconv.ParseInt(parts[0], 10, 64)
	if err != nil || n < 1 {
		return it, fmt.Errorf("item %q has no number", v)
	}
	digest, err := vitrine.ParseDigest(parts[1])
	if err != nil {
		return it, err
	}
	if parts[2] != actions[true] && parts[2] != actions[false] {
		return it, fmt.Errorf("item %d: %q is neither produce nor withhold", n, parts[2])
	}
	if err := vitrine.Plain("reason", parts[3]); err != nil {
		return it, err
	}
	it = RuledItem{Number: n, SHA256: digest, Produce: parts[2] == actions[true], Reason: parts[3]}
	if it.Reason == "-" {
		it.Reason = ""
	}
	return it, nil
}
