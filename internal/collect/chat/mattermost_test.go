package chat_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vitrine-project/vitrine/internal/collect/records"
	"github.com/vitrine-project/vitrine/internal/vitrinetest/chatserver"
	"github.com/vitrine-project/vitrine/internal/vitrinetest/databases"
)

// TestMattermost: posts in tables that Mattermost's own migrations made, at the
// edges of the period and of the account's memberships.
func TestMattermost(t *testing.T) {
	d := databases.New(t, databases.Postgres)
	chatserver.Mattermost(t, d.Admin)
	ms := func(at time.Time) int64 { return at.UnixMilli() }
	in := from.Add(time.Hour)
	for _, u := range []string{"alice", "bob", "alice2"} {
		d.Exec(fmt.Sprintf("insert into users (id, username, password, createat, deleteat) values ('%s-id', '%s', 'secret-hash', 1, 0)", u, u))
	}
	for _, c := range []string{"group", "direct", "untold", "foreign"} {
		d.Exec(fmt.Sprintf("insert into channels (id, type, displayname, name, createat, deleteat) values ('%s', 'O', '%s', '%s', 1, 0)", c, c, c))
	}
	member := func(channel, user string, join, leave time.Time) {
		until := "null"
		if !leave.IsZero() {
			until = fmt.Sprint(ms(leave))
		}
		d.Exec(fmt.Sprintf("insert into channelmemberhistory (channelid, userid, jointime, leavetime) values ('%s', '%s-id', %d, %s)", channel, user, ms(join), until))
	}
	member("group", "alice", in, in.Add(time.Hour))
	member("group", "alice", in.Add(2*time.Hour), time.Time{})
	member("direct", "alice", from.Add(-time.Hour), time.Time{})
	member("foreign", "alice2", from.Add(-time.Hour), time.Time{})
	d.Exec("insert into channelmembers (channelid, userid, roles) values ('untold', 'alice-id', '')")
	var want []string
	n := 0
	post := func(expect, channel, user string, at time.Time, more ...any) {
		n++
		edited, deleted, original := int64(0), int64(0), ""
		for i, v := range more {
			switch i {
			case 0:
				edited = v.(int64)
			case 1:
				deleted = v.(int64)
			case 2:
				original = v.(string)
			}
		}
		message := fmt.Sprintf("%02d %s of %s", n, channel, user)
		if _, err := d.Admin.Exec("insert into posts (id, createat, updateat, editat, deleteat, userid, channelid, rootid, originalid, message, type, props, hashtags, filenames, fileids) values ($1, $2, $2, $3, $4, $5, $6, '', $7, $8, '', '{}', '', '[]', '[]')",
			fmt.Sprintf("post%02d", n), ms(at), edited, deleted, user+"-id", channel, original, message); err != nil {
			t.Fatal(err)
		}
		if expect != "" {
			want = append(want, expect+" "+message)
		}
	}
	post("", "direct", "bob", from.Add(-time.Millisecond))
	post("in received", "direct", "bob", from)
	post("in received", "direct", "alice", in)
	post("in received", "direct", "bob", to.Add(-time.Millisecond))
	post("", "direct", "bob", to)
	post("", "group", "bob", in.Add(-time.Millisecond))              // before she came
	post("in received", "group", "alice", in.Add(-time.Millisecond)) // she wrote it
	post("in received", "group", "bob", in)
	post("in received", "group", "bob", in.Add(time.Hour-time.Millisecond))
	post("", "group", "bob", in.Add(time.Hour)) // she had left
	post("in received", "group", "bob", in.Add(2*time.Hour))
	post("", "foreign", "bob", in)
	post("undeterminable received-unknown", "untold", "bob", in)
	post("in received", "untold", "alice", in)
	// Edited twice: first in the period, then behind it. post15 is the text now,
	// post16 the first one, post17 the one between.
	post("", "direct", "bob", in, ms(to.Add(time.Hour)), int64(0), "")
	post("in received", "direct", "bob", in, int64(0), ms(in.Add(time.Hour)), "post15")
	post("in received", "direct", "bob", in, int64(0), ms(to.Add(time.Hour)), "post15")
	// Written before, edited in the period: post18 is the text now, post19 was the first.
	post("in received", "direct", "bob", from.Add(-time.Minute), ms(in), int64(0), "")
	post("", "direct", "bob", from.Add(-time.Minute), int64(0), ms(in), "post18")
	post("in received", "direct", "bob", in, int64(0), ms(in.Add(time.Minute)), "") // deleted, and still there

	reader := d.Reader()
	password := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(password, []byte(databases.Password), 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := records.Postgres{URL: reader, Password: password, Tables: tables(t, "mattermost")}.Open("chat", strings.Clone)
	if err != nil {
		t.Fatal(err)
	}
	_, h := collected(t, s, "alice")
	var got []string
	for i, it := range h.items {
		var row struct{ Message string }
		if err := json.Unmarshal([]byte(h.bytes[i]), &row); err != nil || strings.Contains(h.bytes[i], "secret-hash") {
			t.Fatalf("%s, %v", h.bytes[i], err)
		}
		got = append(got, string(it.Decision)+" "+it.Reason+" "+row.Message)
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}
