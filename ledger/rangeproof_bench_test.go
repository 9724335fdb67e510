//go:build unix

package ledger

import (
	"crypto/rand"
	"crypto/sha256"
	"syscall"
	"testing"
	"time"
)

// cpuTime is what this process has used of all processors.
func cpuTime(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func reportCPU(b *testing.B, before time.Duration, count int) {
	b.ReportMetric(float64(cpuTime(b)-before)/float64(count)/1e3, "cpu-µs/slot")
}

// benchBundle is a bundle as a tick brings it: 255 leaves of two layouts, few
// of them of real facts.
type benchBundle struct {
	st     rangeStatement
	leaves []byte // 255 of 65 bytes
	values []uint64
	blinds []scalar
	proof  []byte
}

func newBenchBundle(tb testing.TB, seed int) *benchBundle {
	const n, m, slots = 32, 256, 255
	layouts := [][]scalar{layoutWeights(1, 1, 1, 1, 1, 1, 1, 16), layoutWeights(1, 1)}
	b := &benchBundle{st: rangeStatement{n: n, m: m}, values: make([]uint64, slots)}
	for j := range slots {
		w := layouts[j*len(layouts)/slots]
		if (j+seed)%16 == 0 {
			b.values[j] = 1 << (j % 2)
		}
		r := randomScalar(rand.Reader)
		c := affine(commit(weighed(b.values[j], w), r))
		b.st.points, b.st.weights, b.blinds = append(b.st.points, *c), append(b.st.weights, w), append(b.blinds, *r)
		beta := sha256.Sum256(c.Bytes())
		b.leaves = append(append(append(b.leaves, 1), c.Bytes()...), beta[:]...)
	}
	var err error
	if b.proof, err = proveRange(b.transcript(), b.st, b.values, b.blinds, rand.Reader); err != nil {
		tb.Fatal(err)
	}
	return b
}

func (b *benchBundle) transcript() *transcript {
	t := newTranscript("vitrine/bundle/v1")
	t.absorb("leaves", b.leaves)
	return t
}

// verify does with a bundle what an audit does: decode, sum, add to the batch.
func (b *benchBundle) verify(tb testing.TB, batch *batch) {
	st := b.st
	st.points = make([]point, len(b.st.points))
	if decodePoints(st.points, func(i int) []byte { return b.leaves[65*i+1 : 65*i+33] }) >= 0 {
		tb.Fatal("a leaf is no point")
	}
	sum(st.points, identity())
	if err := batch.add(b.transcript(), st, b.proof); err != nil {
		tb.Fatal(err)
	}
}

func BenchmarkProveBundle(b *testing.B) {
	bundle := newBenchBundle(b, 0)
	before := cpuTime(b)
	for b.Loop() {
		if _, err := proveRange(bundle.transcript(), bundle.st, bundle.values, bundle.blinds, rand.Reader); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric((cpuTime(b)-before).Seconds()/float64(b.N), "cpu-s/op")
}

// BenchmarkVerifySlots is the audit's work for one slot, but for reading and
// hashing the tree.
func BenchmarkVerifySlots(b *testing.B) {
	bundles := []*benchBundle{newBenchBundle(b, 0), newBenchBundle(b, 1), newBenchBundle(b, 2)}
	batch := newBatch(rand.Reader)
	before, slots := cpuTime(b), 0
	b.ResetTimer()
	for i := 0; i < b.N; i += len(bundles[0].st.points) {
		bundles[i%len(bundles)].verify(b, batch)
		slots += len(bundles[0].st.points)
		if batch.full() || slots >= b.N {
			if _, err := batch.verify(); err != nil {
				b.Fatal(err)
			}
		}
	}
	reportCPU(b, before, slots)
}

func BenchmarkDecode(b *testing.B) {
	encoded := generatorG().Bytes()
	points := make([]point, 256)
	before, count := cpuTime(b), 0
	b.ResetTimer()
	for ; count < b.N; count += len(points) {
		if decodePoints(points, func(int) []byte { return encoded }) >= 0 {
			b.Fatal("refused")
		}
	}
	reportCPU(b, before, count)
}

func BenchmarkGenerators(b *testing.B) {
	for b.Loop() {
		var t generatorTable
		t.first(maxVector)
	}
}
