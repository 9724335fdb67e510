package production

import (
	"bytes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"io"
	"runtime"
	"slices"
	"sync"

	"filippo.io/age"
	"golang.org/x/crypto/chacha20poly1305"

	"github.com/vitrine-project/vitrine"
)

// The payload format of age (C2SP age.md, "Payload"): chunks of 64 KiB, each
// sealed with ChaCha20-Poly1305 under a nonce of an 11-byte counter and a last
// flag.
const (
	chunkSize  = 64 << 10
	chunkTag   = chacha20poly1305.Overhead
	ageNonce   = 16
	batchSize  = 16 * chunkSize
	maxWorkers = 4
)

// keptKey is a recipient that remembers the file key it is given, so that the
// payload can be sealed outside the library, on all cores.
type keptKey struct {
	age.Recipient
	key *[]byte
}

func (k keptKey) Wrap(fileKey []byte) ([]*age.Stanza, error) {
	*k.key = slices.Clone(fileKey)
	return k.Recipient.Wrap(fileKey)
}

// WrapWithLabels forwards to recipients that have labels (the hybrid ones).
func (k keptKey) WrapWithLabels(fileKey []byte) ([]*age.Stanza, []string, error) {
	*k.key = slices.Clone(fileKey)
	if l, ok := k.Recipient.(age.RecipientWithLabels); ok {
		return l.WrapWithLabels(fileKey)
	}
	s, err := k.Recipient.Wrap(fileKey)
	return s, nil, err
}

// sealer is an age encryption writer that works on several cores. It writes
// the same format as age.Encrypt, and keeps digest and size of what it wrote.
type sealer struct {
	aead    cipher.AEAD
	counter uint64 // of the next chunk
	header  int64  // length of the header and the nonce
	plain   int64  // bytes taken
	filling *batch
	jobs    chan *batch
	ordered chan *batch
	free    chan *batch // written, to be filled again
	workers sync.WaitGroup
	written chan struct{}

	out    io.Writer
	digest hash.Hash
	size   int64
	failed errorOnce
}

// batch is up to 16 chunks on their way through a worker.
type batch struct {
	first  uint64
	plain  []byte
	sealed []byte
	last   bool
	done   chan struct{}
}

func newBatch() *batch {
	return &batch{plain: make([]byte, 0, batchSize), sealed: make([]byte, 0, batchSize+batchSize/chunkSize*chunkTag), done: make(chan struct{}, 1)}
}

// errorOnce keeps the first error that one of several goroutines meets.
type errorOnce struct {
	mu  sync.Mutex
	err error
}

func (e *errorOnce) set(err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.err == nil {
		e.err = err
	}
}

func (e *errorOnce) get() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.err
}

func newSealer(out io.Writer, to []age.Recipient) (*sealer, error) {
	var key []byte
	kept := make([]age.Recipient, len(to))
	for i, r := range to {
		kept[i] = keptKey{r, &key}
	}
	var header bytes.Buffer
	if _, err := age.Encrypt(&header, kept...); err != nil {
		return nil, fmt.Errorf("seal to recipients: %w", err)
	}
	s, err := sealerWith(out, header.Bytes(), key)
	if err != nil {
		return nil, err
	}
	s.start(min(maxWorkers, runtime.GOMAXPROCS(0)))
	return s, nil
}

// sealerWith continues a file whose header and nonce are given.
func sealerWith(out io.Writer, header, fileKey []byte) (*sealer, error) {
	if len(header) < ageNonce || len(fileKey) == 0 {
		return nil, errors.New("seal: the age library gave no header or no file key")
	}
	stream, err := hkdf.Key(sha256.New, fileKey, header[len(header)-ageNonce:], "payload", chacha20poly1305.KeySize)
	if err != nil {
		return nil, fmt.Errorf("seal: %w", err)
	}
	aead, err := chacha20poly1305.New(stream)
	if err != nil {
		return nil, fmt.Errorf("seal: %w", err)
	}
	s := &sealer{aead: aead, out: out, digest: sha256.New(), filling: newBatch(), header: int64(len(header))}
	s.emit(header)
	return s, s.failed.get()
}

func (s *sealer) start(workers int) {
	s.jobs, s.ordered, s.written = make(chan *batch), make(chan *batch, workers), make(chan struct{})
	s.free = make(chan *batch, workers+1)
	for range workers {
		s.workers.Go(func() {
			for b := range s.jobs {
				s.seal(b)
				b.done <- struct{}{}
			}
		})
	}
	go func() {
		defer close(s.written)
		for b := range s.ordered {
			<-b.done
			s.emit(b.sealed)
			select {
			case s.free <- b:
			default:
			}
		}
	}()
}

// seal encrypts the chunks of one batch.
func (s *sealer) seal(b *batch) {
	b.sealed = b.sealed[:0]
	var nonce [chacha20poly1305.NonceSize]byte
	plain := b.plain
	for n := b.first; ; n++ {
		chunk := plain[:min(chunkSize, len(plain))]
		plain = plain[len(chunk):]
		binary.BigEndian.PutUint64(nonce[3:11], n)
		if b.last && len(plain) == 0 {
			nonce[11] = 1
		}
		b.sealed = s.aead.Seal(b.sealed, nonce[:], chunk, nil)
		if len(plain) == 0 {
			return
		}
	}
}

func (s *sealer) emit(p []byte) {
	if s.failed.get() != nil {
		return
	}
	n, err := s.out.Write(p)
	s.digest.Write(p[:n])
	s.size += int64(n)
	if err != nil {
		s.failed.set(err)
	}
}

func (s *sealer) Write(p []byte) (int, error) {
	total := len(p)
	for len(p) > 0 {
		if len(s.filling.plain) == batchSize { // the last batch is only known at Close
			if err := s.send(false); err != nil {
				return total - len(p), err
			}
		}
		n := min(len(p), batchSize-len(s.filling.plain))
		s.filling.plain, p = append(s.filling.plain, p[:n]...), p[n:]
		s.plain += int64(n)
	}
	return total, nil
}

func (s *sealer) send(last bool) error {
	b := s.filling
	b.first, b.last = s.counter, last
	s.counter += batchSize / chunkSize
	s.ordered <- b
	s.jobs <- b
	select {
	case s.filling = <-s.free:
		s.filling.plain = s.filling.plain[:0]
	default:
		s.filling = newBatch()
	}
	return s.failed.get()
}

// close seals the last chunk, waits for everything to be written, and checks
// that it is as much as it must be.
func (s *sealer) close() (vitrine.Digest, int64, error) {
	err := s.send(true)
	s.stop()
	if err = errors.Join(err, s.failed.get()); err != nil {
		return vitrine.Digest{}, 0, err
	}
	if want := s.header + s.plain + chunkTag*max(1, (s.plain+chunkSize-1)/chunkSize); s.size != want {
		return vitrine.Digest{}, 0, fmt.Errorf("seal: %d bytes were written, %d must be", s.size, want)
	}
	return vitrine.Digest(s.digest.Sum(nil)), s.size, nil
}

// stop ends the goroutines. It may be called more than once.
func (s *sealer) stop() {
	if s.jobs == nil {
		return
	}
	close(s.jobs)
	close(s.ordered)
	s.workers.Wait()
	<-s.written
	s.jobs = nil
}

// sealedSizeFits reports whether a file with a header of that length can have
// that size: header, nonce, and chunks of which only the last may be short,
// and only the only one empty.
func sealedSizeFits(header, size int64) bool {
	payload := size - header - ageNonce
	if payload < chunkTag {
		return false
	}
	rest := payload % (chunkSize + chunkTag)
	return rest == 0 || rest > chunkTag || payload == chunkTag
}
