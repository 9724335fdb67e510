package chat

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/internal/collect"
	"github.com/vitrine-project/vitrine/production"
)

// KindSkype is the kind of a source of Skype exports.
const KindSkype = "skype"

// otherFiles is the container of what stands in no conversation: files that no
// message refers to, and what cannot be read.
const (
	otherFiles = "other files"
	otherKey   = "other"
)

// skype is a source of one Skype export for each account.
type skype struct {
	declaration vitrine.Source
	pattern     pattern

	mu      sync.Mutex
	of      vitrine.Account
	last    *index  // of that account
	current *export // that is being enumerated
}

// Skype returns the exports at path, which has {account} in its last element: a
// tar, or a directory that one was unpacked into.
func Skype(name, path string) (collect.Source, error) {
	p, err := parsePattern(path)
	if err != nil {
		return nil, err
	}
	return &skype{declaration: vitrine.Source{Name: name, Kind: KindSkype, Path: path}, pattern: p}, nil
}

func (s *skype) Declaration() vitrine.Source { return s.declaration }

func (s *skype) Family() collect.Family { return collect.Chat }

func (s *skype) Holds() []vitrine.Category {
	return []vitrine.Category{vitrine.Traffic, vitrine.Content}
}

// Stores says what an export has beside its messages.
func (s *skype) Stores() []collect.Stored {
	return []collect.Stored{
		{Kind: KindSkype, Category: vitrine.Content, Form: FormSkype + ": a message's JSON object; the files that it refers to, as stored"},
		{Kind: KindSkype, Category: vitrine.Content, Form: "files that no message refers to, as stored"},
		{Kind: KindSkype, Category: vitrine.Traffic, Form: "endpoints.json: the account's devices, as stored"},
	}
}

// Probe looks at the mount that the exports lie on.
func (s *skype) Probe(context.Context) (collect.Access, error) {
	return collect.Mounted(s.pattern.base)
}

// open opens the account's export, with what was learned of it; nil if there is
// none. Unless it is to be looked at anew, one that is open already is taken.
func (s *skype) open(ctx context.Context, a vitrine.Account, anew bool) (*export, *index, error) {
	s.mu.Lock()
	e, x := s.current, s.last
	if s.of != a {
		e, x = nil, nil
	}
	if e != nil && !anew {
		e.share()
	}
	s.mu.Unlock()
	if e != nil && !anew {
		return e, x, nil
	}
	e, err := s.pattern.open(a)
	if e == nil || err != nil {
		return nil, nil, err
	}
	if anew || x == nil || x.listed.stamp != e.stamp {
		x, err = s.learn(ctx, a, e, x)
	} else {
		e.as(x.listed)
	}
	if err != nil {
		return nil, nil, errors.Join(err, e.Close())
	}
	return e, x, nil
}

// learn lists an export's files and reads it through, if it is not as it was.
func (s *skype) learn(ctx context.Context, a vitrine.Account, e *export, x *index) (*index, error) {
	if err := e.list(ctx); err != nil {
		return nil, err
	}
	if x == nil || x.listed.state != e.state {
		var err error
		if x, err = e.scan(ctx, a); err == nil {
			err = e.same()
		}
		if err != nil {
			return nil, err
		}
	}
	s.mu.Lock()
	s.of, s.last = a, x
	s.mu.Unlock()
	return x, nil
}

// as takes over what was listed of the same export.
func (e *export) as(l *export) {
	e.at, e.size, e.found, e.members, e.damage, e.state = l.at, l.size, l.found, l.members, l.damage, l.state
}

// same makes sure that the export's JSON is the one that was opened.
func (e *export) same() error {
	now, _, err := stamp(e.file)
	if err == nil && now != e.stamp {
		err = errChanged(e.path)
	}
	return err
}

// Inventory lists the account's conversations. The export is read through for
// that.
func (s *skype) Inventory(ctx context.Context, a vitrine.Account) ([]collect.Container, error) {
	e, x, err := s.open(ctx, a, true)
	if e == nil || err != nil {
		return nil, err
	}
	defer e.Close()
	var all []collect.Container
	for i := range x.conversations {
		c := &x.conversations[i]
		size := int64(0)
		for _, l := range c.lists {
			size += l.end - l.start
		}
		all = append(all, collect.Container{Account: a, Name: c.name, Kind: KindSkype, State: x.listed.state, Size: size, Count: collect.NoCount, Key: strconv.Itoa(i)})
	}
	return append(all, collect.Container{Account: a, Name: otherFiles, Kind: KindSkype, State: x.listed.state, Count: collect.NoCount, Key: otherKey}), nil
}

// at opens the export of a container, which must be the one that was listed;
// nil if it is gone.
func (s *skype) at(ctx context.Context, c collect.Container) (*export, *index, error) {
	e, x, err := s.open(ctx, c.Account, false)
	if e == nil || err != nil {
		return nil, nil, err
	}
	if x.listed.state != c.State {
		return nil, nil, errors.Join(errChanged(e.path), e.Close())
	}
	return e, x, nil
}

// Enumerate yields each message, newest first as they stand there, and behind
// it the files that it refers to.
func (s *skype) Enumerate(ctx context.Context, c collect.Container, after string, yield func(collect.Item) error) error {
	e, x, err := s.at(ctx, c)
	if e == nil || err != nil {
		return err // an export that is gone: Close says so
	}
	defer e.Close()
	if c.Key == otherKey {
		return x.others(ctx, after, yield)
	}
	n, err := strconv.Atoi(c.Key)
	if err != nil || n < 0 || n >= len(x.conversations) {
		return fmt.Errorf("the export has no conversation %q", c.Key)
	}
	s.now(e)
	defer s.now(nil)
	w := walk{ctx: ctx, export: e, index: x, conversation: &x.conversations[n], yield: yield}
	if err := w.all(after); err != nil {
		return err
	}
	return e.same()
}

// now says which export is being enumerated.
func (s *skype) now(e *export) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.current = e
}

// others yields what stands in no conversation.
func (x *index) others(ctx context.Context, after string, yield func(collect.Item) error) error {
	var items []collect.Item
	for i, m := range x.members {
		if !m.referenced {
			it := fileItem(m, i)
			it.Received, it.Doubtful = production.Interval{Rule: ruleUndated}, doubtful[:]
			items = append(items, it)
		}
	}
	for _, d := range x.damage {
		items = append(items, collect.Item{Name: d.name + " from byte " + strconv.FormatInt(d.at, 10), Offset: d.at, Size: d.size, Category: Category, Form: FormSkype,
			Received: production.Interval{Rule: ruleUnreadable}, Doubtful: doubtful[:], Unreadable: d.why, Identity: fmt.Sprintf("damage %s %d %d", d.name, d.at, d.size)})
	}
	begin := 0
	for i := range items {
		items[i].Position = strconv.Itoa(i) + "." + digestOf(items[i].Identity)
		if items[i].Position == after {
			begin = i + 1
		}
	}
	if after != "" && begin == 0 {
		return fmt.Errorf("position %q is none of these files", after)
	}
	for _, it := range items[begin:] {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := yield(it); err != nil {
			return err
		}
	}
	return nil
}

// fileItem is the evidence on a file of the export.
func fileItem(m member, n int) collect.Item {
	it := collect.Item{Name: collect.Valid(m.name), Offset: m.at, Size: m.size, Category: Category, Form: "stored", Unreadable: m.barred,
		Identity: fmt.Sprintf("file %s %d %d %s", m.name, m.at, m.size, m.stamp), Key: "f" + strconv.Itoa(n)}
	if m.name == "endpoints.json" || m.name == "./endpoints.json" {
		it.Category = vitrine.Traffic
	}
	return it
}

// Open returns the bytes of a message or of a file.
func (s *skype) Open(ctx context.Context, c collect.Container, it collect.Item, offset int64) (io.ReadCloser, error) {
	e, x, err := s.at(ctx, c)
	if err != nil {
		return nil, err
	}
	if e == nil {
		return nil, collect.ErrVanished
	}
	r, err := e.item(x, it, offset)
	if err != nil {
		return nil, errors.Join(err, e.Close())
	}
	return r, nil
}

func (e *export) item(x *index, it collect.Item, offset int64) (io.ReadCloser, error) {
	var from io.Reader
	var closer io.Closer
	if number, ok := strings.CutPrefix(it.Key, "f"); ok {
		n, err := strconv.Atoi(number)
		if err != nil || n < 0 || n >= len(x.members) {
			return nil, fmt.Errorf("the export has no file %q", it.Key)
		}
		if from, closer, err = e.read(x.members[n]); err != nil {
			return nil, err
		}
	} else {
		at, err := strconv.ParseInt(it.Key, 10, 64)
		if err != nil || at < e.at || at+it.Size > e.at+e.size {
			return nil, fmt.Errorf("the export has no message %q", it.Key)
		}
		from = io.NewSectionReader(e.file, at, it.Size)
	}
	if seeker, ok := from.(io.Seeker); ok {
		_, err := seeker.Seek(offset, io.SeekStart)
		return &opened{from, e, closer}, err
	}
	_, err := io.CopyN(io.Discard, from, offset)
	return &opened{from, e, closer}, err
}

// opened is an item that is being read.
type opened struct {
	io.Reader
	export *export
	member io.Closer // nil if it has none of its own
}

// Read makes sure at the end that what was read is what was listed.
func (o *opened) Read(b []byte) (int, error) {
	n, err := o.Reader.Read(b)
	if err == io.EOF {
		if changed := o.export.same(); changed != nil {
			return n, changed
		}
	}
	return n, err
}

func (o *opened) Close() error {
	err := o.export.Close()
	if o.member != nil {
		err = errors.Join(err, o.member.Close())
	}
	return err
}

// Close returns the state of the export now.
func (s *skype) Close(ctx context.Context, c collect.Container) (string, error) {
	e, err := s.pattern.open(c.Account)
	if err != nil {
		return "", err
	}
	if e == nil {
		return "gone", nil
	}
	err = e.list(ctx)
	return e.state, errors.Join(err, e.Close())
}

// files are the members that a message's reference means.
func (x *index) files(ref string) []int { return slices.Clone(x.byID[ref]) }
