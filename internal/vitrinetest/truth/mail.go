package truth

import (
	"fmt"
	"strings"
	"time"
)

// letter writes a message in RFC 5322.
func (p *planner) letter(it Item, c content) Item {
	address := c.address
	if address == "" {
		address = "stranger@example.net"
	}
	dates := c.dates
	if dates == nil && !c.undated && !it.Received.From.IsZero() {
		dates = []time.Time{it.Received.From}
	}
	var b strings.Builder
	fmt.Fprintf(&b, "From: Somebody <%s>\nTo: %s@example.org\nMessage-ID: <%d@example.org>\nSubject: %s\n", address, it.Account, p.n, firstWords(c.text))
	for i, d := range dates {
		// Each in another zone, so that nobody can go by the day that is shown.
		zone := time.FixedZone("", []int{2, -7, 0, 9}[(p.n+i)%4]*3600)
		fmt.Fprintf(&b, "Date: %s\n", d.In(zone).Format("Mon, 02 Jan 2006 15:04:05 -0700"))
		it.Sent = append(it.Sent, At(d))
	}
	fmt.Fprintf(&b, "MIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\n\n%s\n", c.text)
	if c.quotes != nil {
		b.WriteString("\nSomebody wrote:\n> " + strings.ReplaceAll(strings.TrimSpace(string(c.quotes.Raw)), "\n", "\n> ") + "\n")
	}
	it.Raw = []byte(b.String())
	it.Fields = map[string][]string{"From": {address}, "To": {strings.ToLower(it.Account) + "@example.org"}}
	return it
}

func firstWords(text string) string {
	line, _, _ := strings.Cut(text, "\n")
	var ascii strings.Builder
	for _, r := range line {
		if r < 0x7f {
			ascii.WriteRune(r)
		}
	}
	return "about " + ascii.String()
}

// raw plants a message as it is written here, in the month.
func (p *planner) raw(label, text string, it Item) {
	it.Label, it.Raw = label, []byte(text)
	p.n++
	it.Account, it.Container, it.Category, it.Name = Asked, Main, Content, fmt.Sprintf("%03d", p.n)
	if it.Received.From.IsZero() {
		it.Received = At(second.Add(time.Duration(p.n) * time.Hour))
	}
	p.plan.Items = append(p.plan.Items, it)
}

// mail plants what only mail has.
func (p *planner) mail() {
	if p.having(Dates) {
		p.clocks()
	}
	if p.having(Correspondents) {
		p.correspondents()
	}
	if p.having(Duplicate) {
		p.raw("one Message-ID", "Message-ID: <same@example.org>\nFrom: a@example.net\n\none\n", Item{Fields: map[string][]string{"From": {"a@example.net"}}})
		p.raw("one Message-ID again", "Message-ID: <same@example.org>\nFrom: a@example.net\n\nanother\n", Item{Fields: map[string][]string{"From": {"a@example.net"}}})
	}
	if p.having(Encrypted) {
		head := "From: a@example.net\nSubject: secret\nMIME-Version: 1.0\nContent-Type: "
		p.raw("PGP", head+"multipart/encrypted; protocol=\"application/pgp-encrypted\"; boundary=b\n\n--b\nContent-Type: application/pgp-encrypted\n\nVersion: 1\n--b\nContent-Type: application/octet-stream\n\n"+
			"-----BEGIN PGP MESSAGE-----\n\nhF4DAAAAAAAAAAASAQdA\n=abcd\n-----END PGP MESSAGE-----\n--b--\n", Item{})
		p.raw("S/MIME", head+"application/pkcs7-mime; smime-type=enveloped-data; name=smime.p7m\nContent-Transfer-Encoding: base64\n\nMIAGCSqGSIb3DQEHA6CAMIACAQAxggE=\n", Item{})
	}
	p.malformed()
}

// clocks plants what is on one side by the record and on the other by a Date.
func (p *planner) clocks() {
	before, after := monthFrom.Add(-48*time.Hour), monthTo.Add(48*time.Hour)
	p.add(at("sent before, come inside", second), content{dates: []time.Time{before}})
	p.add(at("sent inside, come after", after), content{dates: []time.Time{second}})
	p.add(at("sent a second before the end", after), content{dates: []time.Time{monthTo.Add(-time.Second)}})
	p.add(at("sent at the end", second), content{dates: []time.Time{monthTo}})
	p.add(at("without a Date", second), content{undated: true})
	p.add(at("without a Date, outside", after), content{undated: true})
	p.add(at("two Dates inside", after), content{dates: []time.Time{second, second.Add(time.Hour)}})
	p.add(at("two Dates that disagree", second), content{dates: []time.Time{second, before}})
	p.add(at("a Date of 1979", second), content{dates: []time.Time{time.Date(1979, 5, 1, 9, 0, 0, 0, time.UTC)}})
	p.raw("a Date that says nothing", "From: a@example.net\nDate: yesterday\n\nno date\n", Item{Sent: []Span{{}}})
	wall := time.Date(2026, 3, 31, 23, 30, 0, 0, time.UTC) // without a zone, over the end
	p.raw("a Date without a zone", "From: a@example.net\nDate: Tue, 31 Mar 2026 23:30:00\n\nno zone\n", Item{Sent: []Span{{wall.Add(-14 * time.Hour), wall.Add(12 * time.Hour)}}})
}

// correspondents plants the one wanted in every field, and those who look
// alike.
func (p *planner) correspondents() {
	for _, f := range append([]string{"Reply-To", "X-To", "Delivered-To"}, fields...) {
		p.raw("wanted in "+f, f+": Some One <WANTED@Example.org>\nSubject: hello\n\nx "+f+"\n", Item{Fields: map[string][]string{f: {Wanted}}})
	}
	for _, a := range []string{"unwanted@example.org", "wanted@example.org.example.com", "wanted@example.com", "wanted+tag@example.org", "want.ed@example.org"} {
		p.raw("near miss "+a, "From: "+a+"\nTo: \"wanted@example.org\" <nobody@example.net>\nSubject: wanted@example.org\n\nwanted@example.org "+a+"\n", Item{Fields: map[string][]string{"From": {a}, "To": {"nobody@example.net"}}})
	}
	p.raw("nobody named", "Subject: nobody\n\nno fields\n", Item{})
	p.raw("a field that hides", "From: =?utf-8?q?wanted=40example.org?=\nTo: a@example.net\n\nhidden\n", Item{Fields: map[string][]string{"To": {"a@example.net"}}, Hidden: map[string]bool{"From": true}})
	p.raw("wanted outside", "From: wanted@example.org\n\nlate\n", Item{Received: At(monthTo), Fields: map[string][]string{"From": {Wanted}}})
	p.raw("folded and commented", "To: a@example.net,\n (a comment,\n b@example.net)\n wanted@example.org\n\nfolded\n", Item{Fields: map[string][]string{"To": {"a@example.net", Wanted}}})
}

// malformed plants what a strict reader would skip. A header that cannot be
// read whole may name anybody.
func (p *planner) malformed() {
	anybody := map[string]bool{"From": true}
	if p.having(Malformed) {
		p.raw("torn header", "From: a@example.net\nthis is no field\nSubject: torn\n\ntorn\n", Item{Hidden: anybody, Fields: map[string][]string{"From": {"a@example.net"}}})
		p.raw("header without an end", "From: a@example.net\nSubject: no blank line\n", Item{Fields: map[string][]string{"From": {"a@example.net"}}})
		p.raw("no header", "\nonly a body\n", Item{Hidden: anybody})
		p.raw("broken MIME", "From: a@example.net\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=\"\n\n--x\nContent-Transfer-Encoding: base64\n\n!!!!\n", Item{Fields: map[string][]string{"From": {"a@example.net"}}})
		p.raw("long line", "From: a@example.net\nX-Long: "+strings.Repeat("long ", 400)+"\n\nlong\n", Item{Fields: map[string][]string{"From": {"a@example.net"}}})
	}
	if p.having(NUL) {
		p.raw("NUL", "From: a@example.net\n\na\x00b\n", Item{Fields: map[string][]string{"From": {"a@example.net"}}})
	}
	if p.having(BareCR) {
		p.raw("bare CR", "From: a@example.net\n\na\rb\n", Item{Fields: map[string][]string{"From": {"a@example.net"}}})
	}
	if p.having(EightBit) {
		p.raw("8-bit header", "From: a@example.net\nSubject: Gr\xfc\xdfe\n\nlatin1 \xe4\n", Item{Fields: map[string][]string{"From": {"a@example.net"}}})
	}
	if p.having(Empty) {
		p.raw("empty", "", Item{Hidden: anybody})
	}
}
