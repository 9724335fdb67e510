package ledger

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// A format reads bytes and writes them again.
type format struct {
	seeds []string
	again func(b []byte) ([]byte, error)
}

// both puts a parser and its writer together.
func both[T any](parse func([]byte) (T, error), write func(T) ([]byte, error)) func([]byte) ([]byte, error) {
	return func(b []byte) ([]byte, error) {
		v, err := parse(b)
		if err != nil {
			return nil, err
		}
		out, err := write(v)
		if err != nil {
			return nil, errWrite
		}
		return out, nil
	}
}

var errWrite = fmt.Errorf("it cannot be written")

func formats(t testing.TB) map[string]format {
	good := readGood()
	w := whole().branch(t, "formats")
	var headers, openings, receipts, promises []string
	for path, b := range good {
		if strings.Contains(path, "/headers/") {
			headers = append(headers, string(b))
		}
	}
	slices.Sort(headers)
	for _, ref := range []string{"A-1", "W-1"} {
		for i, f := range w.facts[ref] {
			openings = append(openings, string(f.Marshal()))
			receipts = append(receipts, string(must(w.kept(w.public(), ref, i, i%2 == 0).Marshal())))
			promises = append(promises, string(w.promised(ref, i)))
		}
	}
	chain := w.public().chain
	return map[string]format{
		"header":  {headers, both(ParseHeader, (*Header).Marshal)},
		"opening": {openings, both(ParseOpening, func(o *Opening) ([]byte, error) { return o.Marshal(), nil })},
		"receipt": {receipts, both(ParseReceipt, (*Receipt).Marshal)},
		"promise": {promises, both(chain.OpenPromise, func(p Promise) ([]byte, error) { return p.Sign(w.promiseKey()) })},
		"report":  {[]string{string(good["reports/2026-a/report.json"]), string(good["reports/2026-b/report.json"])}, both(ParseReport, (*Report).Marshal)},
		"notices": {[]string{string(good["ledger/public/notices.json"]), "[]"}, both(ParseNotices, MarshalNotices)},
		"index":   {[]string{string(good["reports/index.json"]), "[]"}, both(readIndex, MarshalIndex)},
		"list":    {[]string{string(w.list)}, both(ParseList, (*List).Marshal)},
		"rule": {[]string{"exact", "hidden", "small:10", "band:250"}, both(func(b []byte) (Rule, error) { return ParseRule(string(b)) },
			func(r Rule) ([]byte, error) { return r.MarshalText() })},
		"key":     {[]string{chain[0].Keys.Log}, both(func(b []byte) (key, error) { return parseKey(string(b)) }, func(k key) ([]byte, error) { return []byte(vkey(k.name, k.alg, k.pub)), nil })},
		"entries": {[]string{string(good[classPath(Public, EntriesPath(0))])}, both(splitEntries, joinEntries)},
	}
}

func joinEntries(entries [][]byte) ([]byte, error) {
	var b []byte
	for _, e := range entries {
		b = append(append(b, byte(len(e)>>8), byte(len(e))), e...)
	}
	return b, nil
}

// TestFormats: what is read is written as it was, however it was changed.
func TestFormats(t *testing.T) {
	for name, f := range formats(t) {
		t.Run(name, func(t *testing.T) {
			read := 0
			for _, s := range f.seeds {
				if b, err := f.again([]byte(s)); err != nil || string(b) != s {
					t.Fatalf("%q is not read as it was written: %v", s, err)
				}
			}
			rapid.Check(t, func(r *rapid.T) {
				b := mutated(r, f.seeds)
				again, err := f.again(b)
				if err == nil {
					read++
				}
				if err == errWrite {
					r.Fatalf("%q is read, and cannot be written", b)
				}
				if err == nil && !bytes.Equal(again, b) {
					r.Fatalf("%q is read, and written as %q", b, again)
				}
			})
			t.Logf("%d were read", read)
		})
	}
}

// mutated is one of the seeds after a few changes that a writer might make.
func mutated(r *rapid.T, seeds []string) []byte {
	b := []byte(rapid.SampledFrom(seeds).Draw(r, "seed"))
	for range rapid.IntRange(1, 3).Draw(r, "changes") {
		if len(b) == 0 {
			break
		}
		at := rapid.IntRange(0, len(b)-1).Draw(r, "at")
		switch rapid.IntRange(0, 5).Draw(r, "kind") {
		case 0:
			b[at] ^= 1 << rapid.IntRange(0, 7).Draw(r, "bit")
		case 1:
			b = slices.Insert(b, at, rapid.SampledFrom([]byte(" \n\r0,\"{}[]:\x00")).Draw(r, "more"))
		case 2:
			b = slices.Delete(b, at, at+1)
		case 3: // a number that is another
			if b[at] >= '0' && b[at] <= '9' {
				b[at] = '0' + byte(rapid.IntRange(0, 9).Draw(r, "digit"))
			}
		case 4: // a part that stands twice
			end := rapid.IntRange(at, len(b)).Draw(r, "end")
			b = slices.Insert(b, at, slices.Clone(b[at:end])...)
		default:
			old := rapid.SampledFrom([]string{`"`, ":0", ":1", "[]", "true", "exact", ","}).Draw(r, "old")
			with := rapid.SampledFrom([]string{"null", ":00", ":1.0", ":1e0", "[null]", `"a"`, ":-0", " ", "{}", "band:2"}).Draw(r, "with")
			b = bytes.Replace(b, []byte(old), []byte(with), 1)
		}
	}
	return b
}

// TestCanonicalJSON goes through the rules one by one.
func TestCanonicalJSON(t *testing.T) {
	type doc struct {
		A uint64   `json:"a"`
		B string   `json:"b,omitempty"`
		C []string `json:"c"`
		D *uint64  `json:"d,omitempty"`
	}
	for _, good := range []string{
		`{"a":0,"c":[]}`, `{"a":9007199254740991,"b":" !#$%&'()*+,-./09:;<=>?@AZ[]^_` + "`" + `az{|}~","c":["",""]}`, `{"a":1,"c":["null","-1.5e3"],"d":0}`,
	} {
		var d doc
		if err := unmarshal([]byte(good), &d); err != nil {
			t.Errorf("%s: %v", good, err)
		}
	}
	for _, bad := range []string{
		``, ` `, `null`, `{}`, `[]`, `{"a":0}`, `{"c":[]}`, `{"a":0,"c":null}`, `{"a":null,"c":[]}`, `{"a":0,"c":[null]}`, `{"a":0,"c":[],"d":null}`,
		`{"a":0,"c":[]} `, ` {"a":0,"c":[]}`, `{"a":0,"c":[]}` + "\n", `{"a": 0,"c":[]}`, `{"a":0,"c":[ ]}`, `{"a":0,"c":[],}`, `{"a":0,"c":[]}{}`,
		`{"c":[],"a":0}`, `{"a":0,"a":0,"c":[]}`, `{"a":0,"b":"","c":[]}`, `{"A":0,"c":[]}`, `{"a":0,"c":[],"e":1}`, `{"a":0,"c":[],"d":0,"d":0}`,
		`{"a":00,"c":[]}`, `{"a":-0,"c":[]}`, `{"a":-1,"c":[]}`, `{"a":1.0,"c":[]}`, `{"a":1e2,"c":[]}`, `{"a":1E2,"c":[]}`, `{"a":+1,"c":[]}`, `{"a":"1","c":[]}`,
		`{"a":9007199254740992,"c":[]}`, `{"a":18446744073709551616,"c":[]}`, `{"a":99999999999999999999999,"c":[]}`,
		`{"a":0,"b":"\u0041","c":[]}`, `{"a":0,"b":"\\","c":[]}`, `{"a":0,"b":"\"","c":[]}`, `{"a":0,"b":"\n","c":[]}`, "{\"a\":0,\"b\":\"\t\",\"c\":[]}",
		"{\"a\":0,\"b\":\"é\",\"c\":[]}", "{\"a\":0,\"b\":\"\x7f\",\"c\":[]}", "{\"a\":0,\"b\":\"\xff\",\"c\":[]}", "\xef\xbb\xbf{\"a\":0,\"c\":[]}",
		`{'a':0,"c":[]}`, `{"a":true,"c":[]}`, `{"a":NaN,"c":[]}`, `{"a":0,"c":[]`, `"`, `{"a":0,"c":["]}`,
	} {
		var d doc
		if err := unmarshal([]byte(bad), &d); err == nil {
			t.Errorf("%s is read", bad)
		}
	}
	for _, v := range []any{doc{A: 1 << 53, C: []string{}}, doc{}, doc{B: "é", C: []string{}}, doc{B: `"`, C: []string{}}, doc{B: "\n", C: []string{}}, []*int{nil}} {
		if b, err := marshal(v); err == nil {
			t.Errorf("%s is written", b)
		}
	}
	if b, err := marshal(doc{B: "a<b>&c", C: []string{}}); err != nil || string(b) != `{"a":0,"b":"a<b>&c","c":[]}` {
		t.Errorf("%s, %v", b, err)
	}
}

// TestKeysAscend: the fields of whatever is written as canonical JSON stand in
// the order of their names, since the library writes them as they stand.
func TestKeysAscend(t *testing.T) {
	seen := map[reflect.Type]bool{}
	var look func(reflect.Type)
	look = func(typ reflect.Type) {
		switch typ.Kind() {
		case reflect.Pointer, reflect.Slice, reflect.Array:
			look(typ.Elem())
		case reflect.Struct:
			if seen[typ] {
				return
			}
			seen[typ] = true
			var names []string
			for i := range typ.NumField() {
				name, _, _ := strings.Cut(typ.Field(i).Tag.Get("json"), ",")
				if name == "" && !typ.Implements(reflect.TypeFor[interface{ MarshalText() ([]byte, error) }]()) {
					t.Errorf("%s.%s has no name", typ, typ.Field(i).Name)
				}
				names = append(names, name)
				look(typ.Field(i).Type)
			}
			if !slices.IsSorted(names) {
				t.Errorf("the fields of %s are %q", typ, names)
			}
		}
	}
	for _, v := range []any{Header{}, Report{}, Notice{}, List{}} {
		look(reflect.TypeOf(v))
	}
	if len(seen) < 15 {
		t.Errorf("only %d types were looked at", len(seen))
	}
}

// TestWrittenByTheLibrary compares what is written with the plain library, which
// knows nothing of canonical JSON.
func TestWrittenByTheLibrary(t *testing.T) {
	for path, b := range readGood() {
		if !strings.HasSuffix(path, ".json") {
			continue
		}
		var v any
		if err := json.Unmarshal(b, &v); err != nil {
			t.Fatal(err)
		}
		if sorted, err := json.Marshal(v); err != nil || string(bytes.ReplaceAll(sorted, []byte(`\u0026`), []byte("&"))) != string(b) { // the library sorts the keys of a map
			t.Errorf("%s is not what the library writes", path)
		}
	}
}

// TestOpeningForm: what is wrong with an opening by itself is found when it is
// read, whoever asks.
func TestOpeningForm(t *testing.T) {
	good := whole().facts["A-1"][0].Opening
	for name, words := range map[string]string{"2026-1-02": "is not YYYY-MM-DD", "2026-02-30": "is not YYYY-MM-DD", "": "is not YYYY-MM-DD", "2026-01-02 ": "is not YYYY-MM-DD", "+026-01-02": "is not YYYY-MM-DD"} {
		o := good
		o.Day = name
		_, err := ParseOpening(o.Marshal())
		refuses(t, err, words)
	}
	o := good
	o.Origin = strings.Repeat("a", maxOpening)
	_, err := ParseOpening(o.Marshal())
	refuses(t, err, "opening: ", "bytes")
	o = good
	copy(o.R[:], bytes.Repeat([]byte{0xff}, 32))
	_, err = ParseOpening(o.Marshal())
	refuses(t, err, "blinding: not a canonical scalar")
	b := good.Marshal()
	at := bytes.Index(b, []byte{0, 0, 0, 32, 0, 0, 0, 1}) // the numbers: a demand
	for _, n := range []int{0, 28, 31} {
		short := slices.Concat(b[:at], []byte{0, 0, 0, byte(n)}, b[at+4:at+4+n], b[at+36:])
		_, err := ParseOpening(short)
		refuses(t, err, "the numbers have", "not 32")
	}
}

// TestChainArithmetic: each index is one place, and each place one index.
func TestChainArithmetic(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		var c Chain
		start := uint64(0)
		for n := range rapid.IntRange(1, 4).Draw(r, "periods") {
			per := rapid.IntRange(1, 3).Draw(r, "bundles")
			first := rapid.IntRange(1, per*Slots-1).Draw(r, "slots")
			h := &Header{Number: uint64(n), Ticks: uint64(rapid.IntRange(1, 5).Draw(r, "ticks")), Delta: 10,
				Keys: Keys{Promise: []string{}}, Tables: []Table{},
				Sheets: []Sheet{{Name: "a", Fields: bandFields(10)}, {Name: "b", Fields: bandFields(10)}},
				Grid:   []Allotment{{"b", first}, {"a", per*Slots - first}}}
			p := newPeriod(h, start)
			c, start = append(c, p), p.End()
		}
		checkPlaces(r, c)
	})
}

func checkPlaces(r *rapid.T, c Chain) {
	index := uint64(0)
	expect := func(n int, want Place) {
		for slot := range BundleSize {
			want.Slot, want.Sheet = slot, ""
			if at := want.Bundle*Slots + slot; want.Tick > 0 && slot < Slots {
				if want.Sheet = "a"; at < c[n].Grid[0].Slots {
					want.Sheet = "b"
				}
			}
			p, place, err := c.At(index)
			if err != nil || p != c[n] || place != want {
				r.Fatalf("entry %d stands at %+v of period %d, want %+v: %v", index, place, p.Number, want, err)
			}
			index++
			if index == BundleSize {
				if p, tick, err := c.TickAt(index); err != nil || p != c[0] || tick != 0 {
					r.Fatalf("a tree of header 0 alone: tick %d, %v", tick, err)
				}
			} else if _, _, err := c.TickAt(index); (err == nil) != (want.Tick > 0 && slot == Slots && want.Bundle == c[n].Bundles()-1) {
				r.Fatalf("a tree of %d entries: %v", index, err)
			}
		}
	}
	for n, p := range c {
		if p.Start != index {
			r.Fatalf("period %d begins at %d, want %d", n, p.Start, index)
		}
		expect(n, Place{})
		for t := uint64(1); t <= p.Ticks; t++ {
			for b := range p.Bundles() {
				if p.First(t, b) != index {
					r.Fatalf("bundle %d of tick %d begins at %d, want %d", b, t, p.First(t, b), index)
				}
				expect(n, Place{Tick: t, Bundle: b})
			}
			if q, tick, err := c.TickAt(index); p.After(t) != index || err != nil || q != p || tick != t {
				r.Fatalf("tick %d ends at %d, want %d; the tree is at tick %d, %v", t, p.After(t), index, tick, err)
			}
		}
		if p.End() != index {
			r.Fatalf("period %d ends at %d, want %d", n, p.End(), index)
		}
	}
	if _, _, err := c.At(index); err == nil {
		r.Fatalf("entry %d stands somewhere", index)
	}
	if _, _, err := c.TickAt(index + BundleSize); err == nil {
		r.Fatalf("a tree of %d entries stands at a tick's end", index+BundleSize)
	}
}

// TestSteps: the weights make each number up to the limit, and none above.
func TestSteps(t *testing.T) {
	for max := uint64(0); max < 1100; max++ {
		steps := stepsTo(max)
		sums := map[uint64]bool{0: true}
		for _, w := range steps {
			for s := range maps.Clone(sums) {
				sums[s+w] = true
			}
		}
		if uint64(len(sums)) != max+1 || !sums[max] {
			t.Fatalf("%v make %d numbers, want those up to %d", steps, len(sums), max)
		}
	}
	if want := []uint64{1, 2, 4, 8, 16, 32, 64, 122}; !slices.Equal(stepsTo(249), want) {
		t.Errorf("up to 249: %v, the specification says %v", stepsTo(249), want)
	}
	rapid.Check(t, func(r *rapid.T) {
		max := rapid.Uint64Range(0, 1<<rapid.IntRange(1, 59).Draw(r, "bits")-1).Draw(r, "max")
		v := rapid.Uint64Range(0, max).Draw(r, "v")
		steps, sum, all := stepsTo(max), uint64(0), uint64(0)
		bits := bitsIn(steps, v)
		for i, w := range steps {
			all += w
			if bits>>i&1 == 1 {
				sum += w
			}
		}
		if sum != v || all != max || len(steps) > restBits || bits>>len(steps) != 0 {
			r.Fatalf("%d up to %d: %b of %v", v, max, bits, steps)
		}
	})
}

// TestRulesAgree: what a rule says, it allows, and nothing else of that number.
func TestRulesAgree(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		f := Field{Name: "demand", Width: rapid.IntRange(1, 24).Draw(r, "width")}
		switch f.Rule.Kind = rapid.SampledFrom([]RuleKind{Exact, Small, Band, Hidden}).Draw(r, "kind"); f.Rule.Kind {
		case Small:
			f.Rule.N = rapid.Uint32Range(2, 1<<16-1).Draw(r, "n")
		case Band:
			f.Rule.N = rapid.Uint32Range(1, 1<<27-1).Draw(r, "n")
		}
		largest := uint64(maxLeaves) * (1<<f.Width - 1) // as many as a table can hold
		v := rapid.OneOf(rapid.Uint64Range(0, largest), rapid.Uint64Range(0, min(largest, 3*uint64(f.Rule.N)+3))).Draw(r, "v")
		said, max := f.Rule.say(f, v)
		low := uint64(0)
		if said.Low != nil {
			low = *said.Low
		}
		if said.Total == nil {
			if v < low || v-low > max {
				r.Fatalf("%s says %+v of %d", f.Rule, said, v)
			}
			said.Point = new(Hash)
		} else if *said.Total != v {
			r.Fatalf("%s says %d of %d", f.Rule, *said.Total, v)
		}
		if got, err := f.Rule.allows(f, said); err != nil || got != max {
			r.Fatalf("%s says %+v of %d, and allows %d: %v", f.Rule, said, v, got, err)
		}
		for _, other := range otherTotals(said, v) {
			if _, err := f.Rule.allows(f, other); err == nil {
				r.Fatalf("%s says %+v of %d, and allows %+v too", f.Rule, said, v, other)
			}
		}
	})
}

// otherTotals are what else might be said of v, but for another number in the
// same form.
func otherTotals(said Total, v uint64) []Total {
	p := new(Hash)
	other := []Total{{Name: "account", Total: said.Total, Point: said.Point, Low: said.Low, Width: said.Width}, {Name: said.Name}}
	add := func(low, width *uint64, point *Hash, total *uint64) {
		other = append(other, Total{Name: said.Name, Low: low, Width: width, Point: point, Total: total})
	}
	if said.Total == nil {
		add(nil, nil, nil, &v)
		add(nil, nil, p, &v)
	} else {
		add(nil, nil, p, nil)
		add(nil, nil, p, &v)
		add(said.Total, said.Total, p, nil)
	}
	if said.Low != nil {
		add(nil, nil, p, nil)
		add(said.Low, nil, p, nil)
		add(nil, said.Width, p, nil)
		add(said.Low, said.Width, nil, nil)
		if *said.Width > 1 {
			add(ref(*said.Low+1), said.Width, p, nil)
			add(said.Low, ref(*said.Width-1), p, nil)
		}
		add(said.Low, ref(*said.Width+1), p, nil)
	}
	return other
}
