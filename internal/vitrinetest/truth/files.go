package truth

import (
	"encoding/json"
	"fmt"
	"time"
)

// file writes a file of text.
func (p *planner) file(it Item, c content) Item {
	it.Name += ".txt"
	it.Raw = []byte(c.text + "\n")
	if c.quotes != nil {
		it.Raw = append(it.Raw, c.quotes.Raw...)
	}
	return it
}

// files plants what only stores of files have.
func (p *planner) files() {
	noon := second.Add(48 * time.Hour)
	add := func(label, name string, raw []byte) {
		p.n++
		p.plan.Items = append(p.plan.Items, Item{Label: label, Account: Asked, Container: Main, Category: Content, Name: name, Raw: raw, Received: At(noon.Add(time.Duration(p.n) * time.Minute))})
	}
	add("every byte", "bytes.bin", everyByte())
	add("a name with blanks", "a name, with \"blanks\" & more.txt", []byte("blanks\n"))
	add("a hidden file", ".hidden", []byte("hidden\n"))
	add("a deep file", "a/b/c/d/e/deep.txt", []byte("deep\n"))
	add("a name that another begins with", "a.txt", []byte("a\n"))
	if p.having(Scripts) {
		add("a name in another script", "Übersicht/受信箱.txt", []byte("scripts\n"))
	}
	if p.having(Empty) {
		add("empty", "empty.txt", nil)
	}
	if p.having(Encrypted) {
		add("PGP", "secret.pgp", []byte("-----BEGIN PGP MESSAGE-----\n\nhF4DAAAAAAAAAAASAQdA\n=abcd\n-----END PGP MESSAGE-----\n"))
	}
	if p.having(Version) {
		p.versions()
	}
}

// versions plants one file that was written five times: twice before, twice in
// the month, and once after. The newest is the last.
func (p *planner) versions() {
	of := ""
	for i, t := range []time.Time{monthFrom.Add(-time.Hour), monthFrom.Add(-time.Second), monthFrom, monthTo.Add(-time.Second), monthTo} {
		label := fmt.Sprintf("version %d", i+1)
		p.plan.Items = append(p.plan.Items, Item{Label: label, Account: Asked, Container: Main, Category: Content, Name: "versions.txt", Raw: fmt.Appendf(nil, "version %d\n", i+1), Received: At(t), Of: of})
		if of == "" {
			of = label
		}
	}
}

func everyByte() []byte {
	b := make([]byte, 0, 512)
	for i := range 256 {
		b = append(b, byte(i), byte(255-i))
	}
	return b
}

// event is what a chat's item says: a text by somebody. Stores write it in
// forms of their own, so Raw is the text alone.
func (p *planner) event(it Item, c content) Item {
	it.Raw = []byte(c.text)
	if c.quotes != nil {
		it.Of = c.quotes.Label
	}
	it.Values = []Value{{"from", it.Account}, {"text", c.text}}
	return it
}

// chat plants what only chats have.
func (p *planner) chat() {
	if p.having(Edited) {
		first := p.add(at("edited later", second.Add(time.Hour)), content{text: "as it was first"})
		edit := at("edit after the period", monthTo.Add(time.Hour))
		edit.Mark, edit.Of = Edited, first.Label
		p.add(edit, content{text: "as it became"})
		old := p.add(at("written before", monthFrom.Add(-time.Hour)), content{text: "before it was edited"})
		edit = at("edit in the period", second.Add(2*time.Hour))
		edit.Mark, edit.Of = Edited, old.Label
		p.add(edit, content{text: "after it was edited"})
	}
	if p.having(Sealed) {
		p.add(Item{Label: "end-to-end encrypted", Sealed: true, Received: At(second.Add(3 * time.Hour))}, content{text: "AwgAEpABc2VhbGVk"})
		p.add(Item{Label: "end-to-end encrypted, outside", Sealed: true, Received: At(monthTo)}, content{text: "AwgAEpABb3V0c2lkZQ"})
	}
}

// records plants rows: of customers, each true for a time, and of connections,
// each made at an instant. A row is one item for each category of its columns.
func (p *planner) records() {
	for _, e := range []time.Time{monthFrom, monthTo, civilFrom, civilTo, second} {
		for _, d := range []time.Duration{-time.Second, 0, time.Second} {
			p.connection(Asked, At(e.Add(d)))
		}
	}
	names := []string{"bob", "alic", "alice2", "alice.b", "alice%", "' or ''='"}
	if p.having(Case) {
		names = append(names, "Alice", "ALICE")
	}
	for _, a := range names {
		p.connection(a, At(second))
		p.customer(a, "of "+a, Span{})
	}
	if p.having(Undated) {
		p.connection(Asked, Span{})
	}
	p.customer(Asked, "always", Span{})
	if p.having(Lasting) {
		p.customer(Asked, "until a second before", Span{To: monthFrom.Add(-time.Second)})
		p.customer(Asked, "until the first second", Span{To: monthFrom})
		p.customer(Asked, "from the last second", Span{From: monthTo.Add(-time.Second)})
		p.customer(Asked, "from the end", Span{From: monthTo})
		p.customer(Asked, "all around", Span{From: monthFrom.AddDate(-1, 0, 0), To: monthTo.AddDate(1, 0, 0)})
		p.customer(Asked, "within", Span{From: second, To: second.Add(time.Hour)})
		p.customer(Asked, `Grüße, "quoted", 受信箱; <b>\`, Span{})
	}
}

// row makes the item of one category; Raw is a JSON object of its values.
func (p *planner) row(it Item, values ...Value) {
	p.n++
	it.Label = fmt.Sprintf("%s %03d", it.Container, p.n)
	it.Values = values
	b := []byte{'{'}
	for i, v := range values {
		if i > 0 {
			b = append(b, ',')
		}
		column, _ := json.Marshal(v.Column)
		text, _ := json.Marshal(v.Text)
		b = append(append(append(b, column...), ':'), text...)
	}
	it.Raw = append(b, '}')
	p.plan.Items = append(p.plan.Items, it)
}

func (p *planner) connection(account string, made Span) {
	it := Item{Account: account, Container: "connections", Category: TrafficCat, Name: fmt.Sprintf("%d", p.n+1), Received: made}
	if p.having(Secrets) {
		it.Secret = fmt.Sprintf("session-key-%d-secret", p.n)
	}
	p.row(it, Value{"ip", fmt.Sprintf("192.0.2.%d", p.n%250)}, Value{"port", fmt.Sprintf("%d", 1024+p.n)})
}

func (p *planner) customer(account, name string, held Span) {
	it := Item{Account: account, Container: "customers", Category: Subscriber, Name: fmt.Sprintf("%d", p.n+1), Received: held, Lasting: true}
	if p.having(Secrets) {
		it.Secret = fmt.Sprintf("$2y$10$%d-secret-hash", p.n)
	}
	p.row(it, Value{"name", name}, Value{"phone", fmt.Sprintf("+49 30 %06d", p.n)})
}
