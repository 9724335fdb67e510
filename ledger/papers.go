package ledger

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
)

const promiseHead = "vitrine/promise/v1"

// promiseLines takes the text of a promise apart.
func promiseLines(text string) (map[string]string, error) {
	return lines(text, promiseHead, "origin", "leaf", "opening", "parent-salt", "subject-salt?", "received", "due")
}

// Promise says that a leaf will stand in the log by a time. It holds secrets:
// it goes to the authority alone, sealed.
type Promise struct {
	Fact     Fact
	Leaf     Leaf
	Received uint64
	Due      uint64
}

// Promise returns the promise of a fact that came at a time.
func (p *Period) Promise(f *Fact, received uint64) (Promise, error) {
	s, ok := p.Sheet(f.Sheet)
	if !ok || f.Header != p.Hash {
		return Promise{}, fmt.Errorf("the fact is not of period %d", p.Number)
	}
	leaf, err := f.Leaf(s)
	return Promise{*f, leaf, received, received + p.Due}, err
}

// Sign returns the promise as a signed note.
func (p Promise) Sign(key Signer) ([]byte, error) {
	b64 := base64.StdEncoding.EncodeToString
	text := promiseHead + "\norigin " + p.Fact.Origin + "\nleaf " + b64(p.Leaf[:]) + "\nopening " + b64(p.Fact.Opening.Marshal()) + "\nparent-salt " + b64(p.Fact.ParentSalt[:]) + "\n"
	if p.Fact.Type != TypeDemand {
		text += "subject-salt " + b64(p.Fact.SubjectSalt[:]) + "\n"
	}
	return sign(text+"received "+strconv.FormatUint(p.Received, 10)+"\ndue "+strconv.FormatUint(p.Due, 10)+"\n", key)
}

// OpenPromise verifies a promise against the header it was made under. What the
// holder knows is for Fact.Is to compare.
func (c Chain) OpenPromise(b []byte) (Promise, error) {
	p, err := c.readPromise(b)
	if err != nil {
		return p, fmt.Errorf("promise: %w", err)
	}
	return p, nil
}

func (c Chain) readPromise(b []byte) (Promise, error) {
	var p Promise
	text, _ := textOf(b)
	v, err := promiseLines(text)
	if err != nil {
		return p, err
	}
	var raw [4][]byte
	for i, name := range []string{"leaf", "opening", "parent-salt", "subject-salt"} {
		if raw[i], err = fromBase64(v[name]); err != nil {
			return p, fmt.Errorf("%s: %w", name, err)
		}
	}
	o, err := ParseOpening(raw[1])
	if err != nil {
		return p, err
	}
	p.Fact.Opening = *o
	if len(raw[0]) != LeafSize || len(raw[2]) != 32 || len(raw[3]) != 0 && len(raw[3]) != 32 || (len(raw[3]) == 0) != (o.Type == TypeDemand) {
		return p, errors.New("a leaf or a salt has the wrong length")
	}
	copy(p.Leaf[:], raw[0])
	copy(p.Fact.ParentSalt[:], raw[2])
	copy(p.Fact.SubjectSalt[:], raw[3])
	received, err1 := parseTime(v["received"])
	due, err2 := parseTime(v["due"])
	p.Received, p.Due = received, due
	if err := errors.Join(err1, err2); err != nil {
		return p, err
	}
	return p, c.checkPromise(b, v["origin"], p)
}

func (c Chain) checkPromise(b []byte, origin string, p Promise) error {
	for _, period := range c {
		if period.Hash != p.Fact.Header {
			continue
		}
		signed, err := open(b, period.Keys.Promise...)
		if err != nil {
			return err
		}
		if text, _ := textOf(b); signed != text {
			return errors.New("more was signed than a promise's lines")
		}
		s, err := period.agrees(&p.Fact.Opening)
		if err != nil {
			return err
		}
		leaf, err := p.Fact.Leaf(s)
		if err != nil {
			return err
		}
		if leaf != p.Leaf || origin != period.Origin {
			return errors.New("the leaf is not that of the opening")
		}
		if p.Due != p.Received+period.Due {
			return fmt.Errorf("due at %d is not %d s after %d", p.Due, period.Due, p.Received)
		}
		return nil
	}
	return fmt.Errorf("the ledger has no header %s", p.Fact.Header)
}

// agrees checks an opening against the header that it names.
func (p *Period) agrees(o *Opening) (Sheet, error) {
	if o.Header != p.Hash || o.Origin != p.Origin {
		return Sheet{}, errors.New("the opening names another header or origin")
	}
	s, ok := p.Sheet(o.Sheet)
	if !ok {
		return s, fmt.Errorf("period %d has no sheet %s", p.Number, o.Sheet)
	}
	if o.Type == dummyType {
		return s, errors.New("it is a dummy's")
	}
	if err := o.fits(s); err != nil {
		return s, err
	}
	return s, p.has(o.Day)
}

// Papers is what a holder knows of its demand. What it does not know is empty.
type Papers struct {
	Authority string
	Reference string
	Document  *Hash // SHA-256 of the very bytes that were sent
	Account   string
}

// Is compares a fact with what its holder knows. It returns what could not be
// checked because something was not given.
func (f *Fact) Is(known Papers) (unchecked []string, err error) {
	full := known.Authority != "" && known.Reference != "" && known.Document != nil
	if !full && (known.Authority != "" || known.Reference != "" || known.Document != nil) {
		return nil, errors.New("authority, reference and document are checked together: give all three, or none")
	}
	demand := Hash{}
	if full {
		demand = DemandSubject(known.Authority, known.Reference, *known.Document)
	}
	if f.ParentSalt == [32]byte{} {
		unchecked = append(unchecked, "which demand it belongs to (a user's receipt does not show it)")
	} else if !full {
		unchecked = append(unchecked, "authority, reference and document")
	} else if f.Parent != ParentOf(f.ParentSalt, demand) {
		return nil, errors.New("it is of another demand: authority, reference or document differ")
	}
	switch f.Type {
	case TypeDemand:
		if full && f.Subject != demand {
			return nil, errors.New("it is of another demand: authority, reference or document differ")
		}
	case TypeAccount:
		if known.Account == "" {
			return append(unchecked, "the account"), nil
		}
		if f.Subject != AccountSubject(f.SubjectSalt, f.Parent, known.Account) {
			return nil, errors.New("it is of another account")
		}
	default:
		if _, ok := f.outcome(); !ok {
			return nil, errors.New("its subject is no outcome of its demand")
		}
	}
	return unchecked, nil
}

// maxOutcomes bounds how many facts of one type a demand has.
const maxOutcomes = 64

// outcome finds which one of its type an outcome is.
func (f *Fact) outcome() (uint32, bool) {
	for i := range uint32(maxOutcomes) {
		if OutcomeSubject(f.SubjectSalt, f.Parent, f.Type, i) == f.Subject {
			return i, true
		}
	}
	return 0, false
}
