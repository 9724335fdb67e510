package mail

import (
	"bytes"
	"fmt"
	"maps"
	"net/mail"
	"slices"
	"strings"
	"testing"

	"github.com/vitrine-project/vitrine/internal/collect"
	"github.com/vitrine-project/vitrine/production"
)

// evidence writes what a header tells, in one line.
func evidence(h *heading) string {
	var b strings.Builder
	for _, d := range h.sent {
		fmt.Fprintf(&b, "%s:%d ", d.Rule, d.From.Unix())
	}
	for _, name := range slices.Sorted(maps.Keys(h.addresses)) {
		if len(h.addresses[name]) > 0 {
			fmt.Fprintf(&b, "%s=%s ", name, strings.Join(h.addresses[name], ","))
		}
	}
	slices.Sort(h.doubtful)
	fmt.Fprintf(&b, "%v %v", h.doubtful, h.flags)
	return b.String()
}

// TestHeaders: real and hostile headers, and what is known from them.
func TestHeaders(t *testing.T) {
	const date = "Date: Thu, 22 Aug 2002 17:26:25 +0000\n"
	const all = "[Bcc Cc From Resent-Bcc Resent-Cc Resent-From Resent-Sender Resent-To Sender To]"
	for text, want := range map[string]string{
		"":                                    all + " []", // no header: nobody knows who wrote
		"\n" + date:                           all + " []",
		date + "From: A <a@b.c>\n\nTo: x@y\n": "rfc5322:1030037185 From=a@b.c [] []",
		strings.ReplaceAll(date+"From: A <a@b.c>\n\nTo: x@y\n", "\n", "\r\n"): "rfc5322:1030037185 From=a@b.c [] []",
		"DATE : Thu,\n 22 Aug 2002\n\t17:26:25 +0000\nto:a@b.c,\n d@e.f\n":    "rfc5322:1030037185 To=a@b.c,d@e.f [] []",
		date + date: "rfc5322:1030037185 rfc5322:1030037185 [] []",
		"To: a@b.c\nTo: d@e.f\nResent-To: g@h.i\nReply-To: j@k.l\nDelivered-To: m@n.o\n":                  "Resent-To=g@h.i To=a@b.c,d@e.f [] []",
		"X-Date: Thu, 22 Aug 2002 17:26:25 +0000\nX: Date: Thu, 22 Aug 2002 17:26:25 +0000\nX:\n " + date: "[] []",
		"From a@b Thu Aug 22 17:26:25 2002\n" + date:                                                      "rfc5322:1030037185 [] [from-line]",
		"not a field\n" + date + "To: a@b.c\n":                                                            "rfc5322:1030037185 " + all + " [odd-header-line]",
		"To: a@b.c\nnot a field\nFrom: d@e.f\n":                                                           "To=a@b.c " + all + " [odd-header-line]",
		"To: a@b.c\rDate: Thu, 22 Aug 2002 17:26:25 +0000\rBcc: d@e.f\n":                                  "rfc5322:1030037185 [Bcc To] [bare-cr]",
		"Subject: x\rTo: d@e.f\n":                                                                         "[To] [bare-cr]",
		"Subject: \x00\nTo: a@b.c\n":                                                                      "To=a@b.c " + all + " [nul]",
		"Subject: \xe9\nTo: \xe9t\xe9 <a@b.c>\n":                                                          "To=a@b.c [] []",
		"To: \xe9@b.c\n":                                                                                  "[To] []",
		"To: J\u00c9@B\u00dcCHER.example\n":                                                               "To=j\u00e9@xn--bcher-kva.example [] []",
		"To: root\nCc:\nFrom: <>\n":                                                                       "To=root [] []",
		"To: root, a@b.c (x), \"x@y.z\" <d@e.f>\n":                                                        "To=root,a@b.c,d@e.f [] []",
		"To: <@relay,@other:a@b.c>\n":                                                                     "To=a@b.c [] []",
		"To: a@b.c d@e.f\n":                                                                               "[To] []",
		"To: A <a@b.c> <d@e.f>\n":                                                                         "[To] []",
		"From: <a@b.c> d@e.f\n":                                                                           "From=a@b.c [From] []",
		"To: a@b.c:443\n":                                                                                 "[To] []",
		"To: a@b@c.d\n":                                                                                   "[To] []",
		"To: list:a@b.c,d@e.f;, g@h.i\n":                                                                  "To=a@b.c,d@e.f,g@h.i [] []",
		"To: =?utf-8?b?YUBiLmM=?=\n":                                                                      "[To] []",
		"To: =?x-unknown?q?A?= <a@b.c>\n":                                                                 "To=a@b.c [] []",
		"To: \"a b\"@c.d, \"q\\\"u\"@c.d\n":                                                               "To=a b@c.d,q\"u@c.d [] []",
		"To: ab<>:\n":                                                                                     "[] []",
		"To: ab<x@y.z>:c@d.e\n":                                                                           "To=x@y.z [To] []",
		"To: (a@b.c\n":                                                                                    "[To] []",
		"Date: yesterday\n":                                                                               "unparseable:-62135596800 [] [unparseable-date]",
		"Date: Fri, 07 Jun 0102 08:46:41 +0900\n":                                                         "implausible:-62135596800 [] [implausible-date]",
		"Date: Mon, 01 Jan 1979 00:00:00 +0000\n":                                                         "rfc5322:283996800 [] [implausible-date]",
		"Date: Thu, 22 Aug 2002 17:26:25\n":                                                               "lenient:1029986785 [] [no-zone]",
	} {
		var h heading
		h.read([]byte("To: someone@before\nDate: x\nX\rX\n"), true) // must leave no trace
		n, _ := headerEnd([]byte(text))
		h.read([]byte(text)[:n], false)
		if got := evidence(&h); got != want {
			t.Errorf("%q:\n got %s\nwant %s", text, got, want)
		}
	}
}

// TestHeaderCut: what may stand behind a header's end that was cut off
// excludes nothing.
func TestHeaderCut(t *testing.T) {
	var h heading
	h.read([]byte("Date: Thu, 22 Aug 2002 17:26:25 +0000\nTo: a@b.c\n"), true)
	if len(h.sent) != 2 || h.sent[1].Known() || len(h.doubtful) != 10 || !slices.Equal(h.flags, []string{"header-cut"}) {
		t.Errorf("%s", evidence(&h))
	}
}

// FuzzHeaders: no field is missed that net/mail finds. Every Date that it
// returns is among ours, and every address that it reads is in our field, or
// the field is doubtful.
func FuzzHeaders(f *testing.F) {
	for _, s := range []string{
		"Date: Thu, 22 Aug 2002 17:26:25 +0000\nFrom: A <a@b.c>\n\n", "To: \"x\" <a@b.c>, d@e.f\r\nCc: g:h@i.j;\r\n\r\n", "To: a\n @b.c\nDate : x\n\n", "not\nTo: a@b.c\n\n", "To: x\rTo: a@b.c\n\n", "Bcc: \"\\\"\"@x.y, (z) a@b.c\n\n", "From: =?utf-8?q?a?= <a@b.c>\n\n",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		n, ended := headerEnd(b)
		var h heading
		h.read(b[:n], false)
		for name, list := range h.addresses {
			if !collect.IsCorrespondentField(name) {
				t.Fatalf("addresses of %q", name)
			}
			for _, a := range list {
				if a != strings.ToLower(a) || a == "" {
					t.Fatalf("address %q of %s", a, name)
				}
			}
		}
		m, err := mail.ReadMessage(bytes.NewReader(b))
		if !ended || err != nil {
			return
		}
		for _, want := range m.Header["Date"] {
			want = strings.TrimSpace(strings.ReplaceAll(want, "\r", " ")) // as unfold reads a CR that stands alone
			if !slices.ContainsFunc(h.sent, func(d production.Interval) bool { return d.Raw == cut(want) }) && len(want) < maxRaw {
				t.Fatalf("Date %q is missed: %+v", want, h.sent)
			}
		}
		for _, known := range known {
			for _, name := range known {
				if collect.IsCorrespondentField(name) {
					agree(t, &h, name, m.Header[name])
				}
			}
		}
	})
}

func agree(t *testing.T, h *heading, name string, bodies []string) {
	for _, body := range bodies {
		list, err := mail.ParseAddressList(body)
		if err != nil || slices.Contains(h.doubtful, name) {
			continue
		}
		for _, a := range list {
			at := strings.LastIndexByte(a.Address, '@')
			want, ok := collect.Address(a.Address[:at], a.Address[at+1:])
			if !ok || !slices.Contains(h.addresses[name], want) {
				t.Fatalf("%s %q: %q is missed: %q", name, body, a.Address, h.addresses[name])
			}
		}
	}
}
