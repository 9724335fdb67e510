package ledger

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// AnswerWithin is how many seconds after it came a submission is answered: with
// a promise, or with a signed reason why it is no demand.
const AnswerWithin = 72 * 3600

// Submitted is the receipt that whoever sends anything gets at once.
type Submitted struct {
	Origin   string
	Document Hash // of what came
	Received uint64
	AnswerBy uint64
}

// Sign returns the receipt as a signed note.
func (s Submitted) Sign(key Signer) ([]byte, error) {
	return sign(fmt.Sprintf("%s\norigin %s\ndocument %s\nreceived %d\nanswer-by %d\n", submissionHead, s.Origin, s.Document, s.Received, s.AnswerBy), key)
}

// OpenSubmitted verifies a submission receipt against the header's promise keys.
func (h *Header) OpenSubmitted(b []byte) (Submitted, error) {
	var s Submitted
	text, err := open(b, h.Keys.Promise...)
	if err != nil {
		return s, fmt.Errorf("submission receipt: %w", err)
	}
	v, err := lines(text, submissionHead, "origin", "document", "received", "answer-by")
	if err != nil {
		return s, fmt.Errorf("submission receipt: %w", err)
	}
	s.Origin = v["origin"]
	received, err1 := parseTime(v["received"])
	by, err2 := parseTime(v["answer-by"])
	s.Received, s.AnswerBy = received, by
	if err := errors.Join(s.Document.UnmarshalText([]byte(v["document"])), err1, err2); err != nil {
		return s, fmt.Errorf("submission receipt: %w", err)
	}
	if s.Origin != h.Origin || s.AnswerBy != s.Received+AnswerWithin {
		return s, fmt.Errorf("submission receipt: it is of %s, to be answered by %d", s.Origin, s.AnswerBy)
	}
	return s, nil
}

// Heads of the papers that answer whatever comes.
const (
	submissionHead = "vitrine/submission/v1"
	declinedHead   = "vitrine/declined/v1"
)

// MaxBecause bounds the bytes of a reason.
const MaxBecause = 1000

// Declined says that what came is no demand, and why.
type Declined struct {
	Origin   string
	Document Hash // of what came
	Received uint64
	Declined uint64 // when it was answered
	Because  string // one line
}

// Check refuses an answer that could not be read back: a reason that is not one
// printable line, or an answer before what it answers.
func (d Declined) Check() error {
	if d.Declined < d.Received || d.Declined >= maxTime {
		return fmt.Errorf("declined at %d, received at %d: want a time from then on", d.Declined, d.Received)
	}
	if b := d.Because; b == "" || len(b) > MaxBecause || strings.Trim(b, " ") != b || !utf8.ValidString(b) || strings.ContainsFunc(b, unprintable) || !strings.ContainsFunc(b, legible) {
		return fmt.Errorf("the reason has %d bytes: want 1 to %d of one printable line with a letter or a digit, without space around it", len(b), MaxBecause)
	}
	return nil
}

// unprintable are the characters that end a line, move the cursor or turn the
// direction of what is written.
func unprintable(r rune) bool {
	return r < 0x20 || r >= 0x7f && r < 0xa0 || r == 0x061c || r >= 0x200e && r <= 0x200f || r >= 0x2028 && r <= 0x202e || r >= 0x2066 && r <= 0x2069 || r == 0xfeff
}

// legible are letters and numbers: a reason without any shows nothing.
func legible(r rune) bool { return unicode.IsLetter(r) || unicode.IsNumber(r) }

// Sign returns the answer as a signed note.
func (d Declined) Sign(key Signer) ([]byte, error) {
	if err := d.Check(); err != nil {
		return nil, err
	}
	return sign(fmt.Sprintf("%s\norigin %s\ndocument %s\nreceived %d\ndeclined %d\nbecause %s\n", declinedHead, d.Origin, d.Document, d.Received, d.Declined, d.Because), key)
}

// OpenDeclined verifies an answer that what came is no demand against the
// header's promise keys.
func (h *Header) OpenDeclined(b []byte) (Declined, error) {
	var d Declined
	text, err := open(b, h.Keys.Promise...)
	if err != nil {
		return d, fmt.Errorf("answer: %w", err)
	}
	v, err := lines(text, declinedHead, "origin", "document", "received", "declined", "because")
	if err != nil {
		return d, fmt.Errorf("answer: %w", err)
	}
	d.Origin, d.Because = v["origin"], v["because"]
	received, err1 := parseTime(v["received"])
	declined, err2 := parseTime(v["declined"])
	d.Received, d.Declined = received, declined
	if err := errors.Join(d.Document.UnmarshalText([]byte(v["document"])), err1, err2); err != nil {
		return d, fmt.Errorf("answer: %w", err)
	}
	if d.Origin != h.Origin {
		return d, fmt.Errorf("answer: it is of %s, not of %s", d.Origin, h.Origin)
	}
	if err := d.Check(); err != nil {
		return d, fmt.Errorf("answer: %w", err)
	}
	return d, nil
}
