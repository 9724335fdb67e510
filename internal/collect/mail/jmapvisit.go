package mail

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/internal/collect"
	"github.com/vitrine-project/vitrine/production"
)

// How messages are downloaded.
const (
	downloads = 4         // at once
	keptSize  = 256 << 10 // of a message, until its turn comes
	waiting   = 16        // messages that wait for their turn
)

const (
	formBlob       = "blob"
	ruleReceivedAt = "received-at"
)

// download is a message on its way.
type download struct {
	id    string
	email jmapEmail
	why   string // it cannot be read
	head  []byte // its first bytes, all of them where body is nil
	body  io.ReadCloser
	whole bool // head is all of it
	bare  bool // it is settled without its bytes
	err   error
	done  chan struct{} // closed when the above are set
	freed chan struct{} // closed when body is no longer needed
}

// jmapVisit is one reading of a mailbox.
type jmapVisit struct {
	*jmapSession
	key     jmapKey
	head    heading
	current *download
}

// Enumerate yields a mailbox's messages in the order of their ids.
func (s *jmaps) Enumerate(ctx context.Context, c collect.Container, after string, yield func(collect.Item) error) error {
	k, session, err := s.reopen(ctx, c)
	if err != nil {
		return err
	}
	ids, err := session.list(ctx, k)
	if err != nil {
		return err
	}
	i, found := slices.BinarySearch(ids, after)
	if found {
		i++
	}
	v := &jmapVisit{jmapSession: session, key: k}
	s.mu.Lock()
	s.visits[visitKey(c)] = v
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		if s.visits[visitKey(c)] == v {
			delete(s.visits, visitKey(c))
		}
		s.mu.Unlock()
	}()
	return v.all(ctx, ids[i:], yield)
}

// all yields messages in their order while others are on their way.
func (v *jmapVisit) all(ctx context.Context, ids []string, yield func(collect.Item) error) error {
	ctx, cancel := context.WithCancel(ctx)
	order, work := make(chan *download, waiting), make(chan *download)
	var workers sync.WaitGroup
	workers.Go(func() {
		defer close(order)
		defer close(work)
		v.plan(ctx, ids, order, work)
	})
	for range downloads {
		workers.Go(func() {
			for d := range work {
				v.begin(ctx, d)
			}
		})
	}
	defer func() {
		cancel()
		for d := range order {
			<-d.done
			d.free()
		}
		workers.Wait()
	}()
	for d := range order {
		<-d.done
		err := d.err
		if err == nil {
			err = v.yield(ctx, d, yield)
		}
		d.free()
		if err != nil {
			return err
		}
	}
	return ctx.Err()
}

// free lets a message go.
func (d *download) free() {
	if d.body != nil {
		d.body.Close()
	}
	close(d.freed)
}

func (v *jmapVisit) yield(ctx context.Context, d *download, yield func(collect.Item) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	v.current = d
	defer func() { v.current = nil }()
	return yield(v.item(d))
}

// plan asks what the store says of all messages, and gives those to work whose
// bytes are needed.
func (v *jmapVisit) plan(ctx context.Context, ids []string, order, work chan<- *download) {
	for some := range slices.Chunk(ids, getSize) {
		found, gone, err := v.emails(ctx, v.key, some)
		for _, id := range some {
			d := &download{id: id, err: err, done: make(chan struct{}), freed: make(chan struct{})}
			e, ok := found[id]
			d.email = e
			switch {
			case ok && !e.Mailboxes[v.key.Mailbox], gone[id]:
				d.why = collect.Vanished
			case !ok:
				d.why = reasonWithheld
			}
			d.bare = d.why != "" || err != nil || collect.Settled(ctx, v.store(d))
			if d.bare {
				close(d.done)
			}
			select {
			case order <- d:
			case <-ctx.Done():
				return
			}
			if err != nil {
				return
			}
			if d.bare {
				continue
			}
			select {
			case work <- d:
			case <-ctx.Done():
				d.err = ctx.Err()
				close(d.done)
				return
			}
		}
	}
}

// begin downloads a message, or the beginning of a long one, whose connection
// stays open until its turn has been.
func (v *jmapVisit) begin(ctx context.Context, d *download) {
	d.err = v.load(ctx, d)
	if d.err != nil && d.body != nil {
		d.body.Close()
		d.body = nil
	}
	long := d.body != nil
	close(d.done)
	if long {
		<-d.freed
	}
}

func (v *jmapVisit) load(ctx context.Context, d *download) error {
	body, err := v.blob(ctx, v.key.Account, d.email.Blob, 0)
	if errors.Is(err, collect.ErrVanished) {
		d.why = reasonWithheld
		return nil
	}
	if err != nil {
		return err
	}
	most := int64(keptSize)
	for {
		at := int64(len(d.head))
		d.head = slices.Grow(d.head, int(min(most, d.email.Size+1)-at))
		n, err := io.ReadFull(body, d.head[at:min(most, d.email.Size+1)])
		d.head = d.head[:int(at)+n]
		if err == io.EOF || err == io.ErrUnexpectedEOF {
			if int64(len(d.head)) != d.email.Size {
				d.why = reasonSize
			}
			d.whole = true
			return body.Close()
		}
		if err != nil {
			return errors.Join(err, body.Close())
		}
		if int64(len(d.head)) > d.email.Size {
			d.why = reasonSize
			return body.Close()
		}
		if _, ended := headerEnd(d.head); ended || most == maxHeader {
			d.body = body
			return nil
		}
		most = maxHeader
	}
}

// blob opens the bytes of a message.
func (s *jmapSession) blob(ctx context.Context, account, id string, offset int64) (io.ReadCloser, error) {
	address := s.Download
	for mark, value := range map[string]string{"{accountId}": account, "{blobId}": id, "{name}": "message.eml", "{type}": "application/octet-stream"} {
		address = strings.ReplaceAll(address, mark, url.PathEscape(value))
	}
	return s.get(ctx, address, offset)
}

func (s *jmapSession) get(ctx context.Context, address string, offset int64) (io.ReadCloser, error) {
	resp, err := s.caller.answer(ctx, http.MethodGet, address, nil, nil)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode == http.StatusNotFound {
		resp.Body.Close()
		return nil, collect.ErrVanished
	}
	if err := s.caller.status(resp); err != nil {
		resp.Body.Close()
		return nil, err
	}
	if _, err := io.CopyN(io.Discard, resp.Body, offset); err != nil {
		return nil, errors.Join(err, resp.Body.Close())
	}
	return resp.Body, nil
}

// store is what the store says of a message.
func (v *jmapVisit) store(d *download) collect.Item {
	it := collect.Item{
		Name: d.id, Identity: d.id + "\x00" + d.email.Blob, Position: d.id, Size: d.email.Size, Form: formBlob, Category: Category,
		Received: production.Interval{Rule: ruleReceivedAt}, Unreadable: d.why, Key: d.email.Blob,
	}
	if t, ok := parseReceivedAt(d.email.Received); ok {
		it.Received.From, it.Received.To, it.Received.Raw = t, t, d.email.Received
	}
	return it
}

// item is the evidence on one message.
func (v *jmapVisit) item(d *download) collect.Item {
	it := v.store(d)
	it.Flags, it.Extra = keywords(d.email.Keywords)
	if v.key.Role != "" {
		it.Flags = append(it.Flags, "special-"+collect.Valid(v.key.Role))
	}
	if d.why != "" || d.bare {
		return it
	}
	end, ended := headerEnd(d.head)
	isCut := !ended && !d.whole
	v.head.read(d.head[:end], isCut)
	if !ended && !isCut {
		it.Flags = append(it.Flags, flagNoBlank)
	}
	v.head.into(&it)
	return it
}

// keywords are what a mail program set.
func keywords(set map[string]bool) (flags []string, extra map[string]string) {
	var words []string
	for w, on := range set {
		switch {
		case !on:
		case w == "$seen" || w == "$draft" || w == "$flagged" || w == "$answered":
			flags = append(flags, "jmap-"+w[1:])
		default:
			words = append(words, collect.Valid(w))
		}
	}
	if words != nil {
		slices.Sort(words)
		extra = map[string]string{"jmap-keywords": strings.Join(words, " ")}
	}
	slices.Sort(flags)
	return flags, extra
}

// Open returns a message's bytes: those that came with the evidence, and the
// rest of the same download.
func (s *jmaps) Open(ctx context.Context, c collect.Container, it collect.Item, offset int64) (io.ReadCloser, error) {
	s.mu.Lock()
	v := s.visits[visitKey(c)]
	s.mu.Unlock()
	if v != nil && v.current != nil && v.current.id == it.Name && !v.current.bare && v.current.why == "" {
		d := v.current
		if d.whole {
			return io.NopCloser(bytes.NewReader(d.head[min(offset, int64(len(d.head))):])), nil
		}
		if body := d.body; offset == 0 && body != nil {
			d.body = nil
			d.head = slices.Clone(d.head)
			return &sizedBody{io.MultiReader(bytes.NewReader(d.head), body), body, it.Size, it.Name}, nil
		}
	}
	k, session, err := s.reopen(ctx, c)
	if err != nil {
		return nil, err
	}
	body, err := session.blob(ctx, k.Account, it.Key, offset)
	if err != nil {
		return nil, err
	}
	return &sizedBody{body, body, it.Size - offset, it.Name}, nil
}

// sizedBody reads a message and insists on its size.
type sizedBody struct {
	io.Reader
	io.Closer
	left int64
	id   string
}

func (m *sizedBody) Read(p []byte) (int, error) {
	n, err := m.Reader.Read(p)
	if m.left -= int64(n); m.left < 0 || err == io.EOF && m.left > 0 {
		return n, vitrine.Refusef(vitrine.Failed, "message %.100q is not as long as the server says: nothing was kept; have the store repaired, or collect from a copy of its files", m.id)
	}
	return n, err
}
