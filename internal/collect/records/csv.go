package records

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/internal/collect"
)

// csvs is a source of CSV files.
type csvs struct {
	declaration vitrine.Source
	files       []csvFile
	resolves    []ResolveFile

	mu      sync.Mutex
	current held
}

// csvFile is a declared file, its path cut.
type csvFile struct {
	File
	pattern collect.Pattern // of one account each
	comma   rune
}

func (s *csvs) Declaration() vitrine.Source { return s.declaration }

func (s *csvs) Family() collect.Family { return collect.Records }

func (s *csvs) list() (all []Table) {
	for _, f := range s.files {
		all = append(all, f.Table)
	}
	return all
}

func (s *csvs) Holds() []vitrine.Category { return holds(s.list()) }

// Stores lists the columns that each category reaches.
func (s *csvs) Stores() []collect.Stored { return stores(KindCSV, s.list()) }

// Probe looks at the mounts that the files lie on.
func (s *csvs) Probe(context.Context) (collect.Access, error) {
	var all collect.Access
	var dirs []string
	for _, f := range s.files {
		dirs = append(dirs, cmp.Or(f.pattern.Base, filepath.Dir(f.Path)))
	}
	for _, r := range s.resolves {
		dirs = append(dirs, filepath.Dir(r.Path))
	}
	for _, dir := range dirs {
		a, err := collect.Mounted(dir)
		if err != nil {
			return a, err
		}
		if all.Shown = a.Shown; a.Writes != "" {
			return a, nil
		}
	}
	return all, nil
}

// open opens the account's file; nil if there is none.
func (f csvFile) open(a vitrine.Account) (*os.File, error) {
	var file *os.File
	var err error
	if f.pattern.Base == "" {
		file, err = os.OpenFile(f.Path, os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	} else {
		file, err = f.own(a)
	}
	if file == nil && err == nil || errors.Is(err, unix.ENOENT) && f.pattern.Base != "" {
		return nil, nil
	}
	if err != nil {
		return nil, collect.CannotRead(f.Path, err)
	}
	if st, err := file.Stat(); err != nil || !st.Mode().IsRegular() {
		file.Close()
		return nil, vitrine.Refusef(vitrine.Failed, "%s is no ordinary file: nothing was collected", f.Path)
	}
	return file, nil
}

// own opens the file that is one account's.
func (f csvFile) own(a vitrine.Account) (*os.File, error) {
	entry, err := f.pattern.Find(a)
	if entry == "" || err != nil {
		return nil, err
	}
	names := f.pattern.Names(entry)
	last := len(names) - 1
	dir, err := f.pattern.Descend(names[:last])
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	fd, err := collect.OpenAt(dir, names[last], 0)
	if err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(fd), names[last]), nil
}

// state tells two states of a file apart.
func state(f *os.File) (string, int64, error) {
	var st unix.Stat_t
	if err := collect.Again(func() error { return unix.Fstat(int(f.Fd()), &st) }); err != nil {
		return "", 0, fmt.Errorf("look at file: %w", err)
	}
	return fmt.Sprintf("bytes %d, written %d.%09d", st.Size, st.Mtim.Sec, st.Mtim.Nsec), st.Size, nil
}

// Inventory lists the files that hold a record of the account. A file of all
// accounts is read through for that.
func (s *csvs) Inventory(ctx context.Context, a vitrine.Account) ([]collect.Container, error) {
	var containers []collect.Container
	for _, f := range s.files {
		c := collect.Container{Account: a, Name: f.Name, Kind: KindCSV, Count: collect.NoCount, Key: f.Name}
		file, err := f.open(a)
		if err != nil {
			return nil, err
		}
		if file == nil {
			continue
		}
		c.State, c.Size, err = state(file)
		known := f.Account == ""
		if err == nil {
			err = f.each(ctx, file, a, mark{}, func(r record) error {
				if known = known || r.why == ""; known {
					return errFound
				}
				return nil
			})
		}
		file.Close()
		if err != nil && err != errFound {
			return nil, err
		}
		if known {
			containers = append(containers, c)
		}
	}
	return containers, nil
}

// file finds what was declared for a container.
func (s *csvs) file(c collect.Container) (csvFile, error) {
	i := slices.IndexFunc(s.files, func(f csvFile) bool { return f.Name == c.Key })
	if i < 0 {
		return csvFile{}, fmt.Errorf("no file %q is declared", c.Key)
	}
	return s.files[i], nil
}

// item makes the evidence of one category's part of a record, and its bytes.
func (f csvFile) item(r record, category int) (collect.Item, []byte) {
	c := f.categories()[category]
	name := "record " + strconv.FormatInt(r.number, 10)
	it := collect.Item{Name: name, Offset: r.start, Category: c, Form: FormRow, Extra: map[string]string{"table": f.Name, "record": strconv.FormatInt(r.number, 10)}, Unreadable: r.why}
	var body []byte
	if r.why == "" {
		body = render(f.Columns[c], r.value)
		it.SHA256 = vitrine.DigestOf(body)
		f.Times.dated(&it, r.value)
	}
	if r.unended {
		it.Flags = []string{"no-line-end"}
	}
	it.Size = int64(len(body))
	at := mark{r.start, r.end, r.number, category, it.SHA256.Hex()[:16]}
	it.Position, it.Key = at.String(), at.String()
	it.Identity = at.String() + " " + it.SHA256.Hex()
	return it, body
}

// Enumerate yields each record behind the position once for each category of
// the file.
func (s *csvs) Enumerate(ctx context.Context, c collect.Container, after string, yield func(collect.Item) error) error {
	f, err := s.file(c)
	if err != nil {
		return err
	}
	var from mark
	if after != "" {
		if from, err = parseMark(after, len(f.categories())); err != nil {
			return err
		}
	}
	file, err := f.open(c.Account)
	if file == nil || err != nil {
		return err // a file that is gone: Close says so
	}
	defer file.Close()
	met := after == ""
	err = f.each(ctx, file, c.Account, from, func(r record) error {
		first := 0
		if !met {
			if it, _ := f.item(r, from.category); it.Key != after {
				return changed(f.Path)
			}
			met, first = true, from.category+1
		}
		for i := first; i < len(f.categories()); i++ {
			it, body := f.item(r, i)
			s.hold(held{bodyKey(c, it), body})
			err := yield(it)
			s.hold(held{})
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err == nil && !met {
		err = changed(f.Path)
	}
	return err
}

func changed(path string) error {
	return vitrine.Refusef(vitrine.Failed, "%s changed while it was read: nothing was kept; run the step again, on a copy if it goes on changing", path)
}

func (s *csvs) hold(h held) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.current = h
}

// Open returns the bytes of a record as it was enumerated.
func (s *csvs) Open(ctx context.Context, c collect.Container, it collect.Item, offset int64) (io.ReadCloser, error) {
	s.mu.Lock()
	h := s.current
	s.mu.Unlock()
	if h.key != bodyKey(c, it) {
		body, err := s.again(ctx, c, it)
		if err != nil {
			return nil, err
		}
		h.body = body
	}
	if offset < 0 || offset > int64(len(h.body)) {
		return nil, fmt.Errorf("open record: offset %d of %d bytes", offset, len(h.body))
	}
	return io.NopCloser(bytes.NewReader(h.body[offset:])), nil
}

// again reads the record of an item anew.
func (s *csvs) again(ctx context.Context, c collect.Container, it collect.Item) (body []byte, err error) {
	f, err := s.file(c)
	if err != nil {
		return nil, err
	}
	at, err := parseMark(it.Key, len(f.categories()))
	if err != nil {
		return nil, err
	}
	file, err := f.open(c.Account)
	if err != nil {
		return nil, err
	}
	if file == nil {
		return nil, collect.ErrVanished
	}
	defer file.Close()
	var now collect.Item
	err = f.each(ctx, file, c.Account, at, func(r record) error {
		now, body = f.item(r, at.category)
		return errFound
	})
	switch {
	case err != nil && err != errFound:
		return nil, err
	case now.Key != it.Key || now.SHA256 != it.SHA256:
		return nil, changed(f.Path)
	}
	return body, nil
}

// Close returns the state of the file now.
func (s *csvs) Close(_ context.Context, c collect.Container) (string, error) {
	f, err := s.file(c)
	if err != nil {
		return "", err
	}
	file, err := f.open(c.Account)
	if err != nil {
		return "", err
	}
	if file == nil {
		return "gone", nil
	}
	defer file.Close()
	token, _, err := state(file)
	return token, err
}
