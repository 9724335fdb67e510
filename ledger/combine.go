package ledger

// sums adds up the scalars of all claims: those of their own points, and those
// of the generators, which all claims share.
type sums struct {
	scalars []scalar
	g, b, u scalar
	vectors map[shape]*vectors
}

// shape is the n and m of a proof.
type shape struct{ n, m int }

func newSums() *sums { return &sums{vectors: map[shape]*vectors{}} }

// add adds f1 times equation (1) and f2 times equation (2) of the proof in c,
// or f1 times the equation that c is.
func (s *sums) add(c *claim, f1, f2 *scalar) {
	if c.proof == nil {
		for i := range c.scalars {
			s.push(new(scalar).Multiply(f1, &c.scalars[i]))
		}
		s.g.MultiplyAdd(f1, &c.g, &s.g)
		s.b.MultiplyAdd(f1, &c.b, &s.b)
		return
	}
	p := newProofScalars(c.proof)
	s.addValues(p, f1)
	s.addPoints(p, f1, f2)
	k := shape{p.n, p.m}
	if s.vectors[k] == nil {
		s.vectors[k] = newVectors(p.n, p.m)
	}
	s.vectors[k].add(p, f2)
}

func (s *sums) push(v *scalar) { s.scalars = append(s.scalars, *v) }

// addValues adds what equation (1) says of the values and of G.
func (s *sums) addValues(p *proofScalars, f *scalar) {
	total := make([]scalar, len(p.layouts)) // the sum of a layout's weights
	for i, l := range p.layouts {
		for t := range l {
			total[i].Add(&total[i], &l[t])
		}
	}
	zz := new(scalar).Multiply(&p.z, &p.z)
	// δ = (z − z²)·Σ y^i − Σ z^(3+j)·Σ w, and Σ y^i = (1 + y)·(1 + y²)·(1 + y⁴)·…
	delta := new(scalar).Subtract(&p.z, zz)
	yk, one := p.y, scalarOf(1)
	for k := 1; k < p.n*p.m; k *= 2 {
		delta.Multiply(delta, new(scalar).Add(one, &yk))
		yk.Multiply(&yk, &yk)
	}
	delta.Subtract(delta, &p.t)
	s.g.MultiplyAdd(f, delta, &s.g)
	zj := zz.Multiply(zz, f) // z^(2+j)·f
	for _, l := range p.layout {
		s.push(zj)
		zj.Multiply(zj, &p.z)
		if l >= 0 {
			s.g.Subtract(&s.g, new(scalar).Multiply(zj, &total[l]))
		}
	}
}

// addPoints adds the proof's own points, and B and U.
func (s *sums) addPoints(p *proofScalars, f1, f2 *scalar) {
	v := new(scalar)
	s.b.Subtract(&s.b, v.Multiply(f1, &p.tau))
	s.b.Subtract(&s.b, v.Multiply(f2, &p.mu))
	s.push(f2)                   // A
	s.push(v.Multiply(f2, &p.x)) // S
	s.push(v.Multiply(f1, &p.x)) // T1
	s.push(v.Multiply(v, &p.x))  // T2
	for k := range p.u {
		s.push(v.Multiply(f2, v.Multiply(&p.u[k], &p.u[k])))       // L_k
		s.push(v.Multiply(f2, v.Multiply(&p.uInv[k], &p.uInv[k]))) // R_k
	}
	v.Multiply(&p.a, &p.b)
	v.Subtract(&p.t, v)
	s.u.MultiplyAdd(f2, v.Multiply(v, &p.w), &s.u) // (t − a·b)·w
}

// total is the sum of everything, which is the identity if all claims hold.
func (s *sums) total(points []addend) *point {
	size := 0
	for _, v := range s.vectors {
		size = max(size, v.n*v.m)
	}
	g, h := make([]scalar, size), make([]scalar, size)
	for _, v := range s.vectors {
		v.addTo(g, h)
	}
	addG, addH := vectorGens.addends(size)
	return multiScalar(
		terms{s.scalars, points}, terms{g, addG}, terms{h, addH},
		terms{[]scalar{s.g, s.b, s.u}, []addend{addendOf(generatorG()), addendOf(basePoint()), addendOf(generatorU())}})
}

// proofScalars is a proof with what several of its sums need.
type proofScalars struct {
	*rangeProof
	yInv    scalar
	uInv    []scalar
	layouts [][]scalar // the different lists of weights
	layout  []int      // of each value, or -1
}

func newProofScalars(r *rangeProof) *proofScalars {
	p := &proofScalars{rangeProof: r}
	inverses := invertAll(append([]scalar{r.y}, r.u...))
	p.yInv, p.uInv = inverses[0], inverses[1:]
	type list struct {
		first *scalar
		n     int
	}
	seen := map[list]int{}
	var last list
	at := -1
	for _, w := range r.weights {
		if len(w) == 0 {
			p.layout = append(p.layout, -1)
			continue
		}
		if l := (list{&w[0], len(w)}); l != last {
			i, ok := seen[l]
			if !ok {
				i = len(p.layouts)
				p.layouts = append(p.layouts, w)
				seen[l] = i
			}
			last, at = l, i
		}
		p.layout = append(p.layout, at)
	}
	return p
}

// invertAll returns 1/s[i] with one inversion; none is zero.
func invertAll(s []scalar) []scalar {
	inverse := make([]scalar, len(s))
	acc := scalarOf(1)
	for i := range s {
		inverse[i] = *acc
		acc.Multiply(acc, &s[i])
	}
	acc.Invert(acc)
	for i := len(s) - 1; i >= 0; i-- {
		inverse[i].Multiply(&inverse[i], acc)
		acc.Multiply(acc, &s[i])
	}
	return inverse
}
