//go:build !js

package main

import (
	"context"
	"crypto/rand"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/vitrine-project/vitrine/internal/checking"
	"github.com/vitrine-project/vitrine/internal/vitrinetest/published"
	"github.com/vitrine-project/vitrine/ledger"
)

// benchmarkAudit audits the directory that variable names, which write fills
// once, and reports what one of its ticks and one of their slots cost.
func benchmarkAudit(b *testing.B, variable string, ticks int, write func(testing.TB) *published.Site) {
	dir := os.Getenv(variable)
	if dir == "" {
		b.Skipf("skipped: needs %s, a directory to keep %d ticks in; it is filled once, with a second a tick", variable, ticks)
	}
	public := filepath.Join(dir, "public")
	if _, err := os.Stat(filepath.Join(public, "site.json")); err != nil {
		write(b).Write(b, public, filepath.Join(dir, "papers"))
	}
	fetch, err := checking.Directory(context.Background(), public)
	if err != nil {
		b.Fatal(err)
	}
	before := processorTime(b)
	for b.Loop() {
		a := ledger.Audit{Fetch: fetch, Rand: rand.Reader}
		v, err := a.Run(context.Background())
		if err != nil {
			b.Fatal(err)
		}
		if n := v.Ledgers[0].Proofs; n != uint64(ticks) {
			b.Fatalf("%d proofs were checked", n)
		}
	}
	spent := processorTime(b) - before
	b.ReportMetric(float64(b.Elapsed().Milliseconds())/float64(b.N)/float64(ticks), "ms/bundle")
	b.ReportMetric(spent.Seconds()/float64(b.N), "CPU-s")
	b.ReportMetric(float64(spent.Nanoseconds())/1000/float64(b.N)/float64(ticks*ledger.Slots), "CPU-µs/slot")
}

// BenchmarkYear audits a year of daily ticks.
func BenchmarkYear(b *testing.B) { benchmarkAudit(b, "VITRINE_YEAR", 365, published.Year) }

// BenchmarkMillion audits 1,000,110 slots.
func BenchmarkMillion(b *testing.B) {
	const ticks = 3922
	benchmarkAudit(b, "VITRINE_MILLION", ticks, func(t testing.TB) *published.Site { return published.Long(t, ticks) })
}

// processorTime is what this process has used of all processors.
func processorTime(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
