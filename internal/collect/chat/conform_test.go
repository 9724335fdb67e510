package chat_test

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/vitrine-project/vitrine/internal/collect"
	"github.com/vitrine-project/vitrine/internal/vitrinetest/chatserver"
	"github.com/vitrine-project/vitrine/internal/vitrinetest/conform"
	sk "github.com/vitrine-project/vitrine/internal/vitrinetest/skypeexport"
	"github.com/vitrine-project/vitrine/internal/vitrinetest/truth"
)

// skypeOf is a planted item as a message of an export.
func skypeOf(it truth.Item) sk.Message {
	m := sk.Message{ID: "0" + it.Name, At: it.Received.From, From: "8:stranger", Type: "RichText", Content: string(it.Raw)}
	m.ID = sk.Millis(m.At)
	switch {
	case it.Sealed:
		m.Type = "EndToEndEncryption/EncryptedText"
	case it.Mark == truth.Deleted:
		m.Properties = `{"deletetime": "` + sk.Millis(m.At) + `"}`
	case it.Of != "":
		m.Content = `<quote author="bob" messageid="1">` + it.Of + `</quote>` + m.Content
	}
	if it.Received.From.IsZero() {
		m.Raw = `{"id": "x", "content": "` + string(it.Raw) + `"}`
	}
	return m
}

// TestConformSkype runs the suite on exports, as archives and unpacked.
func TestConformSkype(t *testing.T) {
	conversation := func(it truth.Item) string { return "8:" + it.Container }
	for name, suffix := range map[string]string{"tar": ".tar", "directory": ""} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			conform.Run(t, conform.Stage{
				Family: truth.Chat, Has: []truth.Feature{truth.Case, truth.Containers, truth.Scripts, truth.Duplicate, truth.Deleted, truth.Quoted, truth.Sealed, truth.Large, truth.Undated},
				Plant: func(t testing.TB, items []truth.Item) {
					exports := map[string]*sk.Export{}
					for _, it := range items {
						e := exports[it.Account]
						if e == nil {
							e = &sk.Export{User: "8:" + it.Account}
							exports[it.Account] = e
						}
						i := slices.IndexFunc(e.Conversations, func(c sk.Conversation) bool { return c.ID == conversation(it) })
						if i < 0 {
							i = len(e.Conversations)
							e.Conversations = append(e.Conversations, sk.Conversation{ID: conversation(it)})
						}
						e.Conversations[i].Messages = append(e.Conversations[i].Messages, skypeOf(it))
					}
					for account, e := range exports {
						path := filepath.Join(dir, "8_"+account+suffix)
						if suffix == "" {
							if err := e.Dir(path); err != nil {
								t.Fatal(err)
							}
							continue
						}
						var b bytes.Buffer
						if err := e.Tar(&b); err != nil {
							t.Fatal(err)
						}
						if err := os.WriteFile(path, b.Bytes(), 0o600); err != nil {
							t.Fatal(err)
						}
					}
				},
				Stored: func(it truth.Item) truth.Item {
					it.Container, it.Raw = conversation(it), []byte(skypeOf(it).JSON(conversation(it)))
					return it
				},
				Source: func(t testing.TB) collect.Source { return source(t, filepath.Join(dir, "8_{account}"+suffix)) },
			})
		})
	}
}

// planted is a homeserver as the suite planted it: what it makes by itself with
// every room (who made it, who came, its rules) was not planted, and is left
// out.
type planted struct{ collect.Source }

func (p planted) Enumerate(ctx context.Context, c collect.Container, after string, yield func(collect.Item) error) error {
	return p.Source.Enumerate(ctx, c, after, func(it collect.Item) error {
		if slices.Contains(it.Flags, "state") {
			return nil
		}
		return yield(it)
	})
}

// TestConformMatrix runs the suite on a real homeserver.
func TestConformMatrix(t *testing.T) {
	d := chatserver.StartDendrite(t)
	d.User(t, "stranger")
	type place struct{ account, container string }
	rooms, raw := map[place]string{}, map[string][]byte{}
	users := map[string]bool{}
	conform.Run(t, conform.Stage{
		Family: truth.Chat, Has: []truth.Feature{truth.Containers, truth.Edited, truth.Quoted, truth.Sealed},
		Plant: func(t testing.TB, items []truth.Item) {
			ids := map[string]string{}
			for _, it := range items {
				if !users[it.Account] {
					d.User(t, it.Account)
					users[it.Account] = true
				}
				p := place{it.Account, it.Container}
				if rooms[p] == "" {
					rooms[p] = d.Room(t, "stranger", map[string]any{"preset": "public_chat"})
					d.Do(t, it.Account, "join", rooms[p], nil)
				}
				kind, content := "m.room.message", map[string]any{"msgtype": "m.text", "body": string(it.Raw)}
				switch {
				case it.Sealed:
					kind, content = "m.room.encrypted", map[string]any{"algorithm": "m.megolm.v1.aes-sha2", "ciphertext": string(it.Raw)}
				case it.Mark == truth.Edited:
					content["m.new_content"] = map[string]any{"msgtype": "m.text", "body": string(it.Raw)}
					content["m.relates_to"] = map[string]any{"rel_type": "m.replace", "event_id": ids[it.Of]}
				case it.Of != "":
					content["m.relates_to"] = map[string]any{"m.in_reply_to": map[string]any{"event_id": ids[it.Of]}}
				}
				id := d.SendAt(t, "stranger", rooms[p], kind, it.Received.From, content)
				ids[it.Label] = id
				var b bytes.Buffer
				e := json.NewEncoder(&b)
				e.SetEscapeHTML(false)
				if err := e.Encode(map[string]any{"content": content, "event_id": id, "origin_server_ts": it.Received.From.UnixMilli(), "room_id": rooms[p], "sender": "@stranger:" + d.Name, "type": kind}); err != nil {
					t.Fatal(err)
				}
				raw[it.Account+"/"+it.Container+"/"+it.Name] = bytes.TrimSpace(b.Bytes())
			}
		},
		Stored: func(it truth.Item) truth.Item {
			it.Raw = raw[it.Account+"/"+it.Container+"/"+it.Name]
			it.Container = rooms[place{it.Account, it.Container}]
			return it
		},
		Source: func(t testing.TB) collect.Source { return planted{homeserver(t, d)} },
	})
}
