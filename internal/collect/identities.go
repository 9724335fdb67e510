package collect

import (
	"bufio"
	"cmp"
	"container/heap"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/vitrine-project/vitrine"
)

// maxRun is how many identities are kept in memory.
const maxRun = 1 << 18

// identities are the items of one container that were seen, hashed: enough to
// tell what came and what went. Beyond maxRun they go to a file as sorted runs,
// so that memory does not grow with the container.
type identities struct {
	path string // of the file, which is made when it is needed
	run  []uint64
	runs []Run
	max  int // of run; maxRun if 0
}

// Run is one sorted run of a file of identities.
type Run struct {
	Items  int64          `json:"items"`
	SHA256 vitrine.Digest `json:"sha256"`
}

const identitySize = 8

const identitiesFile = "identities-"

// tidy removes the files of identities of containers that are done with.
func (r *run) tidy() error {
	if r.Dir == "" {
		return nil
	}
	files, err := os.ReadDir(r.Dir)
	for _, f := range files {
		if strings.HasPrefix(f.Name(), identitiesFile) && f.Name() != r.at.file() {
			err = errors.Join(err, os.Remove(filepath.Join(r.Dir, f.Name())))
		}
	}
	if err != nil {
		return fmt.Errorf("remove identities: %w", err)
	}
	return nil
}

func (s *identities) add(id vitrine.Digest) error {
	if len(s.run) == cmp.Or(s.max, maxRun) {
		if err := s.spill(); err != nil {
			return err
		}
	}
	s.run = append(s.run, binary.BigEndian.Uint64(id[:]))
	return nil
}

// spill writes what is in memory behind the runs that are known. What lies
// behind those in the file was written by a process that did not live to say so.
func (s *identities) spill() error {
	if len(s.run) == 0 {
		return nil
	}
	if s.path == "" {
		return errors.New("keep identities: the collection has no directory")
	}
	slices.Sort(s.run)
	b := make([]byte, 0, identitySize*len(s.run))
	for _, id := range s.run {
		b = binary.BigEndian.AppendUint64(b, id)
	}
	f, err := os.OpenFile(s.path, os.O_WRONLY|os.O_CREATE, 0o600)
	if err != nil {
		return fmt.Errorf("keep identities: %w", err)
	}
	_, err = f.WriteAt(b, s.spilled())
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("keep identities: %w", err)
	}
	s.runs = append(s.runs, Run{int64(len(s.run)), vitrine.DigestOf(b)})
	s.run = s.run[:0]
	return nil
}

func (s *identities) spilled() (size int64) {
	for _, r := range s.runs {
		size += identitySize * r.Items
	}
	return size
}

// drop lets go of all.
func (s *identities) drop() error {
	if len(s.runs) == 0 {
		return nil
	}
	s.runs = nil
	return os.Remove(s.path)
}

// sorted reads all identities in order. next returns io.EOF behind the last.
func (s *identities) sorted() (next func() (uint64, error), done func() error, err error) {
	slices.Sort(s.run)
	var m merge
	if len(s.run) > 0 {
		m = append(m, &stream{memory: s.run})
	}
	done = func() error { return nil }
	if len(s.runs) > 0 {
		f, err := os.Open(s.path)
		if err != nil {
			return nil, nil, fmt.Errorf("read identities: %w", err)
		}
		done = f.Close
		at := int64(0)
		for _, r := range s.runs {
			size := identitySize * r.Items
			m = append(m, &stream{want: r.SHA256, file: bufio.NewReaderSize(io.NewSectionReader(f, at, size), 32<<10)})
			at += size
		}
	}
	if err := m.start(); err != nil {
		return nil, nil, errors.Join(err, done())
	}
	return m.next, done, nil
}

// stream is one sorted run that is being read.
type stream struct {
	head   uint64
	memory []uint64
	file   io.Reader
	want   vitrine.Digest
	sum    hash.Hash
}

// advance reads the next identity; io.EOF behind the last, if all were those
// that were written.
func (s *stream) advance() error {
	if s.file == nil {
		if len(s.memory) == 0 {
			return io.EOF
		}
		s.head, s.memory = s.memory[0], s.memory[1:]
		return nil
	}
	if s.sum == nil {
		s.sum = sha256.New()
	}
	var b [identitySize]byte
	if _, err := io.ReadFull(s.file, b[:]); err != nil {
		if err == io.EOF && vitrine.Digest(s.sum.Sum(nil)) == s.want {
			return io.EOF
		}
		return fmt.Errorf("read identities: they are not those that were written (%w)", err)
	}
	s.sum.Write(b[:])
	s.head = binary.BigEndian.Uint64(b[:])
	return nil
}

// merge is a heap of streams by their heads.
type merge []*stream

func (m merge) Len() int           { return len(m) }
func (m merge) Less(i, j int) bool { return m[i].head < m[j].head }
func (m merge) Swap(i, j int)      { m[i], m[j] = m[j], m[i] }
func (m *merge) Push(x any)        { *m = append(*m, x.(*stream)) }
func (m *merge) Pop() any {
	last := len(*m) - 1
	x := (*m)[last]
	*m = (*m)[:last]
	return x
}

func (m *merge) start() error {
	for _, s := range *m {
		if err := s.advance(); err != nil {
			return err // no run is empty
		}
	}
	heap.Init(m)
	return nil
}

func (m *merge) next() (uint64, error) {
	if len(*m) == 0 {
		return 0, io.EOF
	}
	id := (*m)[0].head
	switch err := (*m)[0].advance(); {
	case err == nil:
		heap.Fix(m, 0)
	case err == io.EOF:
		heap.Pop(m)
	default:
		return 0, err
	}
	return id, nil
}

// differences counts what is only in before and what is only in after.
func differences(before, after *identities) (gone, come int64, err error) {
	nextB, doneB, err := before.sorted()
	if err != nil {
		return 0, 0, err
	}
	defer doneB()
	nextA, doneA, err := after.sorted()
	if err != nil {
		return 0, 0, err
	}
	defer doneA()
	b, errB := nextB()
	a, errA := nextA()
	for errB == nil || errA == nil {
		switch {
		case errA != nil && errA != io.EOF || errB != nil && errB != io.EOF:
			return 0, 0, errors.Join(errA, errB)
		case errA != nil || errB == nil && b < a:
			gone++
			b, errB = nextB()
		case errB != nil || a < b:
			come++
			a, errA = nextA()
		default:
			a, errA = nextA()
			b, errB = nextB()
		}
	}
	if errB != io.EOF || errA != io.EOF {
		return 0, 0, errors.Join(errA, errB)
	}
	return gone, come, nil
}
