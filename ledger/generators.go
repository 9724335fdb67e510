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
	g, h []point
}

// first returns G_0 … G_{n-1} and H_0 … H_{n-1}. Nobody writes to them.
func (t *generatorTable) first(n int) (g, h []point) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if n > len(t.g) {
		t.g, t.h = extended(t.g, "vitrine/v1/bp/G", n), extended(t.h, "vitrine/v1/bp/H", n)
	}
	return t.g[:n:n], t.h[:n:n]
}

// chunk is how many generators are derived in one go.
const chunk = 128

func extended(old []point, label string, n int) []point {
	table := make([]point, n)
	done := copy(table, old)
	var wg sync.WaitGroup
	for from := done; from < n; from += chunk {
		wg.Go(func() { derive(table[from:min(from+chunk, n)], label, from) })
	}
	wg.Wait()
	return table
}

func derive(dst []point, label string, from int) {
	data := append([]byte(label), 0, 0, 0, 0)
	for i := range dst {
		binary.BigEndian.PutUint32(data[len(label):], uint32(from+i))
		dst[i] = *hashToPoint(data)
	}
	normalise(dst)
}
