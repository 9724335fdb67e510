package chat_test

import (
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/internal/collect"
	"github.com/vitrine-project/vitrine/internal/collect/chat"
	"github.com/vitrine-project/vitrine/internal/vitrinetest/signed"
)

// bad is a homeserver of one room, with the faults that homeservers have.
type bad struct {
	fault string
	n     int // answers so far
	media string
}

const badRoom = "!r:bad.example"

func (b *bad) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	b.n++
	answer, status := "", 200
	path := strings.TrimPrefix(r.URL.Path, "/_matrix/client/")
	switch {
	case r.Method != "GET":
		status = 405
	case path == "v3/account/whoami":
		answer = fmt.Sprintf(`{"user_id":%q}`, r.URL.Query().Get("user_id"))
	case path == "v3/joined_rooms":
		answer = `{"joined_rooms":["` + badRoom + `"]}`
	case path == "v3/sync":
		answer = `{}`
	case strings.HasSuffix(path, "/messages"):
		answer, status = b.messages(r)
	case strings.HasPrefix(path, "v1/media/download/"):
		answer = b.media
	default:
		status = 404
	}
	b.hand(w, r, answer, status)
}

// hand gives an answer, or a part of it.
func (b *bad) hand(w http.ResponseWriter, r *http.Request, answer string, status int) {
	switch {
	case b.fault == "drops" && b.n%3 != 0:
		w.Header().Set("Content-Length", strconv.Itoa(len(answer)))
		w.Write([]byte(answer)[:(b.n*131)%(len(answer)+1)])
		panic(http.ErrAbortHandler)
	case b.fault == "busy" && b.n%2 == 0:
		w.WriteHeader(429)
		return
	case b.fault == "silent" && b.n > 3:
		w.(http.Flusher).Flush()
		<-r.Context().Done()
		return
	case b.fault == "nonsense" && b.n > 3:
		answer = `{"chunk":`
	case b.fault == "token refused":
		status = 401
	}
	w.WriteHeader(status)
	w.Write([]byte(answer))
}

const badEvents = 250

// messages pages: events are numbered 1 (oldest) to badEvents; a token is the
// number of the first event not yet given.
func (b *bad) messages(r *http.Request) (string, int) {
	q := r.URL.Query()
	limit, _ := strconv.Atoi(q.Get("limit"))
	step, at := -1, badEvents
	if q.Get("dir") == "f" {
		step, at = 1, 1
	}
	if f := q.Get("from"); f != "" {
		at, _ = strconv.Atoi(f)
	}
	start := strconv.Itoa(at)
	if step == 1 {
		at = max(at, 1)
	}
	var chunk []string
	for ; at >= 1 && at <= badEvents && len(chunk) < limit; at += step {
		if b.fault == "loses" && step == -1 && at == 120 || b.fault == "loses later" && b.n > 8 && at == 120 {
			continue
		}
		chunk = append(chunk, event(at))
	}
	end := fmt.Sprintf(`,"end":"%d"`, at)
	if at < 1 && step == -1 {
		end = ""
		if b.fault != "no end" {
			end = `,"end":"0"`
		}
	}
	if q.Get("from") == "0" && step == -1 {
		end = ""
	}
	switch b.fault {
	case "circles":
		if at < 100 {
			end = `,"end":"150"`
		}
	case "elsewhere":
		if start == "150" {
			start = "151"
		}
	case "for ever":
		if step == -1 && at < 1 {
			end = fmt.Sprintf(`,"end":"-%d"`, b.n)
		}
	}
	return fmt.Sprintf(`{"start":%q%s,"chunk":[%s]}`, start, end, strings.Join(chunk, ",")), 200
}

func event(n int) string {
	at := from.Add(time.Duration(n) * time.Minute).UnixMilli()
	id := fmt.Sprintf("$%d", n)
	switch n {
	case 1:
		return fmt.Sprintf(`{"type":"m.room.create","event_id":%q,"sender":"@bob:bad.example","state_key":"","origin_server_ts":%d,"content":{}}`, id, at)
	case 2:
		return fmt.Sprintf(`{"type":"m.room.member","event_id":%q,"sender":"@alice:bad.example","state_key":"@alice:bad.example","origin_server_ts":%d,"content":{"membership":"join"}}`, id, at)
	case 50:
		return fmt.Sprintf(`{"unsigned":{"age":%d,"m.relations":{"m.replace":{"content":"later"}}}, "type":"m.room.message","event_id":%q,"sender":"@bob:bad.example","origin_server_ts":%d,"content":{"url":"mxc://bad.example/f"}}`, time.Now().UnixNano(), id, at)
	case 60:
		return fmt.Sprintf(`{"type":"m.room.message","event_id":%q,"sender":"@eve:far.example","origin_server_ts":%d,"content":{} , "unsigned" : {"age":%d} }`, id, at, time.Now().UnixNano())
	}
	return fmt.Sprintf(`{"type":"m.room.message","event_id":%q,"sender":"@bob:bad.example","origin_server_ts":%d,"content":{"body":"%d"}}`, id, at, n)
}

func badly(t testing.TB, fault string) collect.Source {
	t.Helper()
	server := httptest.NewServer(&bad{fault: fault, media: strings.Repeat("media ", 20000)})
	t.Cleanup(server.Close)
	token := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(token, []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := chat.Matrix{URL: server.URL, Server: "bad.example", Token: token}.Open("chat", func(p string) string { return p })
	if err != nil {
		t.Fatal(err)
	}
	chat.Hurry(s, 300*time.Millisecond)
	return s
}

// TestMatrixBadServers: what can be had again is; everything else stops the
// run with words, and nothing hangs.
func TestMatrixBadServers(t *testing.T) {
	good, all := collected(t, badly(t, ""), "alice")
	if good.Seen != badEvents+1 || good.In != badEvents || good.Out != 1 { // the room was made before alice came
		t.Fatalf("%+v", good.Counts)
	}
	for _, b := range all.bytes {
		if strings.Contains(b, "unsigned") || strings.Contains(b, "later") {
			t.Errorf("%s", b)
		}
	}
	for _, fault := range []string{"drops", "busy", "no end"} {
		c, h := collected(t, badly(t, fault), "alice")
		if c.Counts != good.Counts || !slices.Equal(h.bytes, all.bytes) {
			t.Errorf("%s: %+v", fault, c.Counts)
		}
	}
	for fault, words := range map[string]string{
		"circles": "go in circles", "elsewhere": "does not begin where", "for ever": "there is no end", "loses": "does not list back", "loses later": "now lists 249",
		"silent": "broke off", "nonsense": "broke off", "token refused": "does not accept the token",
	} {
		_, err := job(t, &held{}, badly(t, fault), "alice").Run(t.Context())
		says(t, err, vitrine.Failed, words)
	}
}

// TestKeywordsInEvents: what an event says is searched for keywords, a file
// that comes along is for people.
func TestKeywordsInEvents(t *testing.T) {
	s, h := badly(t, ""), &held{}
	j := job(t, h, s, "alice")
	scope := j.Mandate.Statement().Scope
	scope.Keywords = []string{"77"}
	j.Mandate = signed.Mandate(t, scope, s.Declaration())
	c, err := j.Run(t.Context())
	if err != nil || c.In != 1 || c.Undeterminable != 1 || len(h.bytes) != 2 || !strings.Contains(strings.Join(h.bytes, ""), `{"body":"77"}`) {
		t.Errorf("%+v, %v", c.Counts, err)
	}
}

// TestMatrixConfig: what cannot be meant is refused before anything is asked.
func TestMatrixConfig(t *testing.T) {
	token := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(token, []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []chat.Matrix{
		{URL: "http://matrix.example.org", Server: "example.org", Token: token}, {URL: "https://u:p@example.org", Server: "example.org", Token: token},
		{URL: "https://example.org/?x", Server: "example.org", Token: token}, {URL: "example.org", Server: "example.org", Token: token},
		{URL: "https://example.org", Token: token}, {URL: "https://example.org", Server: "example.org"}, {URL: "https://example.org", Server: "example.org", Token: token + "x"},
	} {
		if _, err := c.Open("chat", func(p string) string { return p }); err == nil {
			t.Errorf("%+v is accepted", c)
		}
	}
	server := httptest.NewUnstartedServer(&bad{})
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	defer server.Close()
	s, err := chat.Matrix{URL: server.URL, Server: "bad.example", Token: token}.Open("chat", func(p string) string { return p })
	if err != nil {
		t.Fatal(err)
	}
	_, err = s.Probe(t.Context())
	says(t, err, vitrine.Failed, "certificate")
}
