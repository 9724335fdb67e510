package collect

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"

	"filippo.io/age"

	"github.com/vitrine-project/vitrine/production"
)

// midway breaks off in the middle of an item and has lost it then.
type midway struct {
	*faulty
	hit bool
}

type breaks struct{ r io.Reader }

func (b breaks) Read(p []byte) (int, error) {
	n, err := b.r.Read(p)
	if err == io.EOF {
		err = &Interrupted{errors.New("cut")}
	}
	return n, err
}
func (breaks) Close() error { return nil }

func (m *midway) Open(ctx context.Context, c Container, it Item, offset int64) (io.ReadCloser, error) {
	if it.Key != "letter 02" {
		return m.faulty.Open(ctx, c, it, offset)
	}
	if m.hit {
		return nil, ErrVanished
	}
	m.hit = true
	return breaks{strings.NewReader(it.Key[:3])}, nil
}

// TestVanishesMidway: an item that is gone when it is opened again, with part of
// it written, ends the run; nothing behind it is taken for gone.
func TestVanishesMidway(t *testing.T) {
	id, _ := age.GenerateX25519Identity()
	w, err := production.Create(io.Discard, t.TempDir(), []age.Recipient{id.Recipient()})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Abort()
	col, err := jobOn(t, &midway{faulty: &faulty{shelf: long(10)}}, w).Run(t.Context())
	if err == nil || errors.Is(err, ErrVanished) || !strings.Contains(err.Error(), "removed while it was read") {
		t.Errorf("%v, and %+v", err, col.Counts)
	}
}
