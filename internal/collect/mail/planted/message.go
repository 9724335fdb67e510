package planted

import (
	"fmt"
	"strings"
	"time"

	"pgregory.net/rapid"
)

// Wanted and others are the addresses of planted messages. The last of the
// others look like the wanted one and are not.
const Wanted = "wanted@example.org"

var others = []string{"bob@example.org", "carol@example.com", "list-owner@lists.example.net", "wanted@example.org.example.com", "unwanted@example.org", "wanted@example.com"}

var addressFields = []string{"From", "Sender", "To", "Cc", "Bcc", "Resent-From", "Resent-To", "Resent-Cc"}

// spelling is one way to write an address, and what a reader makes of it.
type spelling struct {
	format string // %s is the address, %l its local part, %d its domain
	has    bool   // the field has the address
	hides  bool   // it may have one that cannot be read
}

var spellings = []spelling{
	{"%s", true, false}, {"<%s>", true, false}, {"Some One <%s>", true, false}, {`"One, Some" <%s>`, true, false},
	{"%s (Some One)", true, false}, {"=?utf-8?q?S=C3=B6me_One?= <%s>", true, false}, {"Some One\n <%s>", true, false},
	{`"%l"@%d`, true, false}, {"%l@ %d", true, false}, {"friends: %s, x@example.net;", true, false},
	{"(a (nested) comment) %s", true, false}, {`"%s" <nobody@example.net>`, false, false}, {"%s.evil.example <nobody@example.net>", false, false},
	{"undisclosed-recipients:;", false, false}, {"nobody@example.net (for %s)", false, false},
	{"=?utf-8?q?%l=40%d?=", false, true}, {"Some One %s <", false, true}, {"the usual suspects", false, true}, {`"unclosed <%s>`, false, true},
}

// addresses writes one address field for an address and notes in m what it
// has.
func (m *Message) addresses(t *rapid.T, field, address string) string {
	s := rapid.SampledFrom(spellings).Draw(t, "spelling")
	local, domain, _ := strings.Cut(address, "@")
	body := strings.NewReplacer("%s", address, "%l", local, "%d", domain).Replace(s.format)
	if rapid.Bool().Draw(t, "upper") {
		body = strings.ToUpper(body)
	}
	if s.has {
		m.Fields[field] = append(m.Fields[field], address)
	}
	if s.hides {
		m.Hidden[field] = true
	}
	return header(rapid.SampledFrom([]string{field, strings.ToLower(field), strings.ToUpper(field)}).Draw(t, "case"), body)
}

// Draw makes a message whose times lie around the edges.
func Draw(t *rapid.T, edges []time.Time) Message {
	m := Message{Received: Instant(t, edges), Fields: map[string][]string{}, Hidden: map[string]bool{}}
	lines := []string{header("Subject", "planted"), header("X-Not-A-Date", "Date: Mon, 02 Jan 2006 15:04:05 +0000"), header("Reply-To", Wanted)}
	for range rapid.SampledFrom([]int{1, 1, 1, 1, 1, 0, 2}).Draw(t, "dates") {
		body, span := Date(t, Instant(t, edges))
		lines, m.Sent = append(lines, header("Date", body)), append(m.Sent, span)
	}
	for range rapid.IntRange(1, 3).Draw(t, "fields") {
		address := rapid.SampledFrom(append([]string{Wanted, Wanted}, others...)).Draw(t, "address")
		lines = append(lines, m.addresses(t, rapid.SampledFrom(addressFields).Draw(t, "field"), address))
	}
	lines = rapid.Permutation(lines).Draw(t, "order")
	// Dates keep no order of their own: what they say together does not depend on it.
	text := strings.Join(lines, "") + "\n" + body(t)
	if rapid.IntRange(0, 4).Draw(t, "crlf") == 0 {
		text = crlf(text)
	}
	m.Raw = []byte(text)
	return m
}

// body has what mailboxes stumble over.
func body(t *rapid.T) string {
	parts := []string{"plain text\n", "From the beginning\n", ">From a reply\n", ">>From deeper\n", "\n", "\n\n", "From: not a header\n", "Date: Thu, 22 Aug 2002 00:00:00 +0000\n",
		"> From elsewhere\n", "x From y\n", "From\n", "\x00\xff\n", "From me@example.org Thu Aug 22 12:36:23 2002\n", strings.Repeat("=", 200) + "\n"}
	var b strings.Builder
	for range rapid.IntRange(0, 6).Draw(t, "lines") {
		b.WriteString(rapid.SampledFrom(parts).Draw(t, "line"))
	}
	fmt.Fprintf(&b, "end %d\n", rapid.IntRange(0, 1e6).Draw(t, "nonce"))
	return b.String()
}
