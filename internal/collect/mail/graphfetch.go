package mail

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/internal/collect"
	"github.com/vitrine-project/vitrine/internal/graph"
)

const (
	graphAhead  = 4       // messages that are fetched at once; Graph allows no more a mailbox
	graphMemory = 8 << 20 // bytes of a message that is kept until it is opened
)

// graphBytes is a message as it was fetched: all of it, or its beginning.
type graphBytes struct {
	begin []byte
	size  int64
	sum   vitrine.Digest
	err   error
}

func (b graphBytes) whole() bool { return int64(len(b.begin)) == b.size }

func (m *mailboxes) raw(ctx context.Context, user, id string) (io.ReadCloser, error) {
	return m.client.Bytes(ctx, graph.Path("users", user, "messages", id)+"/$value", 0)
}

// fetch reads a message to its end.
func (m *mailboxes) fetch(ctx context.Context, user, id string) (b graphBytes) {
	r, err := m.raw(ctx, user, id)
	if err != nil {
		return graphBytes{err: err}
	}
	defer r.Close()
	h := sha256.New()
	begin := bytes.Buffer{}
	n, err := io.Copy(io.MultiWriter(&begin, h), io.LimitReader(r, graphMemory))
	if err != nil {
		return graphBytes{err: err}
	}
	b = graphBytes{begin: begin.Bytes(), size: n}
	if n == graphMemory {
		rest, err := io.Copy(h, r)
		if err != nil {
			return graphBytes{err: err}
		}
		if b.size += rest; rest > 0 {
			b.begin = bytes.Clone(b.begin[:maxHeader])
		}
	}
	h.Sum(b.sum[:0])
	return b
}

// ahead fetches some messages at once, and calls each in their order.
func (m *mailboxes) ahead(ctx context.Context, user string, list []graphMessage, each func(graphMessage, graphBytes) error) error {
	ctx, cancel := context.WithCancel(ctx)
	pending := make([]chan graphBytes, 0, graphAhead)
	defer func() {
		cancel()
		for _, p := range pending {
			<-p
		}
	}()
	for i, next := 0, 0; i < len(list); i++ {
		for ; next < len(list) && next < i+graphAhead; next++ {
			p := make(chan graphBytes, 1)
			pending = append(pending, p)
			go func(id string) { p <- m.fetch(ctx, user, id) }(list[next].ID)
		}
		got := <-pending[0]
		pending = pending[1:]
		if err := each(list[i], got); err != nil {
			return err
		}
	}
	return nil
}

// graphKey tells an item's message to Open.
type graphKey struct {
	id   string
	size int64
	sum  vitrine.Digest
}

func (k graphKey) String() string {
	return strconv.FormatInt(k.size, 10) + "/" + hex.EncodeToString(k.sum[:]) + "/" + k.id
}

func parseGraphKey(s string) (k graphKey, err error) {
	parts := strings.SplitN(s, "/", 3)
	if len(parts) != 3 {
		return k, fmt.Errorf("key of a message: %d parts", len(parts))
	}
	if k.size, err = strconv.ParseInt(parts[0], 10, 64); err != nil {
		return k, fmt.Errorf("key of a message: %w", err)
	}
	sum, err := hex.DecodeString(parts[1])
	if err != nil || len(sum) != len(k.sum) {
		return k, fmt.Errorf("key of a message: %q is no digest", parts[1])
	}
	k.sum, k.id = vitrine.Digest(sum), parts[2]
	return k, nil
}

var errGraphChanged = vitrine.Refusef(vitrine.Failed, "Microsoft Graph hands out other bytes for a message than a moment before: nothing was kept, run the step again")

// Open returns a message's bytes: those that were fetched when it was
// enumerated, as long as it is its turn, or else fetched again and compared.
func (m *mailboxes) Open(ctx context.Context, c collect.Container, it collect.Item, offset int64) (io.ReadCloser, error) {
	k, err := parseGraphKey(it.Key)
	if err != nil {
		return nil, err
	}
	m.mu.Lock()
	b, ok := m.fetched[it.Key]
	m.mu.Unlock()
	if ok && b.whole() && offset <= b.size {
		return io.NopCloser(bytes.NewReader(b.begin[offset:])), nil
	}
	user, _ := place(c)
	r, err := m.raw(ctx, user, k.id)
	if err != nil {
		return nil, graphGone(err)
	}
	g := &graphReader{ReadCloser: r, left: k.size, key: k, hash: sha256.New()}
	// Two renderings of a message need not be equal: what is gone on with is
	// compared from its beginning.
	if _, err := io.CopyN(io.Discard, g, offset); err != nil {
		r.Close()
		if err == io.EOF {
			err = errGraphChanged
		}
		return nil, err
	}
	return g, nil
}

func graphGone(err error) error {
	if _, gone := graph.Refused(err, http.StatusNotFound); gone {
		return collect.ErrVanished
	}
	return graphFault(err)
}

// graphReader compares what it reads with what was enumerated.
type graphReader struct {
	io.ReadCloser
	left int64
	key  graphKey
	hash hash.Hash
}

func (g *graphReader) Read(p []byte) (int, error) {
	n, err := g.ReadCloser.Read(p)
	g.hash.Write(p[:n])
	if g.left -= int64(n); g.left < 0 {
		return 0, errGraphChanged
	}
	if errors.Is(err, io.EOF) && (g.left > 0 || vitrine.Digest(g.hash.Sum(nil)) != g.key.sum) {
		return 0, errGraphChanged
	}
	if err != nil && err != io.EOF {
		err = graphFault(err)
	}
	return n, err
}
