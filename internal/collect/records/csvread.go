package records

import (
	"bufio"
	"context"
	"encoding/csv"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/internal/query"
)

// Limits of a CSV file.
const (
	maxRecord  = 16 << 20 // bytes of one record
	maxColumns = 4096
)

const byteOrderMark = "\uFEFF"

// mark is where an item stands in a CSV file.
type mark struct {
	start, end, number int64
	category           int
	digest             string // of what was read there
}

func (m mark) String() string {
	return fmt.Sprintf("%d.%d.%d.%d.%s", m.start, m.end, m.number, m.category, m.digest)
}

// parseMark is the inverse of mark.String, of a file with so many categories.
func parseMark(s string, categories int) (mark, error) {
	wrong := fmt.Errorf("position %q is none of this file", s)
	parts := strings.Split(s, ".")
	if len(parts) != 5 {
		return mark{}, wrong
	}
	var n [4]int64
	for i := range n {
		var err error
		if n[i], err = strconv.ParseInt(parts[i], 10, 64); err != nil || n[i] < 0 {
			return mark{}, wrong
		}
	}
	m := mark{n[0], n[1], n[2], int(n[3]), parts[4]}
	if _, err := hex.DecodeString(m.digest); err != nil || len(m.digest) != 16 || n[3] >= int64(categories) || m.start >= m.end || m.String() != s {
		return mark{}, wrong
	}
	return m, nil
}

// record is one record of a CSV file.
type record struct {
	start, end, number int64
	cells              []string
	header             []string
	why                string // it cannot be read; nothing of it is shown
	unended            bool   // the file ends in it, without a line's end
}

func (r record) value(column string) query.Value {
	return query.Value{Kind: query.Text, Text: r.cells[slices.Index(r.header, column)]}
}

// guarded ends a record that goes on for ever, as behind a quotation mark that
// is never closed.
type guarded struct {
	r    io.Reader
	left int64
}

var errLong = errors.New("a record is too long")

func (g *guarded) Read(b []byte) (int, error) {
	if g.left <= 0 {
		return 0, errLong
	}
	n, err := g.r.Read(b)
	g.left -= int64(n)
	return n, err
}

// reader reads records from an offset on.
type reader struct {
	*csv.Reader
	guard  *guarded
	offset int64
}

func (f csvFile) reader(file *os.File, offset int64) (*reader, error) {
	if _, err := file.Seek(offset, io.SeekStart); err != nil {
		return nil, fmt.Errorf("seek in %s: %w", f.Path, err)
	}
	r := &reader{guard: &guarded{r: file}, offset: offset}
	r.Reader = csv.NewReader(bufio.NewReaderSize(r.guard, 64<<10))
	r.Comma, r.FieldsPerRecord, r.ReuseRecord = f.comma, -1, true
	return r, nil
}

// next returns the next record's cells and where they lie.
func (r *reader) next() (cells []string, start, end int64, err error) {
	r.guard.left = maxRecord
	start = r.offset + r.InputOffset()
	cells, err = r.Read()
	return cells, start, r.offset + r.InputOffset(), err
}

// first reads the first record, and where the second begins.
func (f csvFile) first(file *os.File) (names []string, behind int64, err error) {
	mark := make([]byte, len(byteOrderMark))
	if n, _ := file.ReadAt(mark, 0); string(mark[:n]) != byteOrderMark {
		mark = nil
	}
	r, err := f.reader(file, int64(len(mark)))
	if err != nil {
		return nil, 0, err
	}
	cells, _, behind, err := r.next()
	if err != nil || len(cells) > maxColumns {
		return nil, 0, vitrine.Refusef(vitrine.Failed, "%s has no header that can be read: its first line must name the columns", f.Path)
	}
	return slices.Clone(cells), behind, nil
}

// header reads the first record, which must be as it is declared.
func (f csvFile) header(file *os.File) (names []string, behind int64, err error) {
	if names, behind, err = f.first(file); err != nil {
		return nil, 0, err
	}
	known := f.known()
	for i, name := range names {
		if !known[name] { // it is not shown: without a header it is data
			return nil, 0, vitrine.Refusef(vitrine.Failed, "%s: no declaration says what column %d of its header holds: nothing was read; add it to columns under its category, or to secret if it holds a password, a hash or a key", f.Path, i+1)
		}
	}
	return names, behind, f.agree(names, false)
}

// each calls yield for the account's records, from the one at from on, and for
// those that cannot be read, which may be anybody's.
func (f csvFile) each(ctx context.Context, file *os.File, a vitrine.Account, from mark, yield func(record) error) error {
	header, behind, err := f.header(file)
	if err != nil {
		return err
	}
	number := int64(0)
	if from.end > 0 {
		behind, number = from.start, from.number-1
	}
	r, err := f.reader(file, behind)
	if err != nil {
		return err
	}
	own := slices.Index(header, f.Account)
	for ; ; number++ {
		if err := ctx.Err(); err != nil {
			return err
		}
		cells, start, end, err := r.next()
		switch {
		case err == io.EOF:
			return nil
		case errors.Is(err, errLong):
			return vitrine.Refusef(vitrine.Failed, "%s: the record at byte %d has more than %d bytes: nothing was kept; a quotation mark may be missing there", f.Path, start, maxRecord)
		case err != nil && !parseError(err):
			return fmt.Errorf("read %s: %w", f.Path, err)
		}
		rec := record{start: start, end: end, number: number + 1, cells: cells, header: header, why: why(err, cells, len(header))}
		if f.Account != "" && rec.why == "" && cells[own] != string(a) {
			continue
		}
		rec.unended = unended(file, end)
		if err := yield(rec); err != nil {
			return err
		}
	}
}

// why says why a record cannot be read, and nothing of what is in it.
func why(err error, cells []string, columns int) string {
	var p *csv.ParseError
	switch {
	case errors.As(err, &p) && errors.Is(p.Err, csv.ErrBareQuote):
		return "a quotation mark stands in a cell that has none around it"
	case err != nil:
		return "a quotation mark is missing or too many"
	case len(cells) != columns:
		return fmt.Sprintf("it has %d cells, and the header %d", len(cells), columns)
	case slices.ContainsFunc(cells, func(c string) bool { return strings.ContainsRune(c, 0) }):
		return "it holds a NUL"
	}
	return ""
}

// unended reports whether the byte before end is the file's last and no line's
// end.
func unended(file *os.File, end int64) bool {
	var b [2]byte
	n, _ := file.ReadAt(b[:], end-1)
	return n == 1 && b[0] != '\n'
}

// parseError reports whether err is one of a record alone.
func parseError(err error) bool {
	var p *csv.ParseError
	return errors.As(err, &p)
}
