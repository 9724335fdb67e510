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

// overJMAP and overIMAP are sources of a Cyrus for a user's rights.
func overJMAP(t testing.TB, c *mailserver.Cyrus, who string) collect.Source {
	t.Helper()
	return opened(t)(mail.JMAP{URL: c.JMAP, User: who, Password: c.Password}.Open("jmap", asIs))
}

func overIMAP(t testing.TB, c *mailserver.Cyrus, who string) collect.Source {
	t.Helper()
	return opened(t)(mail.IMAP{URL: "imap://" + c.IMAP, User: who, Mailboxes: "Other Users/{account}", Password: c.Password, Reference: "reference"}.Open("imap", asIs))
}

// TestCyrus collects what lies in a period from three mailboxes of an account,
// over IMAP and over JMAP.
func TestCyrus(t *testing.T) {
	s := mailserver.StartCyrus(t, "alice", "bob", "reference")
	from := time.Date(2020, 3, 1, 0, 0, 0, 0, time.UTC)
	want := map[string]int{}
	for i, at := range []time.Time{from.Add(-time.Second), from, from.Add(time.Hour), from.Add(24*time.Hour - time.Second), from.Add(24 * time.Hour)} {
		for _, folder := range []string{"INBOX", "Trash", "Work"} {
			long := strings.Repeat(fmt.Sprintf("line %d of %s\n", i, folder), 1+i*1000+i/3*20000)
			m := crlf([]byte("From: a@example.org\nTo: alice@example.com\nDate: " + at.Format(time.RFC1123Z) + "\n\n" + long))
			s.Put(t, "alice", folder, at, `\Flagged`, m) // others see nothing of what is seen
			s.Put(t, "bob", "INBOX", at, "", []byte("Subject: not alice's\r\n\r\n"))
			if i > 0 && i < 4 {
				want[string(m)]++
			}
		}
	}
	for _, source := range []collect.Source{overIMAP(t, s, "reader"), overJMAP(t, s, "reader")} {
		scope := scopeOf(t, from, from.Add(24*time.Hour), vitrine.ClockReceived)
		c, h := collected(t, mandateOn(t, scope, source), source)
		if c.Seen != 15 || c.In != 9 || c.Out != 6 || len(c.Containers) != 3 {
			t.Errorf("%+v in %d containers, want 9 of 15 in 3: %+v", c.Counts, len(c.Containers), c.Containers)
		}
		got := map[string]int{}
		for i, it := range h.items {
			got[string(h.bytes[i])]++
			trash := bytes.Contains(h.bytes[i], []byte("of Trash"))
			if kind := source.Declaration().Kind; !contains(it.Flags, kind+"-flagged") || kind == "jmap" && contains(it.Flags, "special-trash") != trash {
				t.Errorf("%s %s: %v", it.Container, it.Name, it.Flags)
			}
		}
		for m, n := range want {
			if got[m] != n {
				t.Errorf("%s: message %.90q… %d times, want %d", source.Declaration().Kind, m, got[m], n)
			}
		}
		for _, c := range c.Containers {
			if c.Before != c.After || c.Vanished != 0 || c.Arrived != 0 {
				t.Errorf("container %s: %+v", c.Name, c)
			}
		}
		if c.Sources[0].Writes != "" {
			t.Errorf("access: %+v", c.Sources[0])
		}
		if list, err := source.Inventory(t.Context(), "nobody"); len(list) != 0 || err != nil {
			t.Errorf("an unknown account: %d containers, %v", len(list), err)
		}
	}
	for _, source := range []collect.Source{overIMAP(t, s, "writer"), overJMAP(t, s, "writer")} {
		scope := scopeOf(t, from, from.Add(24*time.Hour), vitrine.ClockReceived)
		job := collect.Job{Mandate: mandateOn(t, scope, source), Sources: []collect.Configured{{Source: source}}, Hold: &held{}, Now: func() time.Time { return signed.Now }}
		if _, err := job.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "could be written to") {
			t.Errorf("with credentials that can write: %v", err)
		}
		job.Sources[0].MayWrite = "a test"
		if _, err := job.Run(t.Context()); err != nil {
			t.Errorf("where it is accepted: %v", err)
		}
	}
}
