package ledger

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
)

// Question is what whoever sent something holds, and knows: its submission
// receipt, an answer that it is no demand, or both.
type Question struct {
	Papers    []byte   // a submission receipt, an answer, or one behind the other
	Promises  [][]byte // that came as the answer
	Document  *Hash    // nil if it is not given
	Authority string   // with Reference: to tell whether a promise is of it
	Reference string
	Now       uint64 // the reader's clock
}

// Standing is what became of a submission.
type Standing struct {
	Origin    string `json:"origin"`
	Document  Hash   `json:"document"`
	Received  uint64 `json:"received"`
	AnswerBy  uint64 `json:"answer_by"`
	Period    uint64 `json:"period"`             // of the header whose key signed
	Declined  uint64 `json:"declined,omitempty"` // when it was answered that it is no demand
	Because   string `json:"because,omitempty"`
	Due       uint64 `json:"due,omitempty"` // of the promise that answers it
	Late      bool   `json:"late"`          // an answer that was given came after its time
	Complaint bool   `json:"complaint"`     // its time has passed, and no answer was given
	Compared  bool   `json:"compared"`      // the document was given
	Alone     bool   `json:"alone"`         // one header was given, of which only its holder knows whether it is the ledger's
	receipt   bool
}

// Stand verifies the papers against the published ledger that they are of.
func (s *Site) Stand(q Question) (*Standing, error) {
	text, _ := textOf(q.Papers)
	_, rest, _ := bytes.Cut([]byte(text), []byte("\norigin "))
	origin, _, _ := bytes.Cut(rest, []byte("\n"))
	for _, class := range []Class{Public, Restricted} {
		v, err := s.View(class)
		if errors.Is(err, fs.ErrNotExist) && class == Restricted {
			continue
		}
		if err != nil {
			return nil, err
		}
		if v.Chain[0].Origin != string(origin) {
			continue
		}
		chain, err := v.announced()
		if err != nil {
			return nil, err
		}
		return chain.Stand(q)
	}
	return nil, fmt.Errorf("the paper is of the ledger %q, which is not published here", origin)
}

// StandAlone verifies the papers against one header, of which only its holder
// knows whether it is the ledger's.
func StandAlone(h *Header, q Question) (*Standing, error) {
	st, err := Chain{newPeriod(h, 0)}.Stand(q)
	if err == nil {
		st.Alone = true
	}
	return st, err
}

// Stand verifies the papers against the headers whose keys sign at their times.
func (c Chain) Stand(q Question) (*Standing, error) {
	var st *Standing
	for i, b := range submissionPapers(q.Papers) {
		s, err := c.paper(b)
		if err != nil {
			return nil, err
		}
		switch {
		case i > 1:
			return nil, errors.New("these are papers of several submissions: give those of one")
		case st == nil:
			st = s
		case st.receipt == s.receipt || st.Document != s.Document || st.Received != s.Received || st.Origin != s.Origin:
			return nil, errors.New("the answer is of another submission than the receipt")
		default:
			st.Declined, st.Because, st.receipt = max(st.Declined, s.Declined), st.Because+s.Because, true
		}
	}
	if q.Document != nil && *q.Document != st.Document {
		return nil, errors.New("it is of another document")
	}
	st.Compared = q.Document != nil
	for _, raw := range q.Promises {
		if err := c.answers(st, q, raw); err != nil {
			return nil, err
		}
	}
	st.Late = st.Late || st.Declined > st.AnswerBy
	st.Complaint = st.Declined == 0 && st.Due == 0 && q.Now > st.AnswerBy
	return st, nil
}

// submissionPapers cuts a receipt and an answer apart.
func submissionPapers(b []byte) [][]byte {
	var list [][]byte
	for _, part := range papers(b, submissionHead) {
		list = append(list, papers(part, declinedHead)...)
	}
	return list
}

// paper verifies one paper.
func (c Chain) paper(b []byte) (*Standing, error) {
	if bytes.HasPrefix(b, []byte(declinedHead+"\n")) {
		var d Declined
		p, err := c.signing(b, "declined", func(h *Header) (err error) { d, err = h.OpenDeclined(b); return err })
		if err != nil {
			return nil, err
		}
		return &Standing{Origin: d.Origin, Document: d.Document, Received: d.Received, AnswerBy: d.Received + AnswerWithin, Period: p.Number, Declined: d.Declined, Because: d.Because}, nil
	}
	var s Submitted
	p, err := c.signing(b, "received", func(h *Header) (err error) { s, err = h.OpenSubmitted(b); return err })
	if err != nil {
		return nil, err
	}
	return &Standing{Origin: s.Origin, Document: s.Document, Received: s.Received, AnswerBy: s.AnswerBy, Period: p.Number, receipt: true}, nil
}

// signing opens a paper with the header in force at the time that its line of
// a name says: a key that was retired signs nothing later.
func (c Chain) signing(b []byte, name string, open func(h *Header) error) (*Period, error) {
	p := c[0]
	_, rest, _ := bytes.Cut(b, []byte("\n"+name+" "))
	line, _, _ := bytes.Cut(rest, []byte("\n"))
	t, err := parseTime(string(line))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	for _, next := range c[1:] {
		if t >= next.From {
			p = next
		}
	}
	return p, open(p.Header)
}

// answers verifies a promise that came as the answer, and compares it as far as
// authority and reference are known.
func (c Chain) answers(st *Standing, q Question, raw []byte) error {
	for _, b := range papers(raw, promiseHead) {
		p, err := c.OpenPromise(b)
		if err != nil {
			return err
		}
		known := Papers{Authority: q.Authority, Reference: q.Reference, Document: &st.Document}
		if known.Authority == "" || known.Reference == "" {
			return errors.New("a promise is compared with the submission by authority and reference: give both")
		}
		if _, err := p.Fact.Is(known); err != nil {
			return fmt.Errorf("the promise: %w", err)
		}
		st.Due, st.Late = max(st.Due, p.Due), st.Late || p.Received > st.AnswerBy
	}
	return nil
}

// Lines say what became of the submission.
func (st *Standing) Lines() []string {
	said := []string{fmt.Sprintf("document %s came to the ledger %s on %s, to be answered by %s: signed with a promise key of header %d", st.Document, st.Origin, timeText(st.Received), timeText(st.AnswerBy), st.Period)}
	if !st.Compared {
		said = append(said, "unchecked: the document (give --document)")
	}
	if st.Alone {
		said = append(said, "unchecked: that the header is the ledger's (give --report)")
	}
	if st.Due > 0 {
		said = append(said, "answered with a promise, due on "+timeText(st.Due)+": check with --report whether it is kept")
	}
	switch {
	case st.Declined > 0:
		said = append(said, fmt.Sprintf("answered on %s: it is no demand, because %s", timeText(st.Declined), st.Because))
	case st.Complaint:
		said = append(said, "no promise and no answer that it is no demand was given here, and the time for one has passed: complain with this receipt to whoever supervises the provider. It is no proof, since nobody can see what else you were sent.")
	case st.Due == 0:
		said = append(said, "no answer was given here: ask again after its time")
	}
	if st.Late {
		said = append(said, "caution: the answer came after its time")
	}
	return said
}
