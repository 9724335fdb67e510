package chat_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/internal/collect"
	"github.com/vitrine-project/vitrine/internal/collect/chat"
	"github.com/vitrine-project/vitrine/internal/vitrinetest/chatserver"
)

func homeserver(t testing.TB, d *chatserver.Dendrite) collect.Source {
	t.Helper()
	s, err := chat.Matrix{URL: d.URL, Server: d.Name, Token: d.Token}.Open("chat", func(p string) string { return p })
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func said(words string) map[string]any { return map[string]any{"msgtype": "m.text", "body": words} }

// room is a room of a real homeserver, and what must become of each event that
// was planted in it.
type room struct {
	*testing.T
	*chatserver.Dendrite
	id      string
	want    map[string]string         // by event id
	content map[string]map[string]any // by event id
}

func (r *room) plant(want, user, kind string, at time.Time, content map[string]any) string {
	r.Helper()
	id := r.SendAt(r.T, user, r.id, kind, at, content)
	r.want[id], r.content[id] = want, content
	return id
}

// TestMatrix: rooms of a real homeserver, with a message at every edge.
func TestMatrix(t *testing.T) {
	d := chatserver.StartDendrite(t)
	for _, name := range []string{"alice", "bob", "carol"} {
		d.User(t, name)
	}
	in := from.Add(time.Hour)
	r := &room{t, d, d.Room(t, "bob", map[string]any{"preset": "public_chat", "name": "heronry"}), map[string]string{}, map[string]map[string]any{}}
	secret := d.Room(t, "carol", map[string]any{"preset": "private_chat"})
	d.SendAt(t, "carol", secret, "m.room.message", in, said("not for alice"))

	r.plant("out not-member", "bob", "m.room.message", in, said("before she came"))
	d.Do(t, "alice", "join", r.id, nil)
	r.plant("out received", "bob", "m.room.message", from.Add(-time.Millisecond), said("too early"))
	first := r.plant("in received", "bob", "m.room.message", from, said("the first instant"))
	r.plant("in received", "alice", "m.room.message", in, said("caf\u00e9 <b> & \u2028 \"x\""))
	r.plant("in received", "bob", "m.room.message", in, map[string]any{"msgtype": "m.text", "body": "* new", "m.new_content": said("new"), "m.relates_to": map[string]any{"rel_type": "m.replace", "event_id": first}})
	r.plant("out received", "bob", "m.room.message", to, map[string]any{"msgtype": "m.text", "body": "* newer", "m.new_content": said("newer"), "m.relates_to": map[string]any{"rel_type": "m.replace", "event_id": first}})
	r.plant("in received", "bob", "m.reaction", in, map[string]any{"m.relates_to": map[string]any{"rel_type": "m.annotation", "event_id": first, "key": "+1"}})
	r.plant("in e2ee-no-provider-key", "bob", "m.room.encrypted", in, map[string]any{"algorithm": "m.megolm.v1.aes-sha2", "ciphertext": "AwgAEpAB", "session_id": "x"})
	r.plant("in received", "bob", "org.example.unheard", in, map[string]any{"x": "y"})
	gone := r.plant("in received", "bob", "m.room.message", in, said("taken back"))
	r.content[gone] = map[string]any{}
	d.Redact(t, "bob", r.id, gone)
	photo := d.Upload(t, "bob", "a photo's bytes")
	r.plant("in received", "bob", "m.room.message", in, map[string]any{"msgtype": "m.image", "body": "p.jpg", "url": photo, "info": map[string]any{"thumbnail_url": "mxc://" + d.Name + "/missing"}})
	r.plant("in received", "bob", "m.room.message", in, map[string]any{"msgtype": "m.image", "body": "q.jpg", "url": "mxc://elsewhere.example/abc"})
	for i := range 230 { // several pages
		r.plant("in received", "bob", "m.room.message", in, said(fmt.Sprint("word ", i)))
	}
	r.plant("in received", "bob", "m.room.message", to.Add(-time.Millisecond), said("the last instant"))
	d.Do(t, "alice", "leave", r.id, nil)
	r.plant("out not-member", "bob", "m.room.message", in, said("while she was away"))
	d.Do(t, "alice", "join", r.id, nil)
	r.plant("in received", "bob", "m.room.message", in, said("she is back"))

	s := homeserver(t, d)
	col, h := collected(t, s, "alice")
	got, files := map[string]string{}, 0
	for i, it := range h.items {
		if it.Form == "stored" {
			files++
			if h.bytes[i] != "a photo's bytes" || it.Name != photo {
				t.Errorf("file %s: %q", it.Name, h.bytes[i])
			}
			continue
		}
		var event map[string]any
		if err := json.Unmarshal([]byte(h.bytes[i]), &event); err != nil || event["event_id"] != it.Name || event["unsigned"] != nil {
			t.Errorf("%s: %s, %v", it.Name, h.bytes[i], err)
		}
		if want, planted := r.content[it.Name]; planted && !reflect.DeepEqual(event["content"], normal(t, want)) {
			t.Errorf("%s: content %v, want %v", it.Name, event["content"], want)
		}
		got[it.Name] = string(it.Decision) + " " + it.Reason
	}
	n := 0
	for id, want := range r.want {
		if strings.HasPrefix(want, "out") {
			want = ""
		} else {
			n++
		}
		if got[id] != want {
			t.Errorf("%v: %q, want %q", r.content[id], got[id], want)
		}
	}
	if len(got) != n || files != 1 || col.Unreadable != 2 {
		t.Errorf("%d events of %d, %d files, %+v", len(got), n, files, col.Counts)
	}
	if !strings.Contains(col.Sources[0].Shown, "has left") {
		t.Errorf("the package does not say of which rooms nothing is collected: %+v", col.Sources)
	}
	if col.Sources[0].Writes == "" || len(col.Containers) != 2 || col.Containers[0].Name != r.id {
		t.Errorf("%+v %+v", col.Sources, col.Containers)
	}
	resumes(t, s, d)
	refuses(t, s, d)
	interrupted(t, s)
}

// normal is content as it comes back from JSON.
func normal(t testing.TB, content map[string]any) (back map[string]any) {
	t.Helper()
	b, err := json.Marshal(content)
	if err == nil {
		err = json.Unmarshal(b, &back)
	}
	if err != nil {
		t.Fatal(err)
	}
	return back
}

// resumes: from behind every item the rest follows, to another process too,
// and items open again.
func resumes(t *testing.T, s collect.Source, d *chatserver.Dendrite) {
	all, in := everything(t, s, "alice")
	for i := 0; i < len(all); i += 37 {
		it, n := all[i], i
		if err := homeserver(t, d).Enumerate(t.Context(), in[i], it.Position, func(next collect.Item) error {
			if n++; next.Identity != all[n].Identity || next.Position != all[n].Position || next.Membership != all[n].Membership {
				t.Fatalf("behind %d comes %+v, want %+v", i, next, all[n])
			}
			return nil
		}); err != nil || n != len(all)-1 {
			t.Fatalf("behind %d: up to %d of %d, %v", i, n, len(all), err)
		}
		b, err := read(t.Context(), s, in[i], it, 0)
		if it.Unreadable == "" && (err != nil || vitrine.DigestOf([]byte(b)) != it.SHA256 && it.Form != "stored") {
			t.Errorf("item %d: %q, %v", i, b, err)
		}
	}
	i := slices.IndexFunc(all, func(it collect.Item) bool { return it.Form == "stored" && it.Unreadable == "" })
	if b, err := read(t.Context(), s, in[i], all[i], 2); err != nil || b != "photo's bytes" || all[i].Size != 15 {
		t.Errorf("the file from 2 on: %q, %v", b, err)
	}
}

// refuses: who is unknown is unknown, and credentials that can write stop.
func refuses(t *testing.T, s collect.Source, d *chatserver.Dendrite) {
	for _, a := range []vitrine.Account{"nobody", "alic", "ALICE", "@alice:elsewhere.example", "@bob:" + vitrine.Account(d.Name) + ".example"} {
		if cs, err := s.Inventory(t.Context(), a); err != nil || len(cs) != 0 {
			t.Errorf("%s: %v, %v", a, cs, err)
		}
	}
	j := job(t, &held{}, s, "alice")
	j.Sources[0].MayWrite = ""
	_, err := j.Run(t.Context())
	says(t, err, vitrine.Refused, "no token that can only read")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Inventory(ctx, "alice"); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

// interrupted: a collection in small pieces holds what an unbroken one does.
func interrupted(t *testing.T, s collect.Source) {
	whole, all := collected(t, s, "alice")
	var parts held
	j := job(t, &parts, s, "alice")
	j.Limit = collect.Limit{Seen: 50}
	var pieces []vitrine.Collection
	for at := (*collect.Place)(nil); ; {
		c, next, err := j.Piece(t.Context(), at)
		if err != nil {
			t.Fatal(err)
		}
		if pieces, at = append(pieces, c), next; next == nil {
			break
		}
	}
	if c := collect.Join(pieces...); c.Counts != whole.Counts || !slices.Equal(parts.bytes, all.bytes) || len(pieces) < 5 {
		t.Errorf("in %d pieces %+v, in one %+v", len(pieces), c.Counts, whole.Counts)
	}
}
