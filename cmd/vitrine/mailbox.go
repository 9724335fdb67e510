package main

import (
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// letterOf is one made-up message of the demo.
type letterOf struct {
	from, to, subject, body string
	at                      time.Time
	attachment              string
}

func (l letterOf) bytes(n int) string {
	var b strings.Builder
	fmt.Fprintf(&b, "Message-ID: <%d.%d@glass.example>\nDate: %s\nFrom: %s\nTo: %s\nSubject: %s\nMIME-Version: 1.0\n",
		n, l.at.Unix(), l.at.Format(time.RFC1123Z), l.from, l.to, l.subject)
	if l.attachment == "" {
		fmt.Fprintf(&b, "Content-Type: text/plain; charset=utf-8\n\n%s\n", l.body)
		return b.String()
	}
	fmt.Fprintf(&b, "Content-Type: multipart/mixed; boundary=\"edge\"\n\n--edge\nContent-Type: text/plain; charset=utf-8\n\n%s\n", l.body)
	fmt.Fprintf(&b, "--edge\nContent-Type: application/octet-stream\nContent-Disposition: attachment; filename=%q\nContent-Transfer-Encoding: base64\n\n%s\n--edge--\n",
		l.attachment, base64.StdEncoding.EncodeToString([]byte(strings.Repeat(l.body, 8))))
	return b.String()
}

var demoUsers = []string{"alice", "bob", "carol"}

var demoSubjects = []string{
	"Minutes of Tuesday", "Invoice 4471", "The lake house", "Re: the lake house", "Your parcel is on its way", "Rehearsal moved to Friday",
	"Grüße aus Lübeck", "Le devis, corrigé", "Photos", "Re: Photos", "Lunch?", "The keys",
}

// writeMail writes three users' Maildirs over three months around month, with
// mail on its very first and last second and just outside, and a small mbox
// that alice brought from an older system, whose dates have no zone.
func writeMail(provider string, month time.Time) error {
	end := month.AddDate(0, 1, 0)
	for i, user := range demoUsers {
		var letters []letterOf
		for n := range 24 {
			at := month.AddDate(0, -1, 0).Add(time.Duration(n)*91*time.Hour + time.Duration(i*17+n)*time.Minute)
			letters = append(letters, writtenBy(user, n+i, at))
		}
		for _, at := range []time.Time{month.Add(-time.Second), month, end.Add(-time.Second), end} {
			letters = append(letters, writtenBy(user, len(letters), at))
		}
		if err := writeMaildir(filepath.Join(provider, "mail", user), letters); err != nil {
			return err
		}
	}
	return writeArchive(filepath.Join(provider, "archive"), month)
}

// writeDora writes the mail that earlier demands are about.
func writeDora(provider string, month time.Time) error {
	var letters []letterOf
	for n := range 6 {
		letters = append(letters, writtenBy("dora", n, month.AddDate(0, 0, 3*n+1)))
	}
	return writeMaildir(filepath.Join(provider, "old", "dora"), letters)
}

func writtenBy(user string, n int, at time.Time) letterOf {
	other := demoUsers[(n+1)%len(demoUsers)]
	if other == user {
		other = "shop"
	}
	l := letterOf{from: other + "@glass.example", to: user + "@glass.example", subject: demoSubjects[n%len(demoSubjects)],
		body: fmt.Sprintf("Dear %s,\n\nthis is message %d, about %q.\n\n%s", user, n, demoSubjects[n%len(demoSubjects)], other), at: at}
	if n%7 == 3 {
		l.attachment = "plan.pdf"
	}
	return l
}

func writeMaildir(dir string, letters []letterOf) error {
	for _, sub := range []string{"cur", "new", "tmp", ".Sent/cur", ".Sent/new", ".Sent/tmp"} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o700); err != nil {
			return fmt.Errorf("make Maildir: %w", err)
		}
	}
	for n, l := range letters {
		folder := [...]string{"cur", "new", ".Sent/cur"}[n%3]
		name := fmt.Sprintf("%d.M%dP1.glass", l.at.Unix(), n)
		if folder != "new" {
			name += ":2,S"
		}
		if err := writeNew(filepath.Join(dir, folder, name), l.bytes(n)); err != nil {
			return err
		}
	}
	return nil
}

// writeArchive writes an mbox with one message clearly in the month, two that
// lie so near its edges that a date without a zone does not tell, and one out.
func writeArchive(dir string, month time.Time) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("make directory: %w", err)
	}
	var b strings.Builder
	for n, at := range []time.Time{month.AddDate(0, 0, 13), month.Add(3 * time.Hour), month.AddDate(0, 1, 0).Add(-2 * time.Hour), month.AddDate(0, 0, -9)} {
		l := writtenBy("alice", n, at)
		fmt.Fprintf(&b, "From %s %s\n%s\n", l.from, at.Format(time.ANSIC), l.bytes(1000+n))
	}
	return writeNew(filepath.Join(dir, "alice.mbox"), b.String())
}
