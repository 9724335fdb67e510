package main

import (
	"io"
	"os"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"

	"github.com/vitrine-project/vitrine/internal/collect"
	"github.com/vitrine-project/vitrine/ledger"
)

// bars draws the progress of long steps on a terminal, and nothing elsewhere.
type bars struct {
	w    io.Writer
	bar  *progressbar.ProgressBar
	what string
}

// newBars draws on w if it is a terminal.
func newBars(w io.Writer) *bars {
	f, ok := w.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return &bars{}
	}
	return &bars{w: w}
}

func (b *bars) draw(what string, done, total int64, bytes bool) {
	if b == nil || b.w == nil {
		return
	}
	if b.what != what {
		b.Finish()
		b.what = what
		b.bar = progressbar.NewOptions64(max(total, 1), progressbar.OptionSetWriter(b.w), progressbar.OptionSetDescription(what),
			progressbar.OptionShowBytes(bytes), progressbar.OptionSetWidth(30), progressbar.OptionClearOnFinish(), progressbar.OptionSetPredictTime(true))
	}
	_ = b.bar.Set64(min(done, max(total, 1))) // a bar that cannot be drawn stops no work
}

// Collecting shows how far the collection of one container is.
func (b *bars) Collecting(p collect.Progress) {
	b.draw("collecting "+p.Source+" "+p.Container, p.Done, p.Total, true)
}

// Sealing shows how many items are sealed.
func (b *bars) Sealing(done, total int64) { b.draw("sealing", done, total, false) }

// Counting shows how far a ledger is from the present.
func (b *bars) Counting(h *ledger.Header, tick uint64, now time.Time) {
	b.draw("counting", int64(tick), int64(tick)+int64(now.Sub(h.TickTime(tick))/(time.Duration(h.Delta)*time.Second)), false)
}

// Finish takes the bar away.
func (b *bars) Finish() {
	if b != nil && b.bar != nil {
		_ = b.bar.Finish()
		b.bar = nil
	}
}
