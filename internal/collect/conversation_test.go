package collect

import (
	"testing"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/production"
)

// TestDecideConversations: what was said without the account is out, what may
// have been is for people, and ciphertext is in by its time alone.
func TestDecideConversations(t *testing.T) {
	in, before, edge := sides['i'][0], sides['o'][0], sides['a'][0]
	for _, c := range []struct {
		want string
		it   Item
	}{
		{"in received", Item{Received: in, Membership: Member}},
		{"out not-member", Item{Received: in, Membership: NotMember}},
		{"out not-member", Item{Received: edge, Membership: NotMember}},
		{"out not-member", Item{Received: in, Membership: NotMember, Unreadable: "torn"}},
		{"undeterminable membership-unknown", Item{Received: in, Membership: MembershipUnknown}},
		{"out received", Item{Received: before, Membership: MembershipUnknown}},
		{"undeterminable received-straddles", Item{Received: edge, Membership: MembershipUnknown}},
		{"unreadable unreadable", Item{Received: in, Membership: MembershipUnknown, Unreadable: "torn"}},
		{"in e2ee-no-provider-key", Item{Received: in, EndToEnd: true}},
		{"in e2ee-no-provider-key", Item{Received: in, EndToEnd: true, Membership: Member}},
		{"undeterminable membership-unknown", Item{Received: in, EndToEnd: true, Membership: MembershipUnknown}},
		{"out received", Item{Received: before, EndToEnd: true}},
		{"undeterminable received-unknown", Item{Received: production.Interval{}, EndToEnd: true}},
	} {
		c.it.Category = vitrine.Content
		v := Decide(scope(t, vitrine.ClockReceived), c.it)
		if got := string(v.Decision) + " " + string(v.Reason); got != c.want {
			t.Errorf("%+v: %s, want %s", c.it, got, c.want)
		}
	}
}

// TestEvidenceOfConversations: what a hold keeps of an item leads to the same
// decision again.
func TestEvidenceOfConversations(t *testing.T) {
	it := Item{Category: vitrine.Content, Received: sides['i'][0], EndToEnd: true, Membership: MembershipUnknown}
	extra, err := preserved(it)
	if err != nil {
		t.Fatal(err)
	}
	again, err := Enumerated(production.Item{Category: it.Category, Received: it.Received, Extra: extra})
	if err != nil || again.Membership != it.Membership || !again.EndToEnd {
		t.Errorf("%+v, %v", again, err)
	}
}
