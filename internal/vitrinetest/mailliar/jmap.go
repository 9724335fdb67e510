package mailliar

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// JMAP is a server with one account, alice, and one mailbox, Inbox, with the
// id "box".
type JMAP struct {
	URL      string // of the session
	Password string // file
	Box      []Message
}

// Lie is given what was asked for, "session", "download" or a method's name,
// and the honest answer: it changes that, or answers by itself and returns nil.
type Lie func(w http.ResponseWriter, r *http.Request, asked string, honest []byte) []byte

// StartJMAP starts a server; lie may be nil.
func StartJMAP(t testing.TB, box []Message, lie Lie) *JMAP {
	t.Helper()
	s := &JMAP{Box: box, Password: secret(t)}
	if lie == nil {
		lie = func(_ http.ResponseWriter, _ *http.Request, _ string, honest []byte) []byte { return honest }
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked, honest := s.honest(r)
		if text := lie(w, r, asked, honest); text != nil {
			_, _ = w.Write(text)
		}
	}))
	t.Cleanup(func() { server.CloseClientConnections(); server.Close() })
	s.URL = server.URL + "/session"
	return s
}

func (s *JMAP) honest(r *http.Request) (asked string, answer []byte) {
	switch {
	case r.URL.Path == "/session":
		return "session", []byte(`{"accounts":{"a1":{"name":"alice","isPersonal":false,"isReadOnly":true,"accountCapabilities":{"urn:ietf:params:jmap:mail":{}}}},
			"apiUrl":"/api","downloadUrl":"/download/{accountId}/{blobId}/{name}?type={type}"}`)
	case strings.HasPrefix(r.URL.Path, "/download/"):
		for _, m := range s.Box {
			if strings.Contains(r.URL.Path, fmt.Sprintf("/b%d/", m.UID)) {
				return "download", m.Raw
			}
		}
		return "download", nil
	}
	body, _ := io.ReadAll(r.Body)
	var call struct {
		Calls [][]json.RawMessage `json:"methodCalls"`
	}
	var args struct {
		IDs      []string `json:"ids"`
		Position int      `json:"position"`
		Limit    int      `json:"limit"`
	}
	if json.Unmarshal(body, &call) != nil || len(call.Calls) != 1 || len(call.Calls[0]) != 3 ||
		json.Unmarshal(call.Calls[0][0], &asked) != nil || json.Unmarshal(call.Calls[0][1], &args) != nil {
		return "", nil
	}
	return asked, written(map[string]any{"methodResponses": []any{[]any{asked, s.method(asked, args.IDs, args.Position, args.Limit), "c"}}})
}

func written(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err) // of values of this package
	}
	return b
}

func (s *JMAP) method(name string, ids []string, position, limit int) map[string]any {
	answer := map[string]any{"accountId": "a1"}
	switch name {
	case "Mailbox/get":
		answer["list"] = []any{map[string]any{"id": "box", "name": "Inbox", "role": "inbox", "totalEmails": len(s.Box), "myRights": map[string]bool{"mayReadItems": true}}}
	case "Email/query":
		page := s.Box[min(position, len(s.Box)):]
		page = page[:min(limit, len(page))]
		list := []string{}
		for _, m := range page {
			list = append(list, fmt.Sprintf("m%d", m.UID))
		}
		answer["queryState"], answer["position"], answer["ids"], answer["total"] = "q", position, list, len(s.Box)
	case "Email/get":
		list := []any{}
		for _, id := range ids {
			for _, m := range s.Box {
				if id == fmt.Sprintf("m%d", m.UID) {
					list = append(list, map[string]any{"id": id, "blobId": "b" + id[1:], "size": len(m.Raw), "receivedAt": m.At.UTC().Format(time.RFC3339),
						"keywords": map[string]bool{}, "mailboxIds": map[string]bool{"box": true}})
				}
			}
		}
		answer["state"], answer["list"], answer["notFound"] = "s", list, []string{}
	}
	return answer
}
