package ledger

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"strconv"

	"golang.org/x/mod/sumdb/tlog"
)

// Site is a published directory to which papers are compared: what its
// checkpoints, headers and hash tiles show. It is no audit: the totals of its
// reports are read, not proved.
type Site struct {
	// Now is the reader's clock. Where nobody watches a ledger, its newest tick may
	// be public before its time, and nothing is missing before now. 0 if the reader
	// has no clock.
	Now uint64

	fetch   Fetch
	views   map[Class]*View
	reports []*Report
}

// NewSite returns the directory that fetch reads.
func NewSite(fetch Fetch) *Site { return &Site{fetch: fetch, views: map[Class]*View{}} }

// View is one log of a site under its newest checkpoint.
type View struct {
	Chain      Chain
	Checkpoint Checkpoint
	site       *Site
	reader     *reader
	tree       tlog.HashReader
}

// View opens the log of a class: its newest checkpoint must be cosigned, and its
// headers must follow one another.
func (s *Site) View(class Class) (*View, error) {
	if v := s.views[class]; v != nil {
		return v, nil
	}
	r := &reader{fetch: s.fetch, class: class}
	chain, cp, err := r.checkpoint("checkpoint")
	if err != nil {
		return nil, err
	}
	cache := &tileCache{r.get, map[tlog.Tile][]byte{}}
	v := &View{chain, cp, s, r, tlog.TileHashReader(tlog.Tree{N: int64(cp.Size), Hash: tlog.Hash(cp.Root)}, cache)}
	s.views[class] = v
	return v, nil
}

// tileCache keeps the tiles of higher levels, which every look at the tree
// takes.
type tileCache struct {
	tileReader
	kept map[tlog.Tile][]byte
}

func (c *tileCache) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	data := make([][]byte, len(tiles))
	var missing []tlog.Tile
	for i, t := range tiles {
		if data[i] = c.kept[t]; data[i] == nil {
			missing = append(missing, t)
		}
	}
	read, err := c.tileReader.ReadTiles(missing)
	if err != nil {
		return nil, err
	}
	for i := range data {
		if data[i] == nil {
			data[i], read = read[0], read[1:]
		}
	}
	return data, nil
}

// SaveTiles is told which tiles are those of the tree.
func (c *tileCache) SaveTiles(tiles []tlog.Tile, data [][]byte) {
	for i, t := range tiles {
		if t.L > 0 {
			c.kept[t] = data[i]
		}
	}
}

// through is the time up to which the log is public: that of its newest
// checkpoint, or, where nobody watches, of its newest tick.
func (v *View) through() uint64 {
	if t, ok := v.Checkpoint.Time(); ok {
		return t
	}
	p, tick, err := v.Chain.TickAt(v.Checkpoint.Size)
	if err != nil {
		return 0
	}
	at := uint64(p.TickTime(tick).Unix())
	if v.site.Now > 0 {
		at = min(at, v.site.Now)
	}
	return at
}

// RootAt is the root of the log's tree when it had a size, read from its hash
// tiles.
func (v *View) RootAt(size uint64) (Hash, error) {
	if size > v.Checkpoint.Size {
		return Hash{}, fmt.Errorf("the log has %d entries, not yet %d", v.Checkpoint.Size, size)
	}
	h, err := tlog.TreeHash(int64(size), v.tree)
	if err != nil {
		return Hash{}, fmt.Errorf("read hash tiles: %w", err)
	}
	return Hash(h), nil
}

// announced returns the chain with the headers that are public before their
// first tick.
func (v *View) announced() (Chain, error) {
	c := v.Chain
	for {
		b, err := v.reader.get("headers/" + strconv.Itoa(len(c)) + ".json")
		if errors.Is(err, fs.ErrNotExist) {
			return c, nil
		}
		if err != nil {
			return nil, err
		}
		h, err := ParseHeader(b)
		if err != nil {
			return nil, err
		}
		if c, err = c.With(h); err != nil {
			return nil, err
		}
	}
}

// seen is when a quorum had seen the tick that brought an entry; where nobody
// watches, when the tick was to be published, whenever the reader looks.
func (v *View) seen(p *Period, index uint64) (uint64, error) {
	_, place, err := v.Chain.At(index)
	if err != nil {
		return 0, err
	}
	size := p.After(place.Tick)
	path := "checkpoints/" + strconv.FormatUint(size, 10)
	b, err := v.reader.get(path)
	if err != nil {
		return 0, err
	}
	cp, err := p.OpenCheckpoint(b)
	if err != nil {
		return 0, fmt.Errorf("%s: %w", path, err)
	}
	root, err := v.RootAt(size)
	if err != nil {
		return 0, err
	}
	if cp.Size != size || cp.Root != root {
		return 0, fmt.Errorf("%s is that of another tree", path)
	}
	if t, ok := cp.Time(); ok {
		return t, nil
	}
	return uint64(p.TickTime(place.Tick).Unix()), nil
}

// Reports reads the site's reports, oldest first: each is signed, and speaks of
// the logs that are here.
func (s *Site) Reports() ([]*Report, error) {
	if s.reports != nil {
		return s.reports, nil
	}
	b, err := s.fetch("reports/index.json")
	if err != nil {
		return nil, fmt.Errorf("reports/index.json: %w", err)
	}
	names, err := readIndex(b)
	if err != nil {
		return nil, err
	}
	list := []*Report{}
	for _, name := range names {
		r, err := s.report(name)
		if err != nil {
			return nil, fmt.Errorf("report %s: %w", name, err)
		}
		list = append(list, r)
	}
	s.reports = list
	return list, nil
}

func (s *Site) report(name string) (*Report, error) {
	raw, err := s.fetch("reports/" + name + "/report.json")
	if err != nil {
		return nil, fmt.Errorf("report.json: %w", err)
	}
	r, err := ParseReport(raw)
	if err != nil {
		return nil, err
	}
	if r.Statement.Name != name || len(r.Statement.Ledgers) == 0 || r.Statement.Ledgers[0].Class != Public {
		return nil, fmt.Errorf("it is that of %s, or not of a public ledger", r.Statement.Name)
	}
	for _, state := range r.Statement.Ledgers {
		if err := s.holds(state); err != nil {
			return nil, err
		}
	}
	note, err := s.fetch("reports/" + name + "/report.note")
	if err != nil {
		return nil, fmt.Errorf("report.note: %w", err)
	}
	first := r.Statement.Ledgers[0]
	text, err := open(note, s.views[Public].Chain[len(first.Headers)-1].Keys.Report)
	if err != nil {
		return nil, fmt.Errorf("report.note: %w", err)
	}
	values, err := lines(text, "vitrine/report/v1", "name", "sha256", "version")
	if err != nil {
		return nil, fmt.Errorf("report.note: %w", err)
	}
	if values["name"] != name || values["sha256"] != Hash(sha256.Sum256(raw)).String() {
		return nil, errors.New("report.note signs other bytes than report.json has")
	}
	return r, nil
}

// holds compares the log that a report speaks of with the one that is here.
func (s *Site) holds(state State) error {
	v, err := s.View(state.Class)
	if err != nil {
		return err
	}
	root, err := v.RootAt(state.Size)
	if err != nil {
		return err
	}
	if root != state.Root {
		return fmt.Errorf("its %s ledger of %d entries is another than the one here", state.Class, state.Size)
	}
	if len(state.Headers) == 0 || len(state.Headers) > len(v.Chain) {
		return fmt.Errorf("it names %d headers, the %s ledger has %d", len(state.Headers), state.Class, len(v.Chain))
	}
	for n, h := range state.Headers {
		if v.Chain[n].Hash != h {
			return fmt.Errorf("its header %d of the %s ledger is another", n, state.Class)
		}
	}
	return nil
}
