// Package skypeexport writes exports in the format that Skype's are described
// in publicly, and records what it planted. It imports nothing of what is
// tested, and parses nothing.
package skypeexport

import (
	"archive/tar"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// Message is one message.
type Message struct {
	ID         string // milliseconds; of At if empty
	At         time.Time
	From, Type string
	Content    string
	Version    string // ID if empty
	Properties string // JSON; null if empty
	Refs       []string
	Raw        string // JSON that stands for all of it, if not empty
}

// Conversation has its messages in the order in which they were sent.
type Conversation struct {
	ID       string
	Members  []string // at the end; none are listed if nil
	Messages []Message
}

// Export is what one user gets.
type Export struct {
	User          string
	Conversations []Conversation
	Files         map[string]string // media/…, endpoints.json
	Order         []string          // of Files in the archive
}

// Planted is where a message stands.
type Planted struct {
	Conversation int
	Message      int // in the order in which they were sent
	Raw          string
	Start, End   int // in messages.json
}

// Millis is a time as Skype's ids have it.
func Millis(t time.Time) string { return strconv.FormatInt(t.UnixMilli(), 10) }

func quoted(s string) string {
	b, err := json.Marshal(s)
	if err != nil {
		panic(err)
	}
	return string(b)
}

// JSON is the message as it stands in its conversation.
func (m Message) JSON(conversation string) string {
	if m.Raw != "" {
		return m.Raw
	}
	id, version, properties, refs := m.ID, m.Version, m.Properties, "null"
	if id == "" {
		id = Millis(m.At)
	}
	if version == "" {
		version = id
	}
	if properties == "" {
		properties = "null"
	}
	if m.Refs != nil {
		var q []string
		for _, r := range m.Refs {
			q = append(q, quoted(r))
		}
		refs = "[" + strings.Join(q, ", ") + "]"
	}
	return fmt.Sprintf("{\n        \"id\": %s,\n        \"displayName\": null,\n        \"originalarrivaltime\": %s,\n        \"messagetype\": %s,\n        \"version\": %s,\n        \"content\": %s,\n        \"conversationid\": %s,\n        \"from\": %s,\n        \"properties\": %s,\n        \"amsreferences\": %s\n      }",
		quoted(id), quoted(m.At.UTC().Format("2006-01-02T15:04:05.999Z07:00")), quoted(m.Type), version, quoted(m.Content), quoted(conversation), quoted(m.From), properties, refs)
}

// JSON is messages.json, and where each message stands in it.
func (e Export) JSON() (string, []Planted) {
	var b strings.Builder
	var all []Planted
	fmt.Fprintf(&b, "{\n  \"userId\": %s,\n  \"exportDate\": \"2026-11-20T10:00\",\n  \"conversations\": [", quoted(e.User))
	for i, c := range e.Conversations {
		if i > 0 {
			b.WriteString(",")
		}
		thread := "null"
		if c.Members != nil {
			members, err := json.Marshal(c.Members)
			if err != nil {
				panic(err)
			}
			thread = fmt.Sprintf("{\"membercount\": %d, \"members\": %s, \"topic\": \"\"}", len(c.Members), quoted(string(members)))
		}
		fmt.Fprintf(&b, "\n    {\"id\": %s, \"displayName\": \"\", \"version\": 1, \"properties\": {\"conversationblocked\": false, \"conversationstatus\": null},\n     \"threadProperties\": %s,\n     \"MessageList\": [", quoted(c.ID), thread)
		for j := len(c.Messages) - 1; j >= 0; j-- {
			b.WriteString("\n      ")
			raw := c.Messages[j].JSON(c.ID)
			start := b.Len()
			b.WriteString(raw)
			all = append(all, Planted{i, j, raw, start, b.Len()})
			if j > 0 {
				b.WriteString(",")
			}
		}
		b.WriteString("\n     ]}")
	}
	b.WriteString("\n  ]\n}\n")
	return b.String(), all
}

// Tar writes the export as the archive that is handed out.
func (e Export) Tar(w io.Writer) error {
	t := tar.NewWriter(w)
	text, _ := e.JSON()
	add := func(name, body string) error {
		if err := t.WriteHeader(&tar.Header{Name: name, Mode: 0o600, Size: int64(len(body)), Typeflag: tar.TypeReg}); err != nil {
			return err
		}
		_, err := io.WriteString(t, body)
		return err
	}
	if err := add("messages.json", text); err != nil {
		return err
	}
	for _, name := range e.Order {
		if err := add(name, e.Files[name]); err != nil {
			return err
		}
	}
	return t.Close()
}

// Dir writes the export as it lies when it is unpacked.
func (e Export) Dir(dir string) error {
	text, _ := e.JSON()
	files := map[string]string{"messages.json": text}
	for name, body := range e.Files {
		files[name] = body
	}
	for name, body := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			return err
		}
		if err := os.WriteFile(path, []byte(body), 0o600); err != nil {
			return err
		}
	}
	return nil
}

// Large writes a tar whose messages.json has one conversation of n messages, a
// second apart, the newest first, the newest at last; each has about size bytes.
func Large(w io.Writer, user string, n, size int, last time.Time) error {
	message := func(i int) string {
		at := last.Add(-time.Duration(i) * time.Second)
		m := Message{At: at, From: "8:live:bob", Type: "RichText", Content: strings.Repeat("x", size)}
		return m.JSON("8:live:bob")
	}
	head := fmt.Sprintf("{\"userId\": %s, \"conversations\": [{\"id\": \"8:live:bob\", \"threadProperties\": null, \"MessageList\": [", quoted(user))
	const tail = "]}]}"
	total := int64(len(head) + len(tail) + n*len(message(0)) + n - 1)
	t := tar.NewWriter(w)
	if err := t.WriteHeader(&tar.Header{Name: "messages.json", Mode: 0o600, Size: total, Typeflag: tar.TypeReg}); err != nil {
		return err
	}
	if _, err := io.WriteString(t, head); err != nil {
		return err
	}
	for i := range n {
		m := message(i)
		if i < n-1 {
			m += ","
		}
		if _, err := io.WriteString(t, m); err != nil {
			return err
		}
	}
	if _, err := io.WriteString(t, tail); err != nil {
		return err
	}
	return t.Close()
}
