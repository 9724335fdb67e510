package ledger

import "math/bits"

// vectors adds up the scalars of the G_i and H_i over many proofs of one shape.
//
// With i = j·n + t, a proof's scalar of G_i is f·(−z − a·s_i), where s_i is a
// product of a factor of j and one of t. That of H_i is
//
//	f·z + f·y^(−i)·(z^(2+j)·w_t − b/s_i) = f·z + P_j·Q_t + R_j·S_t,
//
// S being that of the value's layout. So both are sums of two products, for G_i
// those of two proofs, and half of the multiplications are saved (Winograd, 1968) by
//
//	P·Q + R·S = (P + S)·(R + Q) − P·R − S·Q,
//
// since P·R is the same for all t, and S·Q for all j of a layout.
type vectors struct {
	n, m    int
	g, h    []wide
	gJ, hJ  []wide // what is to be subtracted in all t of j
	gT      []wide // what is to be subtracted in all j of t
	gz      scalar // Σ f·z
	waiting []factors
}

// atOnce is how many proofs wait before they are added: going through all sums
// once for each proof would take longer than adding.
const atOnce = 16

// factors are those of one proof. A value without weights has no r and no layout.
type factors struct {
	gj, gt    []number // of G_i
	pj, qt, r []number // of H_i
	layouts   []layoutFactors
	layout    []int
}

// layoutFactors are the S_t of a layout and the −S_t·Q_t.
type layoutFactors struct{ s, minusSQ []number }

func newVectors(n, m int) *vectors {
	size := n * m
	return &vectors{n: n, m: m, g: make([]wide, size), h: make([]wide, size),
		gJ: make([]wide, m), hJ: make([]wide, m), gT: make([]wide, n)}
}

func (v *vectors) add(p *proofScalars, f *scalar) {
	v.gz.MultiplyAdd(f, &p.z, &v.gz)
	w := factors{layout: p.layout}
	p.factorsG(&w, f)
	p.factorsH(&w, f)
	if v.waiting = append(v.waiting, w); len(v.waiting) == atOnce {
		v.flush()
	}
}

// flush adds what waits.
func (v *vectors) flush() {
	for j := range v.m {
		g, h := v.g[j*v.n:(j+1)*v.n], v.h[j*v.n:(j+1)*v.n]
		for k := range v.waiting {
			v.waiting[k].addH(h, &v.hJ[j], j)
			if k%2 == 1 {
				v.waiting[k].addG(&v.waiting[k-1], g, &v.gJ[j], j)
			}
		}
		if k := len(v.waiting); k%2 == 1 {
			v.waiting[k-1].addAlone(g, j)
		}
	}
	for k := 1; k < len(v.waiting); k += 2 {
		for t := range v.n {
			v.gT[t].add(&v.waiting[k].gt[t], &v.waiting[k-1].gt[t], &number{})
		}
	}
	v.waiting = v.waiting[:0]
}

// addG adds the scalars of G_i of two proofs for one j.
func (w *factors) addG(o *factors, row []wide, subtract *wide, j int) {
	var none number
	subtract.add(&w.gj[j], &o.gj[j], &none)
	for t := range row {
		x, y := w.gj[j].plus(&o.gt[t]), o.gj[j].plus(&w.gt[t])
		row[t].add(&x, &y, &none)
	}
}

// addAlone adds those of one proof.
func (w *factors) addAlone(row []wide, j int) {
	for t := range row {
		row[t].add(&w.gj[j], &w.gt[t], &number{})
	}
}

// addH adds the scalars of H_i for one j.
func (w *factors) addH(row []wide, subtract *wide, j int) {
	var none number
	if j >= len(w.layout) || w.layout[j] < 0 {
		for t := range row {
			row[t].add(&w.pj[j], &w.qt[t], &none)
		}
		return
	}
	subtract.add(&w.pj[j], &w.r[j], &none)
	l := &w.layouts[w.layout[j]]
	for t := range row {
		x, y := w.pj[j].plus(&l.s[t]), w.r[j].plus(&w.qt[t])
		row[t].add(&x, &y, &l.minusSQ[t])
	}
}

// spread returns the products of all subsets of factors, times c: that of index
// k has factors[i] if bit len(factors)−1−i of k is set.
func spread(c *scalar, factors []scalar) []scalar {
	list := make([]scalar, 1<<len(factors))
	list[0] = *c
	for i := range factors {
		step := len(list) >> (i + 1) // between two that are there
		for k := 0; k < len(list); k += 2 * step {
			list[k+step].Multiply(&list[k], &factors[i])
		}
	}
	return list
}

func product(c *scalar, factors []scalar) *scalar {
	p := *c
	for i := range factors {
		p.Multiply(&p, &factors[i])
	}
	return &p
}

// split returns how many challenges j follows from; the rest make t.
func (p *proofScalars) split() int { return bits.Len(uint(p.m)) - 1 }

// factorsG are those of −a·f·s_i. A set bit of i takes u instead of 1/u, so u² more.
func (p *proofScalars) factorsG(w *factors, f *scalar) {
	squares := make([]scalar, len(p.u))
	for k := range squares {
		squares[k].Multiply(&p.u[k], &p.u[k])
	}
	c := new(scalar).Multiply(f, &p.a)
	c.Negate(c)
	k := p.split()
	w.gj = numbersOf(spread(product(c, p.uInv), squares[:k]))
	w.gt = numbersOf(spread(scalarOf(1), squares[k:]))
}

// factorsH are those of f·y^(−i)·(z^(2+j)·w_t − b/s_i).
func (p *proofScalars) factorsH(w *factors, f *scalar) {
	ratios := make([]scalar, len(p.u)) // of a set bit: y^(−2^bit)/u²
	yk := p.yInv                       // y^(−2^bit)
	for k := len(ratios) - 1; k >= 0; k-- {
		ratios[k].Multiply(&p.uInv[k], &p.uInv[k])
		ratios[k].Multiply(&ratios[k], &yk)
		yk.Multiply(&yk, &yk)
	}
	c := new(scalar).Multiply(f, &p.b)
	c.Negate(c)
	k := p.split()
	q := spread(scalarOf(1), ratios[k:])
	w.pj = numbersOf(spread(product(c, p.u), ratios[:k]))
	w.qt = numbersOf(q)
	w.layouts = p.layoutFactors(q)

	step, r := p.yInv, new(scalar).Multiply(f, &p.z) // z·y^(−n), f·z^(2+j)·y^(−j·n)
	for n := 1; n < p.n; n *= 2 {
		step.Multiply(&step, &step)
	}
	step.Multiply(&step, &p.z)
	r.Multiply(r, &p.z)
	w.r = make([]number, len(p.layout))
	for j := range w.r {
		w.r[j] = numberOf(r)
		r.Multiply(r, &step)
	}
}

func (p *proofScalars) layoutFactors(q []scalar) []layoutFactors {
	list := make([]layoutFactors, len(p.layouts))
	for i, weights := range p.layouts {
		s, minus := make([]scalar, p.n), make([]scalar, p.n)
		yt := scalarOf(1)
		for t := range weights {
			s[t].Multiply(&weights[t], yt)
			minus[t].Multiply(&s[t], &q[t])
			minus[t].Negate(&minus[t])
			yt.Multiply(yt, &p.yInv)
		}
		list[i] = layoutFactors{numbersOf(s), numbersOf(minus)}
	}
	return list
}

// addTo adds the scalars to g and h.
func (v *vectors) addTo(g, h []scalar) {
	v.flush()
	gT := make([]scalar, v.n)
	for t := range gT {
		gT[t] = *v.gT[t].scalar()
	}
	for j := range v.m {
		gj, hj := v.gJ[j].scalar(), v.hJ[j].scalar()
		gj.Add(gj, &v.gz)
		hj.Subtract(&v.gz, hj)
		for t := range v.n {
			i := j*v.n + t
			g[i].Add(&g[i], v.g[i].scalar())
			g[i].Subtract(&g[i], gj)
			g[i].Subtract(&g[i], &gT[t])
			h[i].Add(&h[i], v.h[i].scalar())
			h[i].Add(&h[i], hj)
		}
	}
}
