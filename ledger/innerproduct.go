package ledger

// The inner-product argument shows its vectors to whoever looks, so that it
// may take a time that depends on them: they are l and r of a range proof,
// which the blindings s_L and s_R make independent of what is proved.

// unfolded is how many rounds multiply the generators as they are, before new
// ones are made of them.
const unfolded = 3

// proveInnerProduct proves <l, r> over G_i, y^(-i)·H_i and w·U, and returns
// L_0 ‖ R_0 ‖ … ‖ a ‖ b. It overwrites l and r.
func proveInnerProduct(t *transcript, l, r []scalar, y, w *scalar) ([]byte, error) {
	a := &argument{t: t, l: l, r: r, w: w, yInv: new(scalar).Invert(y)}
	a.g, a.h = vectorGens.first(len(l))
	a.begin()
	for len(a.l) > 1 {
		if len(a.g) == len(a.l)<<unfolded {
			a.fold()
		}
		if err := a.round(); err != nil {
			return nil, err
		}
	}
	a.proof = append(a.proof, a.l[0].Bytes()...)
	return append(a.proof, a.r[0].Bytes()...), nil
}

// An argument's current generators are sums over its tables: that of index i is
// Σ gs[k]·g[k], and Σ hs[k]·h[k], over all k ≡ i mod len(l).
type argument struct {
	t       *transcript
	l, r    []scalar
	g, h    []point
	gs, hs  []scalar
	w, yInv *scalar
	proof   []byte
}

// begin makes the current generators those of the tables, which h lacks the
// powers of 1/y of.
func (a *argument) begin() {
	a.gs, a.hs = make([]scalar, len(a.g)), make([]scalar, len(a.g))
	yi := scalarOf(1)
	for i := range a.gs {
		a.gs[i], a.hs[i] = *scalarOf(1), *yi
		yi.Multiply(yi, a.yInv)
	}
}

// round sends one L and R, and halves the vectors.
func (a *argument) round() error {
	half := len(a.l) / 2
	a.send("L", a.cross(a.l[:half], a.r[half:], true))
	a.send("R", a.cross(a.l[half:], a.r[:half], false))
	u, err := a.t.challenge("u")
	if err != nil {
		return err
	}
	v := new(scalar).Invert(u)
	for i := range half {
		a.l[i].Multiply(&a.l[i], u)
		a.l[i].MultiplyAdd(&a.l[half+i], v, &a.l[i])
		a.r[i].Multiply(&a.r[i], v)
		a.r[i].MultiplyAdd(&a.r[half+i], u, &a.r[i])
	}
	for k := range a.gs {
		if k&half == 0 {
			a.gs[k].Multiply(&a.gs[k], v)
			a.hs[k].Multiply(&a.hs[k], u)
		} else {
			a.gs[k].Multiply(&a.gs[k], u)
			a.hs[k].Multiply(&a.hs[k], v)
		}
	}
	a.l, a.r = a.l[:half], a.r[:half]
	return nil
}

// cross is <l, G_hi> + <r, H'_lo> + <l, r>·Q, or with lo and hi exchanged.
func (a *argument) cross(l, r []scalar, high bool) *point {
	half := len(l)
	s := make([]scalar, 0, len(a.g)+1)
	p := make([]addend, 0, len(a.g)+1)
	for k := range a.g {
		i := k & (half - 1)
		if (k&half != 0) == high {
			s = append(s, *new(scalar).Multiply(&a.gs[k], &l[i]))
			p = append(p, addendOf(&a.g[k]))
		} else {
			s = append(s, *new(scalar).Multiply(&a.hs[k], &r[i]))
			p = append(p, addendOf(&a.h[k]))
		}
	}
	c := inner(l, r)
	s, p = append(s, *c.Multiply(c, a.w)), append(p, addendOf(generatorU()))
	return multiScalar(terms{s, p})
}

// fold makes tables of the current generators, h again without the powers of 1/y.
func (a *argument) fold() {
	var gs, hs []scalar // what i, i + len(l), … are multiplied with, for all i
	for k := 0; k < len(a.g); k += len(a.l) {
		gs, hs = append(gs, a.gs[k]), append(hs, a.hs[k])
	}
	a.g, a.h = foldTable(a.g, gs), foldTable(a.h, hs)
	a.begin()
}

func (a *argument) send(label string, q *point) {
	b := q.Bytes()
	a.t.absorb(label, b)
	a.proof = append(a.proof, b...)
}
