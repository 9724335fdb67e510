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

	"github.com/vitrine-project/vitrine/internal/vitrinetest/published"
	"github.com/vitrine-project/vitrine/ledger"
)

// year returns a directory with a year of daily ticks, which is made once where
// VITRINE_YEAR says.
func year(t testing.TB) string {
	dir := os.Getenv("VITRINE_YEAR")
	if dir == "" {
		t.Skip("skipped: needs VITRINE_YEAR, a directory to keep a year of ticks in; it is filled once, which takes minutes")
	}
	public := filepath.Join(dir, "public")
	if _, err := os.Stat(filepath.Join(public, "reports", "index.json")); err != nil {
		published.Year(t).Write(t, public, filepath.Join(dir, "papers"))
	}
	return public
}

// BenchmarkYear audits a year of daily ticks, 366 bundles.
func BenchmarkYear(b *testing.B) {
	fetch, err := site(context.Background(), year(b))
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
		if n := v.Ledgers[0].Proofs; n != 365 {
			b.Fatalf("%d proofs were checked", n)
		}
	}
	spent := processorTime(b) - before
	b.ReportMetric(float64(b.Elapsed().Milliseconds())/float64(b.N)/366, "ms/bundle")
	b.ReportMetric(spent.Seconds()/float64(b.N), "CPU-s")
	b.ReportMetric(float64(spent.Nanoseconds())/1000/float64(b.N)/(365*ledger.Slots), "CPU-µs/slot")
}

// processorTime is what this process has used of all processors.
func processorTime(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
