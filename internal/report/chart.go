package report

import "fmt"

// tenth is a length in tenths of a unit of a drawing: whole numbers, so that
// the same figures are the same drawing on every machine.
type tenth int

func units(n int) tenth { return tenth(10 * n) }

func (t tenth) String() string {
	if t%10 == 0 {
		return fmt.Sprint(int(t / 10))
	}
	return fmt.Sprintf("%d.%d", t/10, t%10)
}

// drawing is an SVG with what it says in words.
type drawing struct {
	ID          string
	Title, Desc string
	Width       tenth
	Height      tenth
	Bars        []bar
	Texts       []text
	Lines       []stroke
}

// bar is a rectangle; class b0 to b2 is a series, "range" the hatched one.
type bar struct {
	X, Y, W, H tenth
	Class      string
}

// text stands at a place; anchor is start, middle or end.
type text struct {
	X, Y          tenth
	Class, Anchor string
	Says          string
}

// stroke is an axis, or with a class a line that leads the eye.
type stroke struct {
	X1, Y1, X2, Y2 tenth
	Class          string
}

// chart is one drawing or several on one scale, with a sentence above, and the
// numbers beside it.
type chart struct {
	ID, Title, Note string
	Wide            bool
	Panels          []drawing
	Heads           []string // of the panels, if there are several
	Key             []key
	Data            grid
}

// key says what a series looks like.
type key struct{ Class, Says string }

// grid is the table beside a chart; the first cell of a row is its head.
type grid struct {
	Heads []string
	Rows  [][]string
}

// column draws a value as an upright bar on base, or as the range that it is
// in, and its label above.
func (d *drawing) column(v value, x, w, base, tall tenth, max uint64, class string) (top tenth) {
	if v.kind == hidden {
		return base
	}
	high := tenth(scaled(v.high, uint64(tall), max))
	if v.kind != exact {
		low := tenth(scaled(v.low, uint64(tall), max))
		d.Bars = append(d.Bars, bar{x, base - high, w, high - low, "range"})
		return base - high
	}
	d.Bars = append(d.Bars, bar{x, base - high, w, high, class})
	return base - high
}

func (d *drawing) say(x, y tenth, class, anchor, says string) {
	d.Texts = append(d.Texts, text{x, y, class, anchor, says})
}

// wide is about how much room a number takes.
func wide(s string) tenth { return tenth(88 * len([]rune(s))) }
