package ledger

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"math/bits"
	"slices"
	"strconv"
)

// reports checks every report of the directory against the audited ledgers.
func (a *Audit) reports(v *Verdict) error {
	b, err := a.Fetch("reports/index.json")
	if err != nil {
		return fmt.Errorf("reports/index.json: %w", err)
	}
	names, err := readIndex(b)
	if err != nil {
		return err
	}
	told := map[rowName]bool{}
	for i, name := range names {
		r, err := a.report(v, uint64(i), name, told)
		if err != nil {
			return fmt.Errorf("report %s: %w", name, err)
		}
		v.Reports = append(v.Reports, r)
	}
	for _, check := range []func(map[rowName]bool) error{v.withdrawn, v.embargoed} {
		if err := check(told); err != nil {
			return err
		}
	}
	return v.overdue(told)
}

// embargoed checks that leaves are public once every cell of their period was
// told, where the header says so.
func (v *Verdict) embargoed(told map[rowName]bool) error {
	for i := range v.Ledgers {
		l := &v.Ledgers[i]
		for _, p := range l.Chain {
			if p.Publication == AfterEmbargo && l.Closed[p.Number] && l.allTold(p, told) {
				return fmt.Errorf("%s ledger: every cell of period %d was told, and its leaves are not public", l.Class, p.Number)
			}
		}
	}
	return nil
}

// allTold reports whether each cell of a period stands in a table that was told.
func (l *Ledger) allTold(p *Period, told map[rowName]bool) bool {
	cells := map[string]bool{}
	for _, q := range l.Chain {
		for _, t := range q.Tables {
			for _, c := range t.Cells {
				if c.Period == p.Number && told[rowName{l.Class, q.Number, t.Name}] {
					cells[c.Sheet] = true
				}
			}
		}
	}
	return len(cells) == len(p.Sheets)
}

// rowName is a table of a header.
type rowName struct {
	class  Class
	header uint64
	table  string
}

func (a *Audit) report(v *Verdict, number uint64, name string, told map[rowName]bool) (*Report, error) {
	dir := "reports/" + name + "/"
	raw, err := a.Fetch(dir + "report.json")
	if err != nil {
		return nil, fmt.Errorf("report.json: %w", err)
	}
	r, err := ParseReport(raw)
	if err != nil {
		return nil, err
	}
	if r.Statement.Name != name || r.Statement.Number != number {
		return nil, fmt.Errorf("it says that it is report %d, %s", r.Statement.Number, r.Statement.Name)
	}
	ledgers, err := v.match(r)
	if err != nil {
		return nil, err
	}
	if err := a.signed(v, r, dir, raw); err != nil {
		return nil, err
	}
	if err := a.files(r, dir); err != nil {
		return nil, err
	}
	if err := complete(r, ledgers, told); err != nil {
		return nil, err
	}
	return r, a.proofs(r, ledgers)
}

// placed is an audited ledger at the tick that a report names.
type placed struct {
	*Ledger
	period *Period
	tick   uint64
}

// match finds the audited ledgers that the report speaks of.
func (v *Verdict) match(r *Report) (map[Class]placed, error) {
	if len(r.Statement.Ledgers) == 0 || r.Statement.Ledgers[0].Class != Public {
		return nil, errors.New("its first ledger is not the public one")
	}
	found := map[Class]placed{}
	for i, s := range r.Statement.Ledgers {
		if i > 0 && (i > 1 || s.Class != Restricted) {
			return nil, errors.New("it has more ledgers than a public and a restricted one")
		}
		at := slices.IndexFunc(v.Ledgers, func(l Ledger) bool { return l.Class == s.Class })
		if at < 0 {
			return nil, fmt.Errorf("there is no %s ledger", s.Class)
		}
		l := &v.Ledgers[at]
		p, tick, err := l.Chain.TickAt(s.Size)
		if err != nil {
			return nil, err
		}
		if root, ok := l.roots[s.Size]; !ok || root != s.Root {
			return nil, fmt.Errorf("its %s ledger of %d entries is not the one that was audited: rolled back, or another view", s.Class, s.Size)
		}
		if uint64(len(s.Headers)) != p.Number+1 || s.Origin != p.Origin {
			return nil, fmt.Errorf("its %s ledger has %d headers, want %d", s.Class, len(s.Headers), p.Number+1)
		}
		for n, h := range s.Headers {
			if l.Chain[n].Hash != h {
				return nil, fmt.Errorf("its header %d of the %s ledger is another", n, s.Class)
			}
		}
		found[s.Class] = placed{l, p, tick}
	}
	return found, nil
}

// signed checks the report's note, and that the log says its digest.
func (a *Audit) signed(v *Verdict, r *Report, dir string, raw []byte) error {
	b, err := a.Fetch(dir + "report.note")
	if err != nil {
		return fmt.Errorf("report.note: %w", err)
	}
	l := v.Ledgers[0]
	head := r.Statement.Ledgers[0].Headers
	text, err := open(b, l.Chain[len(head)-1].Keys.Report)
	if err != nil {
		return fmt.Errorf("report.note: %w", err)
	}
	values, err := lines(text, "vitrine/report/v1", "name", "sha256", "version")
	if err != nil {
		return fmt.Errorf("report.note: %w", err)
	}
	version, err := strconv.Atoi(values["version"])
	if err != nil || version < 1 || text != ReportNote(r.Statement.Name, raw, version) {
		return errors.New("report.note signs other bytes than report.json has")
	}
	v.versions[sha256.Sum256(raw)] = true
	for n := version - 1; n > 0; n-- {
		if raw, err = a.earlier(r, fmt.Sprintf("%sreport-%d", dir, n), n, l.Chain[len(head)-1].Keys.Report); err != nil {
			return fmt.Errorf("version %d: %w", n, err)
		}
		v.versions[sha256.Sum256(raw)] = true
	}
	return v.noticed(r, raw)
}

// files compares each file that the report names.
func (a *Audit) files(r *Report, dir string) error {
	if !r.Words.IsZero() && !slices.Contains(r.Files, File{"words.json", r.Words}) {
		return errors.New("its words are not in words.json")
	}
	for i, f := range r.Files {
		if i > 0 && r.Files[i-1].Path >= f.Path || !fs.ValidPath(f.Path) {
			return fmt.Errorf("file %q is out of order", f.Path)
		}
		b, err := a.Fetch(dir + f.Path)
		if err != nil {
			return fmt.Errorf("file %s: %w", f.Path, err)
		}
		if sha256.Sum256(b) != [32]byte(f.SHA256) {
			return fmt.Errorf("file %s is not the one that was signed", f.Path)
		}
	}
	return nil
}

// complete checks that the report has each table whose time has come, and no
// other.
func complete(r *Report, ledgers map[Class]placed, told map[rowName]bool) error {
	at := 0
	for _, s := range r.Statement.Ledgers {
		l := ledgers[s.Class]
		for _, t := range l.Chain.Ready(l.period, l.tick, l.timeOf(l.period, l.tick)) {
			name := rowName{s.Class, t.Header, t.Name}
			if told[name] {
				continue
			}
			if at >= len(r.Statement.Tables) || rowOf(r.Statement.Tables[at]) != name {
				return fmt.Errorf("table %s of period %d (%s) is missing, or another stands in its place", t.Name, t.Header, s.Class)
			}
			told[name] = true
			at++
		}
	}
	if at < len(r.Statement.Tables) {
		return fmt.Errorf("table %s of period %d is told twice, too early, or of no header", r.Statement.Tables[at].Name, r.Statement.Tables[at].Header)
	}
	return nil
}

func rowOf(r Row) rowName { return rowName{r.Class, r.Header, r.Name} }

// proofs checks every row: its cells, its rules, and that its totals follow.
func (a *Audit) proofs(r *Report, ledgers map[Class]placed) error {
	said, err := marshal(r.Statement)
	if err != nil {
		return err
	}
	var points []point
	var limits []uint64
	for i := range r.Statement.Tables {
		row := &r.Statement.Tables[i]
		s, err := ledgers[row.Class].cellsOf(row)
		if err == nil {
			err = row.checkTotals(s, said, i, r.Signatures[i], &points, &limits)
		}
		if err != nil {
			return fmt.Errorf("table %s of period %d: %w", row.Name, row.Header, err)
		}
	}
	return a.rests(r, said, points, limits)
}

// cellsOf checks the row's cells against the header's table and the log.
func (l placed) cellsOf(row *Row) (Sheet, error) {
	all := l.Chain.Ready(l.period, l.tick, l.timeOf(l.period, l.tick))
	t := all[slices.IndexFunc(all, func(t ReadyTable) bool { return t.Name == row.Name && t.Header == row.Header })]
	opened := !t.Petition.IsZero()
	if n, said := l.notice(NoticePetition, t.Petition); opened && (!said || n.Bundle*BundleSize >= l.Chain[t.Header].Start) {
		return Sheet{}, errors.New("it opens cells by a petition of which the ledger had no notice before the header")
	}
	if len(row.Cells) != len(t.Cells) {
		return Sheet{}, fmt.Errorf("it has %d cells, its header says %d", len(row.Cells), len(t.Cells))
	}
	for i, c := range row.Cells {
		name := CellName{c.Period, c.Sheet}
		if name != t.Cells[i] {
			return Sheet{}, fmt.Errorf("cell %s of period %d is not the header's", c.Sheet, c.Period)
		}
		if l.cells[name] != c.Point {
			return Sheet{}, fmt.Errorf("the value of cell %s of period %d is not that of the log", c.Sheet, c.Period)
		}
	}
	s, _ := l.Chain.Sheet(t.Cells[0])
	if opened {
		s = s.exact()
	}
	if len(row.Fields) != len(s.Fields) {
		return s, fmt.Errorf("it has %d fields, its sheet has %d", len(row.Fields), len(s.Fields))
	}
	return s, nil
}

// checkTotals checks what the row says of each field, and how it follows.
func (row *Row) checkTotals(s Sheet, said []byte, index int, sig []byte, points *[]point, limits *[]uint64) error {
	rest := identity()
	n := 0
	for k, f := range s.Fields {
		max, err := f.Rule.allows(f, row.Fields[k])
		if err != nil {
			return err
		}
		if row.Fields[k].Total != nil {
			continue
		}
		w, err := decodePoint(row.Fields[k].Point[:])
		if err != nil {
			return fmt.Errorf("field %s: %w", f.Name, err)
		}
		n++
		*points, *limits = append(*points, *w), append(*limits, max)
		rest.add(rest, mul(powerOfTwo(s.offset(k)), w))
	}
	d, err := row.left(s)
	if err != nil {
		return err
	}
	if n > 0 {
		if len(sig) != 0 {
			return errors.New("it has a signature where its bands have proofs")
		}
		if !d.equal(rest) {
			return errors.New("its bands do not add up to its cells")
		}
		return nil
	}
	return checkExact(exactTranscript(said, index), d, sig)
}

// checkExact verifies that the prover knew ρ with d = ρ·B.
func checkExact(t *transcript, d *point, sig []byte) error {
	if len(sig) != 64 {
		return fmt.Errorf("its proof has %d bytes, not 64", len(sig))
	}
	r, err := decodePoint(sig[:32])
	if err != nil {
		return err
	}
	s, err := decodeScalar(sig[32:])
	if err != nil {
		return err
	}
	t.absorb("R", sig[:32])
	c, err := t.challenge("c")
	if err != nil {
		return err
	}
	if !mulBase(s).equal(r.add(r, mul(c, d))) {
		return errors.New("its totals are not those of its cells")
	}
	return nil
}

// rests verifies the range proofs over all points of the report.
func (a *Audit) rests(r *Report, said []byte, points []point, limits []uint64) error {
	groups := (len(points) + restGroup - 1) / restGroup
	if len(r.Proofs) != groups {
		return fmt.Errorf("it has %d range proofs, want %d", len(r.Proofs), groups)
	}
	b := newBatch(a.Rand)
	for g := range groups {
		end := min((g+1)*restGroup, len(points))
		st := rangeStatement{n: restBits, m: 1 << bits.Len(uint(end-g*restGroup-1)), points: points[g*restGroup : end]}
		for _, max := range limits[g*restGroup : end] {
			st.weights = append(st.weights, scalarsOf(stepsTo(max)))
		}
		if err := b.add(restTranscript(said, g), st, r.Proofs[g]); err != nil {
			return fmt.Errorf("range proof %d: %w", g, err)
		}
	}
	if bad, err := b.verify(); err != nil {
		return fmt.Errorf("range proof %d does not hold: a band is not that of its cells: %w", bad, err)
	}
	return nil
}

// overdue checks that each table was told by its date.
func (v *Verdict) overdue(told map[rowName]bool) error {
	for i := range v.Ledgers {
		l := &v.Ledgers[i]
		p, tick, err := l.Chain.TickAt(l.Checkpoint.Size)
		if err != nil {
			return err
		}
		now := l.timeOf(p, tick)
		for _, t := range l.Chain.Ready(p, p.Ticks, 1<<62) { // all: nor may a period that never ends hold a table back
			if t.Due < now && !told[rowName{l.Class, t.Header, t.Name}] {
				return fmt.Errorf("%s ledger: table %s of period %d was due and stands in no report", l.Class, t.Name, t.Header)
			}
		}
	}
	return nil
}
