package mail_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/internal/collect"
	"github.com/vitrine-project/vitrine/internal/collect/mail"
	"github.com/vitrine-project/vitrine/internal/vitrinetest/mailliar"
	"github.com/vitrine-project/vitrine/internal/vitrinetest/signed"
)

// liarWait is for how long a liar may say nothing, and endless is when a run
// that still goes on is held to have no end.
const (
	liarWait = 60 * time.Millisecond
	endless  = 4 * time.Second
)

// inBox are the messages of few, the first in UID 1.
func inBox() (box []mailliar.Message) {
	for i, raw := range few() {
		box = append(box, mailliar.Message{UID: i + 1, At: time.Date(2020, 3, 2, i, 0, 0, 0, time.UTC), Raw: raw})
	}
	return box
}

func overLiar(t testing.TB, s *mailliar.IMAP) collect.Source {
	t.Helper()
	return mail.Impatient(opened(t)(mail.IMAP{URL: "imap://" + s.Address, User: "{account}*reader", Password: s.Password, Reference: "reference"}.Open("mail", asIs)), liarWait)
}

// runLiar collects all of alice's, and reports a run without an end as such.
func runLiar(t *testing.T, source collect.Source) (vitrine.Collection, *held, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), endless)
	defer cancel()
	from := time.Date(2020, 3, 1, 0, 0, 0, 0, time.UTC)
	h := &held{}
	m := mandateOn(t, scopeOf(t, from, from.AddDate(0, 1, 0), vitrine.ClockReceived), source)
	c, err := collect.Job{Mandate: m, Sources: configured(source), Hold: h, Patience: patience[:3], Now: func() time.Time { return signed.Now }}.Run(ctx)
	if ctx.Err() != nil {
		err = errors.Join(errEndless, err)
	}
	return c, h, err
}

var errEndless = errors.New("the run had no end of its own")

// told is what a lie must lead to: an error with these words, or else so many
// messages that are unreadable, with all others as they are.
type told struct {
	says       string
	unreadable int64
}

func (want told) check(t *testing.T, c vitrine.Collection, h *held, err error) {
	t.Helper()
	switch {
	case errors.Is(err, errEndless):
		t.Fatal(err)
	case want.says != "":
		if err == nil || !strings.Contains(err.Error(), want.says) {
			t.Errorf("it gives %v with %+v, want an error with %q", err, c.Counts, want.says)
		}
		return
	case err != nil:
		t.Fatalf("it fails: %v", err)
	}
	all := int64(len(few()))
	if c.Seen != all || c.In != all-want.unreadable || c.Unreadable != want.unreadable {
		t.Errorf("%+v, want %d with %d unreadable", c.Counts, all, want.unreadable)
	}
	planted := map[string]bool{}
	for _, m := range few() {
		planted[string(m)] = true
	}
	for i := range h.items {
		if !planted[string(h.bytes[i])] {
			t.Errorf("item %s with %d bytes is none of those planted, or there twice", h.items[i].Name, len(h.bytes[i]))
		}
		delete(planted, string(h.bytes[i]))
	}
	if int64(len(planted)) != want.unreadable {
		t.Errorf("%d messages are lost, want %d", len(planted), want.unreadable)
	}
}

// imapLie changes the answers to commands that begin so.
type imapLie struct {
	name, command string
	lie           func(tag, honest string, nth int) mailliar.Answer // nth: 1, 2, …
	want          told
}

func answers(change func(honest string) string) func(string, string, int) mailliar.Answer {
	return func(_, honest string, _ int) mailliar.Answer { return mailliar.Answer{Text: change(honest)} }
}

func swapped(old, now string) func(string, string, int) mailliar.Answer {
	return answers(func(honest string) string { return strings.ReplaceAll(honest, old, now) })
}

// sized is a message's size in an answer.
func sized(i int) string { return fmt.Sprintf("RFC822.SIZE %d ", len(few()[i])) }

func hang(_, honest string, _ int) mailliar.Answer {
	return mailliar.Answer{Text: honest[:len(honest)/2], Hang: true}
}

// drip says something without end, and never what is due.
func drip(string, string, int) mailliar.Answer {
	return mailliar.Answer{Text: "* OK still looking\r\n", Again: liarWait / 6}
}

var imapLies = []imapLie{
	{name: "honest", command: "nothing"},
	{"size too big", "UID FETCH", swapped(sized(1), "RFC822.SIZE 3500 "), told{unreadable: 1}},
	{"size too small", "UID FETCH", swapped(sized(1), "RFC822.SIZE 7 "), told{unreadable: 1}},
	{"size of long too big", "UID FETCH", swapped(sized(4), "RFC822.SIZE 30000 "), told{says: "by the server's record"}},
	{"size of long too small", "UID FETCH", swapped(sized(4), "RFC822.SIZE 10000 "), told{says: "by the server's record"}},
	{"size of long just what is asked for", "UID FETCH", swapped(sized(4), "RFC822.SIZE 8192 "), told{unreadable: 1}},
	{"size without end", "UID FETCH", swapped(sized(4), "RFC822.SIZE 9223372036854775807 "), told{says: "by the server's record"}},
	{"size negative", "UID FETCH", swapped(sized(1), "RFC822.SIZE -1 "), told{unreadable: 1}},
	{"numbered anew", "EXAMINE", func(_, honest string, nth int) mailliar.Answer {
		return mailliar.Answer{Text: strings.Replace(honest, "UIDVALIDITY 7", fmt.Sprintf("UIDVALIDITY %d", 6+nth), 1)}
	}, told{says: "numbered mailbox"}},
	{"no validity", "EXAMINE", swapped("UIDVALIDITY 7", "ALERT"), told{says: "no UIDVALIDITY"}},
	{"one garbled", "UID FETCH", swapped(sized(2), "RFC822.SIZE ((( "), told{unreadable: 1}},
	{"all garbled", "UID FETCH", swapped("FETCH", "FITCH ((("), told{unreadable: 8}},
	{"one withheld", "UID FETCH", withhold, told{unreadable: 1}},
	{"one refused", "UID FETCH", func(tag, honest string, _ int) mailliar.Answer {
		if strings.Contains(honest, "(UID 3 ") {
			return mailliar.Answer{Text: tag + " NO broken\r\n"}
		}
		return mailliar.Answer{Text: honest}
	}, told{unreadable: 1}},
	{"a UID twice in SEARCH", "UID SEARCH", swapped("* SEARCH 1 2", "* SEARCH 2 1 1 2 2"), told{}},
	{"another's messages in SEARCH", "UID SEARCH", swapped("* SEARCH 1 2", "* SEARCH 900 1 2 77"), told{}},
	{"another's messages in FETCH", "UID FETCH", another, told{}},
	{"another mailbox", "LIST", answers(func(honest string) string { return "* LIST () \"/\" \"Other Users/bob\"\r\n" + honest }), told{}},
	{"another mailbox, and no namespaces", "", func(tag, honest string, _ int) mailliar.Answer {
		honest = strings.Replace(honest, "ACL NAMESPACE", "ACL", 1)
		return mailliar.Answer{Text: strings.Replace(honest, "* LIST () \"/\" INBOX\r\n", "* LIST () \"/\" INBOX\r\n* LIST () \"/\" \"Other Users/bob\"\r\n", 1)}
	}, told{says: "NAMESPACE"}},
	{"another mailbox, and CAPABILITY refused", "", func(tag, honest string, nth int) mailliar.Answer {
		if strings.Contains(honest, "* CAPABILITY") && nth > 2 {
			return mailliar.Answer{Text: tag + " BAD no\r\n"}
		}
		return mailliar.Answer{Text: strings.Replace(honest, "* LIST () \"/\" INBOX\r\n", "* LIST () \"/\" INBOX\r\n* LIST () \"/\" \"Other Users/bob\"\r\n", 1)}
	}, told{says: "answered BAD"}},
	{"a mailbox twice", "LIST", answers(func(honest string) string { return "* LIST () \"/\" INBOX\r\n" + honest }), told{says: "twice"}},
	{"more than it lists", "EXAMINE", swapped("* 8 EXISTS", "* 9 EXISTS"), told{says: "counts 9 items and listed 8"}},
	{"fewer than it lists", "EXAMINE", swapped("* 8 EXISTS", "* 7 EXISTS"), told{says: "counts 7 items and listed 8"}},
	{"lists too few", "UID SEARCH", swapped("* SEARCH 1 2", "* SEARCH 1"), told{says: "counts 8 items and listed 7"}},
	{"UIDNEXT too small", "EXAMINE", swapped("UIDNEXT 9", "UIDNEXT 5"), told{says: "counts 8 items and listed 4"}},
	{"UIDNEXT too small, of a busy mailbox", "EXAMINE", func(_, honest string, nth int) mailliar.Answer {
		honest = strings.Replace(honest, "UIDNEXT 9", "UIDNEXT 5", 1)
		return mailliar.Answer{Text: strings.Replace(honest, "* 8 EXISTS", fmt.Sprintf("* %d EXISTS", 7+nth), 1)}
	}, told{says: "items and listed 4"}},
	{"every UID there is", "UID SEARCH", func(tag, _ string, _ int) mailliar.Answer {
		return mailliar.Answer{Text: "* SEARCH\r\n* ESEARCH (TAG \"" + tag + "\") UID ALL 1:4294967294\r\n" + tag + " OK done\r\n"}
	}, told{}},
	{"rights of another mailbox", "MYRIGHTS", swapped("INBOX", "Trash"), told{says: "rights"}},
	{"silent greeting", "greeting", hang, told{says: "broke off"}},
	{"silent LOGIN", "LOGIN", hang, told{says: "broke off"}},
	{"silent LIST", "LIST", hang, told{says: "broke off"}},
	{"silent EXAMINE", "EXAMINE", hang, told{says: "broke off"}},
	{"silent SEARCH", "UID SEARCH", hang, told{says: "broke off"}},
	{"silent FETCH", "UID FETCH", hang, told{says: "broke off"}},
	{"LOGIN without end", "LOGIN", drip, told{says: "broke off"}},
	{"LIST without end", "LIST", drip, told{says: "broke off"}},
	{"SEARCH without end", "UID SEARCH", drip, told{says: "broke off"}},
}

func withhold(_, honest string, _ int) mailliar.Answer {
	if i := strings.Index(honest, "* 3 FETCH"); i >= 0 {
		end := i + strings.Index(honest[i:], ")\r\n") + 3
		honest = honest[:i] + honest[end:]
	}
	return mailliar.Answer{Text: honest}
}

// another puts answers before that nobody asked for.
func another(_, honest string, _ int) mailliar.Answer {
	m := mailliar.Message{UID: 99, At: time.Date(2020, 3, 2, 0, 0, 0, 0, time.UTC), Raw: []byte("Subject: bob's\r\n\r\n")}
	return mailliar.Answer{Text: mailliar.Fetched(50, m, true, 0, 8192) + honest}
}

// TestIMAPLiar: each lie gives an error that says so, or a message that is
// counted as unreadable; nothing else comes in, nothing is lost, and every run
// ends.
func TestIMAPLiar(t *testing.T) {
	for _, l := range imapLies {
		t.Run(l.name, func(t *testing.T) {
			nth := 0
			s := mailliar.StartIMAP(t, inBox(), func(command, tag, honest string) mailliar.Answer {
				if !strings.HasPrefix(command, l.command) || tag == "a" {
					return mailliar.Answer{Text: honest}
				}
				nth++
				return l.lie(tag, honest, nth)
			})
			c, h, err := runLiar(t, overLiar(t, s))
			l.want.check(t, c, h, err)
			if err != nil {
				t.Log(err)
			}
		})
	}
}

func overJMAPLiar(t testing.TB, s *mailliar.JMAP) collect.Source {
	t.Helper()
	return mail.Impatient(opened(t)(mail.JMAP{URL: s.URL, User: "reader", Password: s.Password}.Open("jmap", asIs)), liarWait)
}

// jmapLie changes the answers to one question.
type jmapLie struct {
	name, asked string
	lie         func(w http.ResponseWriter, r *http.Request, honest []byte, nth int) []byte
	want        told
}

func replaced(old, now string) func(http.ResponseWriter, *http.Request, []byte, int) []byte {
	return func(_ http.ResponseWriter, _ *http.Request, honest []byte, _ int) []byte {
		return bytes.ReplaceAll(honest, []byte(old), []byte(now))
	}
}

func elsewhere(code int) func(http.ResponseWriter, *http.Request, []byte, int) []byte {
	return func(w http.ResponseWriter, r *http.Request, _ []byte, _ int) []byte {
		http.Redirect(w, r, "http://other.example"+r.URL.Path, code)
		return nil
	}
}

func circling(w http.ResponseWriter, r *http.Request, _ []byte, _ int) []byte {
	http.Redirect(w, r, r.URL.String(), http.StatusTemporaryRedirect)
	return nil
}

func status(code int) func(http.ResponseWriter, *http.Request, []byte, int) []byte {
	return func(w http.ResponseWriter, _ *http.Request, _ []byte, _ int) []byte {
		w.WriteHeader(code)
		return nil
	}
}

// mute says half and nothing more, or nothing at all.
func mute(half bool) func(http.ResponseWriter, *http.Request, []byte, int) []byte {
	return func(w http.ResponseWriter, r *http.Request, honest []byte, _ int) []byte {
		if half {
			_, _ = w.Write(honest[:len(honest)/2])
			w.(http.Flusher).Flush()
		}
		<-r.Context().Done()
		return nil
	}
}

func jsize(i int) string { return fmt.Sprintf(`"size":%d`, len(few()[i])) }

var jmapLies = []jmapLie{
	{name: "honest", asked: "nothing"},
	{"size too big", "Email/get", replaced(jsize(1), `"size":3500`), told{unreadable: 1}},
	{"size too small", "Email/get", replaced(jsize(1), `"size":7`), told{unreadable: 1}},
	{"size of long too big", "Email/get", replaced(jsize(6), `"size":900000`), told{says: "not as long"}},
	{"size of long too small", "Email/get", replaced(jsize(6), `"size":300000`), told{says: "not as long"}},
	{"size without end", "Email/get", replaced(jsize(1), `"size":9223372036854775807`), told{says: "Email/get"}},
	{"size negative", "Email/get", replaced(jsize(1), `"size":-5`), told{says: "without its bytes"}},
	{"another account", "Email/get", replaced(`"accountId":"a1"`, `"accountId":"b2"`), told{says: "another account"}},
	{"another mailbox's message", "Email/get", replaced(`"box":true`, `"other":true`), told{unreadable: 8}},
	{"all withheld", "Email/get", replaced(`"id":"m`, `"id":"n`), told{unreadable: 8}},
	{"download gone", "download", status(404), told{unreadable: 8}},
	{"download empty", "download", func(http.ResponseWriter, *http.Request, []byte, int) []byte { return []byte{} }, told{unreadable: 8}},
	{"an id twice", "Email/query", replaced(`"m1","m2"`, `"m1","m1"`), told{says: "twice"}},
	{"total too high", "Email/query", replaced(`"total":8`, `"total":9`), told{says: "of 9 messages it lists 8"}},
	{"total too low", "Email/query", replaced(`"total":8`, `"total":7`), told{says: "of 7 messages it lists 8"}},
	{"lists too few", "Email/query", func(_ http.ResponseWriter, _ *http.Request, honest []byte, _ int) []byte {
		return bytes.Replace(bytes.Replace(honest, []byte(`"m1",`), nil, 1), []byte(`"total":8`), []byte(`"total":7`), 1)
	}, told{says: "counts 8 items and listed 7"}},
	{"lists too few of a busy mailbox", "", func(_ http.ResponseWriter, _ *http.Request, honest []byte, nth int) []byte {
		honest = bytes.Replace(bytes.Replace(honest, []byte(`"m1",`), nil, 1), []byte(`"total":8`), []byte(`"total":7`), 1)
		return bytes.Replace(honest, []byte(`"state":"s"`), fmt.Appendf(nil, `"state":"s%d"`, nth), 1)
	}, told{says: "counts 8 items and listed 7"}},
	{"page from elsewhere", "Email/query", replaced(`"position":0`, `"position":3`), told{says: "gives what is behind 3"}},
	{"a mailbox that never rests", "Email/query", restless, told{says: "broke off"}},
	{"no state", "Email/query", replaced(`"queryState":"q"`, `"queryState":""`), told{says: "no queryState"}},
	{"no JMAP", "Email/query", replaced(`{`, `<`), told{says: "no JMAP"}},
	{"another answer", "Email/query", replaced(`"Email/query"`, `"Email/get"`), told{says: "another call"}},
	{"session elsewhere", "session", elsewhere(302), told{says: "go nowhere else"}},
	{"call elsewhere", "Email/query", elsewhere(307), told{says: "go nowhere else"}},
	{"download elsewhere", "download", elsewhere(302), told{says: "go nowhere else"}},
	{"circle", "Email/query", circling, told{says: "sends on more than"}},
	{"apiUrl elsewhere", "session", replaced(`"/api"`, `"http://other.example/api"`), told{says: "go nowhere else"}},
	{"downloadUrl elsewhere", "session", replaced(`"/download/`, `"//other.example/download/`), told{says: "go nowhere else"}},
	{"accounts of one name", "session", replaced(`"a1":{`, `"a0":{"name":"alice","isReadOnly":true,"accountCapabilities":{"urn:ietf:params:jmap:mail":{}}},"a1":{`), told{says: "account"}},
	{"unauthorized", "Email/query", status(401), told{says: "refused the login"}},
	{"busy", "Email/query", status(503), told{says: "broke off"}},
	{"silent session", "session", mute(false), told{says: "broke off"}},
	{"silent call", "Email/query", mute(false), told{says: "broke off"}},
	{"silent in a call", "Email/get", mute(true), told{says: "broke off"}},
	{"silent download", "download", mute(false), told{says: "broke off"}},
	{"silent in a download", "download", mute(true), told{says: "broke off"}},
}

// restless has one message on each page, and another state each time.
func restless(_ http.ResponseWriter, r *http.Request, _ []byte, nth int) []byte {
	return fmt.Appendf(nil, `{"methodResponses":[["Email/query",{"accountId":"a1","queryState":"q%d","position":%d,"ids":["m%d"],"total":8},"c"]]}`, nth, (nth+1)%2, nth)
}

// TestJMAPLiar is the same over JMAP.
func TestJMAPLiar(t *testing.T) {
	for _, l := range jmapLies {
		t.Run(l.name, func(t *testing.T) {
			var nth atomic.Int32
			s := mailliar.StartJMAP(t, inBox(), func(w http.ResponseWriter, r *http.Request, asked string, honest []byte) []byte {
				if l.asked != "" && asked != l.asked {
					return honest
				}
				return l.lie(w, r, honest, int(nth.Add(1)))
			})
			c, h, err := runLiar(t, overJMAPLiar(t, s))
			l.want.check(t, c, h, err)
			if err != nil {
				t.Log(err)
			}
		})
	}
}

// TestJMAPOtherName asks for alice where that is the id of bob's account: it is
// bob's, and alice is not there.
func TestJMAPOtherName(t *testing.T) {
	s := mailliar.StartJMAP(t, inBox(), func(_ http.ResponseWriter, _ *http.Request, _ string, honest []byte) []byte {
		return bytes.ReplaceAll(bytes.ReplaceAll(honest, []byte(`"alice"`), []byte(`"bob"`)), []byte(`"a1"`), []byte(`"alice"`))
	})
	if c, _, err := runLiar(t, overJMAPLiar(t, s)); err == nil && (c.Seen > 0 || len(c.Missing) != 1) {
		t.Errorf("%+v, missing %v: it is the account of another name", c.Counts, c.Missing)
	}
}
