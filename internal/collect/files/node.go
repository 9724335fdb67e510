package files

import (
	"context"
	"io"
	"io/fs"
	"slices"
	"strings"
	"time"
)

// kind is what an entry of a directory is.
type kind byte

const (
	unknown kind = iota
	regular
	directory
	link
	special // FIFO, socket or device
)

// Why a single entry cannot be read.
const (
	barredLink       = "symbolic-link"
	barredSpecial    = "no-file" // FIFO, socket or device
	barredMount      = "mount-point"
	barredPermission = "no-permission"
	barredDepth      = "too-deep"
)

// facts are what a store knows of an entry. Times are zero where it does not.
type facts struct {
	kind     kind
	barred   string // why it cannot be read or entered
	size     int64
	modified time.Time // set by each write, and by whoever asks for it
	changed  time.Time // set by each change of the bytes, the name or the rights
	born     time.Time
	links    uint64
	mark     string // further record of this version: an ETag
	rule     string // by which modified was read; ruleMtime if ""
	created  time.Time
	rights   string // what the server says may be done with it
	writes   bool   // more than reading
}

// node is one entry of a directory.
type node struct {
	name   string
	inode  uint64 // 0 where the store has none
	hint   kind   // as the listing says
	*facts        // nil until it was looked at, and if it is gone
}

// folder is one directory of a store, open for reading.
type folder interface {
	// list returns the first entries whose names are not less than from, sorted
	// by name, at least span of them where there are so many; more says that
	// there are further ones.
	list(ctx context.Context, from string, span int) (nodes []node, more bool, err error)
	// look returns the entry with its facts, under its present name in the
	// directory; errGone if it has none there.
	look(ctx context.Context, n node) (node, error)
	// enter opens a directory in this one; errGone if there is none any more.
	enter(ctx context.Context, n node) (folder, error)
	io.Closer
}

// errGone says that an entry is not where it was listed.
var errGone = fs.ErrNotExist

// smallest gathers the first names of a listing that comes in any order.
type smallest struct {
	from  string
	span  int
	nodes []node
	more  bool
}

func (s *smallest) add(n node) {
	if n.name < s.from {
		return
	}
	s.nodes = append(s.nodes, n)
	if len(s.nodes) >= 2*s.span {
		s.cut()
	}
}

func (s *smallest) cut() {
	slices.SortFunc(s.nodes, func(a, b node) int { return strings.Compare(a.name, b.name) })
	s.nodes = slices.CompactFunc(s.nodes, func(a, b node) bool { return a.name == b.name })
	if len(s.nodes) > s.span {
		clear(s.nodes[s.span:]) // lets their names go
		s.nodes, s.more = s.nodes[:s.span], true
	}
}

func (s *smallest) sorted() ([]node, bool) {
	s.cut()
	return s.nodes, s.more
}
