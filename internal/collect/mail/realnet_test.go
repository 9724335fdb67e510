package mail_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"io"
	"testing"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/internal/collect"
	"github.com/vitrine-project/vitrine/internal/collect/mail"
	"github.com/vitrine-project/vitrine/internal/vitrinetest/mailserver"
)

func (r realMail) dovecot(t testing.TB) *mailserver.Dovecot {
	t.Helper()
	d := mailserver.StartDovecot(t, "alice", "reference")
	for _, name := range r.names {
		d.Put(t, "alice", "INBOX", r.times[name], "S", r.bytes[name])
	}
	return d
}

// TestRealDovecot asks for a month of real mail by each clock: it is what a
// Maildir with the same messages gives, with CR LF at every line's end.
func TestRealDovecot(t *testing.T) {
	real := loadReal(t)
	d := real.dovecot(t)
	tree := real.maildir(t, t.TempDir())
	source := onDovecot(t, d, "reader")
	from, to := real.times[real.names[1000]], real.times[real.names[3000]]
	for _, clock := range []vitrine.Clock{vitrine.ClockReceived, vitrine.ClockSent} {
		want, disk := collected(t, mandateOn(t, scopeOf(t, from, to, clock), tree), tree)
		got, net := collected(t, mandateOn(t, scopeOf(t, from, to, clock), source), source)
		if got.Counts != want.Counts || len(net.items) != len(disk.items) {
			t.Errorf("by %s: %+v, from a Maildir %+v", clock, got.Counts, want.Counts)
			continue
		}
		for i := range net.items {
			if !bytes.Equal(net.bytes[i], crlf(disk.bytes[i])) || net.items[i].Reason != disk.items[i].Reason || net.items[i].Decision != disk.items[i].Decision {
				t.Errorf("by %s: item %d is %s (%s) with %d bytes, from a Maildir %s (%s) with %d", clock, i+1, net.items[i].Decision, net.items[i].Reason, len(net.bytes[i]), disk.items[i].Decision, disk.items[i].Reason, len(crlf(disk.bytes[i])))
			}
		}
	}
}

// BenchmarkIMAP collects all of 6,046 messages from Dovecot; bare is one FETCH
// of the same bytes by the same library.
func BenchmarkIMAP(b *testing.B) {
	real := loadReal(b)
	d := real.dovecot(b)
	source := onDovecot(b, d, "reader")
	scope := scopeOf(b, real.times[real.names[0]], real.times[real.names[len(real.names)-1]].AddDate(0, 0, 1), vitrine.ClockReceived)
	m := mandateOn(b, scope, source)
	b.Run("vitrine", func(b *testing.B) {
		for b.Loop() {
			if c, _ := collected(b, m, source); c.In != 6046 {
				b.Fatalf("%+v", c.Counts)
			}
		}
	})
	b.Run("bare", func(b *testing.B) {
		for b.Loop() {
			if n := bareFetch(b, d); n != 6046 {
				b.Fatal(n)
			}
		}
	})
}

func bareFetch(b *testing.B, d *mailserver.Dovecot) (n int) {
	c, err := imapclient.DialTLS(d.IMAPS, &imapclient.Options{TLSConfig: &tls.Config{InsecureSkipVerify: true}}) // only measured
	if err != nil {
		b.Fatal(err)
	}
	defer c.Close()
	if err := c.Login("alice*reader", "secret").Wait(); err != nil {
		b.Fatal(err)
	}
	if _, err := c.Select("INBOX", &imap.SelectOptions{ReadOnly: true}).Wait(); err != nil {
		b.Fatal(err)
	}
	var all imap.UIDSet
	all.AddRange(1, 0)
	cmd := c.Fetch(all, &imap.FetchOptions{UID: true, InternalDate: true, RFC822Size: true, Flags: true, BodySection: []*imap.FetchItemBodySection{{Peek: true}}})
	for m := cmd.Next(); m != nil; m = cmd.Next() {
		for it := m.Next(); it != nil; it = m.Next() {
			if s, ok := it.(imapclient.FetchItemDataBodySection); ok {
				if _, err := io.Copy(io.Discard, s.Literal); err != nil {
					b.Fatal(err)
				}
				n++
			}
		}
	}
	if err := cmd.Close(); err != nil {
		b.Fatal(err)
	}
	return n
}

// TestIMAPCertificate meets a server whose certificate nobody vouches for, and
// nothing is sent to it.
func TestIMAPCertificate(t *testing.T) {
	d := mailserver.StartDovecot(t, "alice", "reference")
	stranger := mailserver.StartDovecot(t, "alice", "reference")
	for _, c := range []mail.IMAP{{URL: "imaps://" + d.IMAPS}, {URL: "imaps://" + d.IMAPS, Authority: stranger.Authority}, {URL: "imap://" + d.IMAP, Authority: stranger.Authority}} {
		c.User, c.Password, c.Reference = "{account}*reader", d.Password, "reference"
		_, err := opened(t)(c.Open("mail", asIs)).Probe(context.Background())
		if refusal, ok := err.(*vitrine.Refusal); !ok || !bytes.Contains([]byte(refusal.Error()), []byte("not proven to be that server")) {
			t.Errorf("%s: %v", c.URL, err)
		}
	}
	starttls := mail.IMAP{URL: "imap://" + d.IMAP, Authority: d.Authority, User: "{account}*reader", Password: d.Password, Reference: "reference"}
	var source collect.Source = opened(t)(starttls.Open("mail", asIs))
	if access, err := source.Probe(t.Context()); err != nil || access.Writes != "" {
		t.Errorf("with STARTTLS: %+v, %v", access, err)
	}
}
