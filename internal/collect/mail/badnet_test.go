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
	"github.com/vitrine-project/vitrine/internal/vitrinetest/fileserver"
	"github.com/vitrine-project/vitrine/internal/vitrinetest/mailserver"
	"github.com/vitrine-project/vitrine/internal/vitrinetest/signed"
)

// patience is enough for a server that breaks off all the time.
var patience = []time.Duration{time.Millisecond, time.Millisecond, time.Millisecond, time.Millisecond, time.Millisecond, time.Millisecond, time.Millisecond}

// run collects a month that holds all of alice's.
func runAll(t *testing.T, source collect.Source) (vitrine.Collection, *held, error) {
	t.Helper()
	from := time.Date(2020, 3, 1, 0, 0, 0, 0, time.UTC)
	h := &held{}
	m := mandateOn(t, scopeOf(t, from, from.AddDate(0, 1, 0), vitrine.ClockReceived), source)
	c, err := collect.Job{Mandate: m, Sources: configured(source), Hold: h, Patience: patience, Now: func() time.Time { return signed.Now }}.Run(t.Context())
	return c, h, err
}

// few are messages of alice's around the sizes that matter.
func few() (list [][]byte) {
	for i, size := range []int{10, 3000, 8192, 9000, 20000, 70000, 400000} {
		head := fmt.Sprintf("From: a@example.org\r\nSubject: %d\r\n\r\n", i)
		body := strings.Repeat("0123456789abcdef 0123456789abcdef\r\n", size/35+1)
		list = append(list, []byte(head+body))
	}
	long := "From: a@example.org\r\n" + strings.Repeat("X-Long: "+strings.Repeat("x", 60)+"\r\n", 1000) + "To: b@example.org\r\n\r\nbody\r\n"
	return append(list, []byte(long))
}

// sameHeld wants the bytes of few, in any order.
func sameHeld(t *testing.T, what string, h *held) {
	t.Helper()
	want := map[string]bool{}
	for _, m := range few() {
		want[string(m)] = true
	}
	for i := range h.items {
		if !want[string(h.bytes[i])] {
			t.Errorf("%s: an item of %d bytes is none of those planted, or twice there", what, len(h.bytes[i]))
		}
		delete(want, string(h.bytes[i]))
	}
	if len(want) != 0 {
		t.Errorf("%s: %d messages are lost", what, len(want))
	}
}

// TestIMAPCut cuts every connection after so many bytes: wherever that is, the
// run gives the same, or says that the store breaks off.
func TestIMAPCut(t *testing.T) {
	d := mailserver.StartDovecot(t, "alice", "reference")
	for i, m := range few() {
		d.Put(t, "alice", "INBOX", time.Date(2020, 3, 2, i, 0, 0, 0, time.UTC), "", bytes.ReplaceAll(m, []byte("\r\n"), []byte("\n")))
	}
	p := fileserver.NewProxy(t, d.IMAPS)
	open := func() collect.Source {
		return opened(t)(mail.IMAP{URL: "imaps://" + p.Address, User: "{account}*reader", Password: d.Password, Authority: d.Authority, Reference: "reference"}.Open("mail", asIs))
	}
	whole, failed := 0, 0
	for limit := int64(500); limit < 700_000; limit = limit*4/3 + 17 {
		p.Limit.Store(limit)
		_, h, err := runAll(t, open())
		if err != nil {
			failed++
			if !strings.Contains(err.Error(), "the store broke off") {
				t.Errorf("cut after %d bytes: %v", limit, err)
			}
			continue
		}
		whole++
		sameHeld(t, fmt.Sprintf("cut after %d bytes", limit), h)
	}
	if whole < 3 || failed < 3 || p.Spoilt.Load() < 20 {
		t.Errorf("%d runs went through and %d did not, with %d connections cut: this tests too little", whole, failed, p.Spoilt.Load())
	}
}

// TestJMAPCut is the same over JMAP.
func TestJMAPCut(t *testing.T) {
	c := mailserver.StartCyrus(t, "alice")
	for i, m := range few() {
		c.Put(t, "alice", "INBOX", time.Date(2020, 3, 2, i, 0, 0, 0, time.UTC), "", m)
	}
	p := fileserver.NewProxy(t, strings.TrimSuffix(strings.TrimPrefix(c.JMAP, "http://"), "/jmap/"))
	whole, failed := 0, 0
	for limit := int64(1000); limit < 3_000_000; limit = limit*2 + 17 {
		p.Limit.Store(limit)
		source := opened(t)(mail.JMAP{URL: "http://" + p.Address + "/jmap/", User: "reader", Password: c.Password}.Open("jmap", asIs))
		_, h, err := runAll(t, source)
		if err != nil {
			failed++
			if !strings.Contains(err.Error(), "the store broke off") {
				t.Errorf("cut after %d bytes: %v", limit, err)
			}
			continue
		}
		whole++
		sameHeld(t, fmt.Sprintf("cut after %d bytes", limit), h)
	}
	if whole < 2 || failed < 2 || p.Spoilt.Load() < 20 {
		t.Errorf("%d runs went through and %d did not, with %d connections cut: this tests too little", whole, failed, p.Spoilt.Load())
	}
}
