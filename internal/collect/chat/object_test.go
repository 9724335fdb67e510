package chat

import (
	"bytes"
	"encoding/json"
	"testing"
)

// FuzzFields: the fields of a valid object are those that encoding/json finds,
// and nothing panics on one that is not.
func FuzzFields(f *testing.F) {
	for _, s := range []string{`{}`, `{"a":1,"b":[1,{"c":"}"}],"c":null}`, ` { "a\"\\" : "x\\" , "":{} } `, `[]`, `{"a":1,"a":2}`, `{"é":-1.5e3}`, `{`, `{"a"`, `{"a":`, `"`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		got := map[string]string{}
		ok := fields(b, func(key string, value []byte) { got[key] = string(value) })
		var values []string
		array := elements(b, func(v []byte) { values = append(values, string(v)) })
		if !json.Valid(b) {
			return
		}
		var list []json.RawMessage
		if isArray := bytes.TrimSpace(b)[0] == '['; isArray != array || isArray && (json.Unmarshal(b, &list) != nil || len(list) != len(values)) {
			t.Fatalf("%q: elements %q", b, values)
		}
		var want map[string]json.RawMessage
		if bytes.TrimSpace(b)[0] != '{' {
			if ok {
				t.Fatalf("%q is read as an object", b)
			}
			return
		}
		if err := json.Unmarshal(b, &want); err != nil || !ok || len(want) != len(got) {
			t.Fatalf("%q: %q, want %q", b, got, want)
		}
		for key, v := range want {
			if got[key] != string(v) {
				t.Fatalf("%q: %q is %q, want %q", b, key, got[key], v)
			}
		}
	})
}

// FuzzWithout: an object loses the one field and nothing else, and what an
// event says is found in any of them.
func FuzzWithout(f *testing.F) {
	for _, s := range []string{`{"unsigned":{"age":1},"a":[1]}`, `{ "a" : 1 , "unsigned" : {} }`, `{"unsigned":1}`, `{"unsigned":1,"unsigned":2}`, `{"a":{"unsigned":3}}`, `{"\u0075nsigned":1,"b":2}`,
		`{"type":"m.room.message","event_id":"$1","content":{"url":"mxc://a/b","info":{"thumbnail_url":"mxc://a/c"},"m.relates_to":{"rel_type":"m.replace","event_id":"$2"}}}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if !json.Valid(b) {
			return
		}
		parseEvent(b).evidence("example.org")
		var want, got map[string]json.RawMessage
		if json.Unmarshal(b, &want) != nil || want == nil {
			return
		}
		delete(want, "unsigned")
		cut := without(b, "unsigned")
		if err := json.Unmarshal(cut, &got); err != nil || len(got) != len(want) {
			t.Fatalf("%q becomes %q: %v", b, cut, err)
		}
		for key, v := range want {
			if string(got[key]) != string(v) {
				t.Fatalf("%q: %q becomes %q", b, v, got[key])
			}
		}
	})
}
