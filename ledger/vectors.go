package ledger

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
	waiting *outer // the proof whose G_i wait for those of the next
}

// outer is a product for each pair of j and t.
type outer struct{ j, t []number }

func newVectors(n, m int) *vectors {
	size := n * m
	return &vectors{n: n, m: m, g: make([]wide, size), h: make([]wide, size),
		gJ: make([]wide, m), hJ: make([]wide, m), gT: make([]wide, n)}
}

func (v *vectors) add(p *proofScalars, f *scalar) {
	v.gz.MultiplyAdd(f, &p.z, &v.gz)
	v.addG(p, f)
	v.addH(p, f)
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

// split returns the number of challenges that the index j follows from; the rest make t.
func (p *proofScalars) split() int {
	k := 0
	for 1<<k < p.m {
		k++
	}
	return k
}

// addG adds −a·f·s_i. A set bit of i takes u instead of 1/u, so u² more.
func (v *vectors) addG(p *proofScalars, f *scalar) {
	squares := make([]scalar, len(p.u))
	for k := range squares {
		squares[k].Multiply(&p.u[k], &p.u[k])
	}
	c := new(scalar).Multiply(f, &p.a)
	c.Negate(c)
	k := p.split()
	o := &outer{
		numbersOf(spread(product(c, p.uInv), squares[:k])),
		numbersOf(spread(scalarOf(1), squares[k:])),
	}
	if v.waiting == nil {
		v.waiting = o
		return
	}
	w := v.waiting
	v.waiting = nil
	var none number
	for j := range v.m {
		v.gJ[j].add(&w.j[j], &o.j[j], &none)
		row := v.g[j*v.n : (j+1)*v.n]
		for t := range row {
			x, y := w.j[j].plus(&o.t[t]), o.j[j].plus(&w.t[t])
			row[t].add(&x, &y, &none)
		}
	}
	for t := range v.n {
		v.gT[t].add(&w.t[t], &o.t[t], &none)
	}
}

// addH adds f·y^(−i)·(z^(2+j)·w_t − b/s_i).
func (v *vectors) addH(p *proofScalars, f *scalar) {
	ratios := make([]scalar, len(p.u)) // of a set bit: y^(−2^bit)/u²
	yk := p.yInv
	var yn scalar // y^(−n)
	if p.n == 1 {
		yn = yk
	}
	for k := len(ratios) - 1; k >= 0; k-- {
		ratios[k].Multiply(&p.uInv[k], &p.uInv[k])
		ratios[k].Multiply(&ratios[k], &yk)
		yk.Multiply(&yk, &yk)
		if len(ratios)-k == len(p.u)-p.split() {
			yn = yk
		}
	}
	c := new(scalar).Multiply(f, &p.b)
	c.Negate(c)
	k := p.split()
	ps, q := spread(product(c, p.u), ratios[:k]), spread(scalarOf(1), ratios[k:])
	pj, qt := numbersOf(ps), numbersOf(q)
	layouts := p.layoutFactors(q)

	rj := new(scalar).Multiply(f, &p.z)
	rj.Multiply(rj, &p.z)
	step := new(scalar).Multiply(&p.z, &yn)
	var none number
	for j := range v.m {
		row := v.h[j*v.n : (j+1)*v.n]
		if j >= len(p.layout) || p.layout[j] < 0 {
			for t := range row {
				row[t].add(&pj[j], &qt[t], &none)
			}
		} else {
			r := numberOf(rj)
			v.hJ[j].add(&pj[j], &r, &none)
			l := &layouts[p.layout[j]]
			for t := range row {
				x, y := pj[j].plus(&l.s[t]), r.plus(&qt[t])
				row[t].add(&x, &y, &l.minusSQ[t])
			}
		}
		rj.Multiply(rj, step)
	}
}

// layoutFactors are the S_t of a layout and the −S_t·Q_t.
type layoutFactors struct{ s, minusSQ []number }

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
	if w := v.waiting; w != nil {
		var none number
		for i := range v.g {
			v.g[i].add(&w.j[i/v.n], &w.t[i%v.n], &none)
		}
		v.waiting = nil
	}
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
