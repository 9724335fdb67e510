package chat_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/internal/collect"
	sk "github.com/vitrine-project/vitrine/internal/vitrinetest/skypeexport"
)

// TestSkypeGroups: in a group only what was said while the account was there.
func TestSkypeGroups(t *testing.T) {
	at := func(h int) time.Time { return from.Add(time.Duration(h) * time.Hour) }
	add := func(h int, who, whom string) sk.Message {
		return sk.Message{At: at(h), From: group, Type: "ThreadActivity/AddMember", Content: "<addmember><eventtime>1</eventtime><initiator>" + who + "</initiator><target>" + whom + "</target></addmember>"}
	}
	remove := func(h int, who, whom string) sk.Message {
		return sk.Message{At: at(h), From: group, Type: "ThreadActivity/DeleteMember", Content: "<deletemember><eventtime>1</eventtime><initiator>" + who + "</initiator><target>" + whom + "</target></deletemember>"}
	}
	say := func(h int, who string) sk.Message { return text(at(h), who, "at "+fmt.Sprint(h)) }
	all := []string{alice, bob}
	for name, c := range map[string]struct {
		members  []string
		messages []sk.Message
		want     string // i in, o out, u undeterminable, in the order of messages
	}{
		"joined and left":          {[]string{bob}, []sk.Message{say(1, bob), add(2, bob, alice), say(3, bob), say(4, alice), say(5, bob), remove(6, alice, alice), say(7, bob)}, "oiiiiio"},
		"in all the time":          {all, []sk.Message{add(1, alice, alice), say(2, bob), say(3, carol)}, "iii"},
		"made it":                  {all, []sk.Message{add(1, alice, bob), say(2, bob)}, "ii"},
		"nothing is told":          {all, []sk.Message{say(1, bob), say(2, carol)}, "uu"},
		"since when is not told":   {all, []sk.Message{say(1, bob), say(2, alice), say(3, bob), say(4, alice), say(5, bob)}, "uiiii"},
		"left, and no more told":   {[]string{bob}, []sk.Message{say(1, bob), remove(2, bob, alice), say(3, bob)}, "uio"},
		"left, and is a member":    {all, []sk.Message{add(1, bob, alice), remove(2, bob, alice), say(3, bob)}, "iiu"},
		"joined, and is no member": {[]string{bob}, []sk.Message{add(1, bob, alice), say(2, bob), say(3, alice), say(4, bob)}, "iiiu"},
		"twice in":                 {all, []sk.Message{add(1, bob, alice), say(2, bob), remove(3, bob, alice), say(4, bob), add(5, bob, alice), say(6, bob)}, "iiioii"},
		"joined twice":             {all, []sk.Message{add(1, bob, alice), say(2, bob), add(3, bob, alice), say(4, bob)}, "iuii"},
		"back without a word":      {nil, []sk.Message{add(1, bob, alice), remove(2, bob, alice), say(3, bob), say(4, alice), say(5, bob)}, "iiuii"},
		"in and out at once":       {nil, []sk.Message{add(1, bob, alice), remove(1, bob, alice), say(2, bob)}, "iiu"},
		"ids without a prefix":     {[]string{"live:alice"}, []sk.Message{say(1, bob), add(2, "live:bob", "live:alice"), say(3, bob), say(4, "live:alice"), say(5, "live:alicia")}, "oiiii"},
		"others come and go":       {nil, []sk.Message{add(1, bob, alice), add(2, bob, carol), say(3, carol), remove(4, bob, carol), say(5, bob)}, "iiiii"},
	} {
		s, _ := tarred(t, sk.Export{User: alice, Conversations: []sk.Conversation{{ID: group, Members: c.members, Messages: c.messages}}}, "live_alice")
		items, _ := everything(t, s, "live_alice")
		p, _ := vitrine.NewPeriod(from, to)
		scope := vitrine.Scope{Categories: []vitrine.Category{vitrine.Content}, Period: p, Clock: vitrine.ClockReceived}
		got := ""
		for _, it := range slices.Backward(items) {
			got += string(collect.Decide(scope, it).Decision)[:1]
		}
		if got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}
