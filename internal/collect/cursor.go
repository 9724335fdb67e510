package collect

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/vitrine-project/vitrine"
)

// Cursor is how far a container was read. Its chain runs over the identities of
// all items seen so far, in their order: a visit in parts ends with the same
// cursor as an unbroken one.
type Cursor struct {
	Position string         `json:"position"` // behind which the visit goes on
	Seen     int64          `json:"seen"`
	Chain    vitrine.Digest `json:"chain"`
}

// past is the cursor behind an item with that identity, hashed, and position.
func (c Cursor) past(id vitrine.Digest, position string) Cursor {
	return Cursor{Position: position, Seen: c.Seen + 1, Chain: sha256.Sum256(append(c.Chain[:], id[:]...))}
}

// Place is where a collection stands between two pieces. It means the same to
// another process.
type Place struct {
	Subjects   []subject   `json:"subjects"` // the accounts that are visited
	Account    int         `json:"account"`  // index into them
	Source     int         `json:"source"`   // and into the mandate's sources
	Known      bool        `json:"known"`    // whether any source so far knew the account
	Containers []Container `json:"containers"`
	Container  int         `json:"container"`
	Cursor     Cursor      `json:"cursor"`
	Bytes      int64       `json:"bytes"` // of the container's items so far
	Runs       []Run       `json:"runs"`  // identities of the container's items so far
}

// file is the name of the file of the container's identities.
func (p Place) file() string {
	return fmt.Sprintf("%s%d-%d-%d", identitiesFile, p.Account, p.Source, p.Container)
}

// next is the place at the next source.
func (p Place) next() Place {
	return Place{Subjects: p.Subjects, Account: p.Account, Source: p.Source + 1, Known: p.Known}
}

// behind is the place behind the container.
func (p Place) behind() Place {
	p.Container, p.Cursor, p.Bytes, p.Runs = p.Container+1, Cursor{}, 0, nil
	return p
}

// Usual is how long a run waits for a store that broke off, before each further
// attempt.
var Usual = []time.Duration{100 * time.Millisecond, time.Second, 5 * time.Second, 20 * time.Second, time.Minute}

// patience counts the attempts since something was last had from a store.
type patience struct {
	waits []time.Duration
	tried int
}

// again waits and returns nil if err is an interruption after which another
// attempt is due, and else the error.
func (p *patience) again(ctx context.Context, err error) error {
	var broken *Interrupted
	if !errors.As(err, &broken) || ctx.Err() != nil {
		return err
	}
	if p.tried == len(p.waits) {
		return vitrine.Refusef(vitrine.Failed, "the store broke off %d times in a row (%v): nothing was kept; see that it answers (vitrine source check) and run the step again", p.tried+1, err)
	}
	wait := time.NewTimer(p.waits[p.tried])
	defer wait.Stop()
	p.tried++
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-wait.C:
		return nil
	}
}

// persist calls f until it ends otherwise than by an interruption.
func persist[T any](ctx context.Context, waits []time.Duration, f func() (T, error)) (T, error) {
	p := patience{waits: waits}
	for {
		v, err := f()
		if err == nil {
			return v, nil
		}
		if err := p.again(ctx, err); err != nil {
			return v, err
		}
	}
}

// errTorn is for an item of which only the beginning was still there.
var errTorn = vitrine.Refusef(vitrine.Failed, "an item was removed while it was read: nothing was kept, run the step again")

// steady reads an item and opens it again where it stood when the store breaks
// off.
type steady struct {
	open    func(offset int64) (io.ReadCloser, error)
	ctx     context.Context
	waits   patience
	at      int64
	current io.ReadCloser
}

// start opens the item, so that its absence shows before anything is written.
func (s *steady) start() (err error) {
	s.current, err = persist(s.ctx, s.waits.waits, func() (io.ReadCloser, error) { return s.open(0) })
	return err
}

func (s *steady) Read(b []byte) (int, error) {
	for {
		n, err := 0, error(nil)
		if s.current == nil {
			s.current, err = s.open(s.at)
		}
		if err == nil {
			n, err = s.current.Read(b)
		}
		if n > 0 {
			s.at += int64(n)
			s.waits.tried = 0
			if err != io.EOF {
				err = nil // it comes again with the next call
			}
			return n, err
		}
		if err == nil || err == io.EOF {
			return n, err
		}
		if errors.Is(err, ErrVanished) {
			return 0, errTorn // part of it is written already
		}
		if err := s.waits.again(s.ctx, err); err != nil {
			return 0, err
		}
		s.Close()
	}
}

// Close lets go of the item; what it has to say was said by Read.
func (s *steady) Close() error {
	if s.current == nil {
		return nil
	}
	err := s.current.Close()
	s.current = nil
	if err != nil {
		return fmt.Errorf("close item: %w", err)
	}
	return nil
}
