package ledger

// sums adds up the scalars of all claims by their points: one each for the
// generators, which all claims share, and for the points of a claim.
type sums struct {
	scalars []scalar
	points  []addend
	g, b, u scalar
	gs, hs  []scalar
}

func newSums(claims []claim) *sums {
	size := 0
	for _, c := range claims {
		if c.proof != nil {
			size = max(size, c.proof.n*c.proof.m)
		}
	}
	return &sums{gs: make([]scalar, size), hs: make([]scalar, size)}
}

// add adds f1 times equation (1) and f2 times equation (2) of the proof in c,
// or f1 times the equation that c is.
func (s *sums) add(c claim, points []addend, f1, f2 *scalar) {
	s.points = append(s.points, points[c.first:c.first+c.points]...)
	if c.proof == nil {
		for i := range c.scalars {
			s.scalars = append(s.scalars, *new(scalar).Multiply(f1, &c.scalars[i]))
		}
		s.g.MultiplyAdd(f1, &c.g, &s.g)
		s.b.MultiplyAdd(f1, &c.b, &s.b)
		return
	}
	s.addPoints(c.proof, f1, f2)
	s.addVectors(c.proof, f2)
}

func (s *sums) push(v *scalar) { s.scalars = append(s.scalars, *v) }

// addPoints adds all but the G_i and H_i.
func (s *sums) addPoints(p *rangeProof, f1, f2 *scalar) {
	yes := scalarOf(1)
	zz := new(scalar).Multiply(&p.z, &p.z)
	// δ = (z − z²)·Σ y^i − Σ z^(3+j)·Σ w
	delta := new(scalar).Subtract(&p.z, zz)
	yk := p.y
	for k := 1; k < p.n*p.m; k *= 2 {
		delta.Multiply(delta, new(scalar).Add(yes, &yk))
		yk.Multiply(&yk, &yk)
	}
	zj := *zz
	for j := range p.values {
		s.push(new(scalar).Multiply(&zj, f1))
		zj.Multiply(&zj, &p.z)
		for t := range p.weights[j] {
			delta.Subtract(delta, new(scalar).Multiply(&zj, &p.weights[j][t]))
		}
	}
	s.g.MultiplyAdd(f1, delta.Subtract(delta, &p.t), &s.g)
	v := new(scalar)
	s.b.Subtract(&s.b, v.Multiply(f1, &p.tau))
	s.b.Subtract(&s.b, v.Multiply(f2, &p.mu))

	s.push(f2)
	s.push(new(scalar).Multiply(f2, &p.x))
	s.push(v.Multiply(f1, &p.x))
	s.push(v.Multiply(v, &p.x))
	for k := range p.u {
		s.push(v.Multiply(f2, v.Multiply(&p.u[k], &p.u[k])))
		v.Invert(&p.u[k])
		s.push(v.Multiply(f2, v.Multiply(v, v)))
	}
	// t·w − a·b·w
	v.Multiply(&p.a, &p.b)
	v.Subtract(&p.t, v)
	s.u.MultiplyAdd(f2, v.Multiply(v, &p.w), &s.u)
}

func (s *sums) addVectors(p *rangeProof, f2 *scalar) {
	size := p.n * p.m
	rounds := len(p.u)
	yInv := new(scalar).Invert(&p.y)
	yi := scalarOf(1)
	zj := *new(scalar).Multiply(&p.z, f2)
	fz := new(scalar).Multiply(&p.z, f2)
	inv := make([]scalar, rounds)
	for k := range inv {
		inv[k].Invert(&p.u[k])
	}
	for i := range size {
		if i%p.n == 0 {
			zj.Multiply(&zj, &p.z)
		}
		sp, sn := scalarOf(1), scalarOf(1)
		for k := range p.u {
			if i>>(rounds-1-k)&1 == 1 {
				sp.Multiply(sp, &p.u[k])
				sn.Multiply(sn, &inv[k])
			} else {
				sn.Multiply(sn, &p.u[k])
				sp.Multiply(sp, &inv[k])
			}
		}
		v := new(scalar).Multiply(sp, &p.a)
		v.Add(v, &p.z)
		v.Multiply(v, f2)
		s.gs[i].Subtract(&s.gs[i], v)

		h := new(scalar)
		if j := i / p.n; j < p.values && i%p.n < len(p.weights[j]) {
			h.Multiply(&zj, &p.weights[j][i%p.n])
		}
		v.Multiply(sn, &p.b)
		v.Multiply(v, f2)
		h.Subtract(h, v)
		h.Multiply(h, yi)
		h.Add(h, fz)
		s.hs[i].Add(&s.hs[i], h)
		yi.Multiply(yi, yInv)
	}
}

// total is the sum of everything, which is the identity if all claims hold.
func (s *sums) total() *point {
	g, h := vectorGens.first(len(s.gs))
	s.scalars = append(s.scalars, s.gs...)
	s.scalars = append(s.scalars, s.hs...)
	s.scalars = append(s.scalars, s.g, s.b, s.u)
	s.points = append(s.points, addends(g)...)
	s.points = append(s.points, addends(h)...)
	s.points = append(s.points, addendOf(generatorG()), addendOf(basePoint()), addendOf(generatorU()))
	return multiScalar(s.scalars, s.points)
}
