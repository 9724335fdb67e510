package ledger

import (
	"encoding/binary"
	"sync"
)

// maxVector is the largest N of a range proof.
const maxVector = 8192

var (
	generatorG = sync.OnceValue(func() *point { return affine(hashToPoint([]byte("vitrine/v1/G"))) })
	generatorU = sync.OnceValue(func() *point { return affine(hashToPoint([]byte("vitrine/v1/U"))) })
	vectorGens generatorTable
)

// A generatorTable holds the G_i and H_i that were needed so far. They take
// time to derive, so that nobody derives more than the longest proof has.
type generatorTable struct {
	mu   sync.Mutex
	g, h generatorList
}

type generatorList struct {
	points  []point
	addends []addend
}

// first returns G_0 … G_{n-1} and H_0 … H_{n-1}. Nobody writes to them.
func (t *generatorTable) first(n int) (g, h []point) {
	a, b := t.lists(n)
	return a.points[:n:n], b.points[:n:n]
}

// addends returns them in the form that verifying needs.
func (t *generatorTable) addends(n int) (g, h []addend) {
	a, b := t.lists(n)
	return a.addends[:n:n], b.addends[:n:n]
}

func (t *generatorTable) lists(n int) (g, h generatorList) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if n > len(t.g.points) {
		t.g, t.h = t.g.extended("vitrine/v1/bp/G", n), t.h.extended("vitrine/v1/bp/H", n)
	}
	return t.g, t.h
}

// chunk is how many generators are derived in one go.
const chunk = 128

func (l generatorList) extended(label string, n int) generatorList {
	longer := generatorList{make([]point, n), make([]addend, n)}
	done := copy(longer.points, l.points)
	copy(longer.addends, l.addends)
	var wg sync.WaitGroup
	for from := done; from < n; from += chunk {
		to := min(from+chunk, n)
		wg.Go(func() { derive(longer.points[from:to], longer.addends[from:to], label, from) })
	}
	wg.Wait()
	return longer
}

func derive(points []point, sums []addend, label string, from int) {
	data := append([]byte(label), 0, 0, 0, 0)
	for i := range points {
		binary.BigEndian.PutUint32(data[len(label):], uint32(from+i))
		points[i] = *hashToPoint(data)
	}
	normalise(points)
	for i := range points {
		sums[i] = addendOf(&points[i])
	}
}
