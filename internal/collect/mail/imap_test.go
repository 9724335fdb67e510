package mail_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/internal/collect"
	"github.com/vitrine-project/vitrine/internal/collect/mail"
	"github.com/vitrine-project/vitrine/internal/vitrinetest/mailserver"
	"github.com/vitrine-project/vitrine/internal/vitrinetest/signed"
)

func asIs(path string) string { return path }

// onDovecot is the source of a Dovecot with the rights of reader or writer.
func onDovecot(t testing.TB, d *mailserver.Dovecot, who string) collect.Source {
	t.Helper()
	return opened(t)(mail.IMAP{URL: "imaps://" + d.IMAPS, User: "{account}*" + who, Password: d.Password, Authority: d.Authority, Reference: "reference"}.Open("mail", asIs))
}

func crlf(b []byte) []byte {
	return bytes.ReplaceAll(bytes.ReplaceAll(b, []byte("\r\n"), []byte("\n")), []byte("\n"), []byte("\r\n"))
}

// TestIMAP collects what lies in a period from three mailboxes of an account.
func TestIMAP(t *testing.T) {
	d := mailserver.StartDovecot(t, "alice", "bob", "reference")
	from := time.Date(2020, 3, 1, 0, 0, 0, 0, time.UTC)
	want := map[string][]byte{}
	for i, at := range []time.Time{from.Add(-time.Second), from, from.Add(time.Hour), from.Add(24*time.Hour - time.Second), from.Add(24 * time.Hour)} {
		for _, folder := range []string{"INBOX", "Trash", "Work/Köln"} {
			long := strings.Repeat(fmt.Sprintf("line %d of %s\n", i, folder), 1+i*1000)
			m := []byte("From: a@example.org\nTo: alice@example.com\nDate: " + at.Format(time.RFC1123Z) + "\n\n" + long)
			d.Put(t, "alice", strings.ReplaceAll(folder, "ö", "&APY-"), at, "S", m)
			d.Put(t, "bob", "INBOX", at, "", []byte("Subject: not alice's\n\n"))
			if i > 0 && i < 4 {
				want[folder+" "+fmt.Sprint(i+1)] = crlf(m)
			}
		}
	}
	source := onDovecot(t, d, "reader")
	scope := scopeOf(t, from, from.Add(24*time.Hour), vitrine.ClockReceived)
	c, h := collected(t, mandateOn(t, scope, source), source)
	if c.Seen != 15 || c.In != 9 || c.Out != 6 || len(c.Containers) != 3 {
		t.Errorf("%+v in %d containers, want 9 of 15 in 3: %+v", c.Counts, len(c.Containers), c.Containers)
	}
	for i, it := range h.items {
		name := it.Container + " " + it.Name
		if !bytes.Equal(h.bytes[i], want[name]) {
			t.Errorf("%s: %d bytes, want %d", name, len(h.bytes[i]), len(want[name]))
		}
		if it.Received.Rule != "internaldate" || !contains(it.Flags, "imap-seen") || contains(it.Flags, "special-trash") != (it.Container == "Trash") {
			t.Errorf("%s: %+v %v", name, it.Received, it.Flags)
		}
	}
	for _, c := range c.Containers {
		if c.Before != c.After || c.Vanished != 0 || c.Arrived != 0 {
			t.Errorf("container %s: %+v", c.Name, c)
		}
	}
	if v := c.Sources[0]; v.Writes != "" || v.Shown != "MYRIGHTS of 1 mailboxes: lr (1)" {
		t.Errorf("access: %+v", v)
	}
}

func contains(list []string, s string) bool {
	for _, l := range list {
		if l == s {
			return true
		}
	}
	return false
}

// TestIMAPWritable has credentials that can write: nothing is read.
func TestIMAPWritable(t *testing.T) {
	d := mailserver.StartDovecot(t, "alice", "reference")
	source := onDovecot(t, d, "writer")
	scope := scopeOf(t, time.Unix(0, 0), time.Unix(86400, 0), vitrine.ClockReceived)
	job := collect.Job{Mandate: mandateOn(t, scope, source), Sources: []collect.Configured{{Source: source}}, Hold: &held{}, Now: func() time.Time { return signed.Now }}
	_, err := job.Run(t.Context())
	if err == nil || !strings.Contains(err.Error(), "could be written to (MYRIGHTS says") {
		t.Errorf("with credentials that can write: %v", err)
	}
	job.Sources[0].MayWrite = "a test"
	if _, err := job.Run(t.Context()); err != nil {
		t.Errorf("where it is accepted: %v", err)
	}
}

// TestIMAPUnknown asks for an account that the server does not know, and with a
// password that it does not know.
func TestIMAPUnknown(t *testing.T) {
	d := mailserver.StartDovecot(t, "alice", "reference")
	containers, err := onDovecot(t, d, "reader").Inventory(t.Context(), "nobody")
	if err != nil || len(containers) != 0 {
		t.Errorf("an unknown account: %d containers, %v", len(containers), err)
	}
	for _, a := range []vitrine.Account{"reference*reader", "a\r\nb", ""} {
		if _, err := onDovecot(t, d, "reader").Inventory(t.Context(), a); err == nil {
			t.Errorf("account %q is taken", a)
		}
	}
	_, err = onDovecot(t, d, "stranger").Inventory(t.Context(), "alice")
	if err == nil || !strings.Contains(err.Error(), "refused the login") {
		t.Errorf("a stranger: %v", err)
	}
}
