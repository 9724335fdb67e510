package chat

import (
	"context"
	"errors"
	"io"
	"path"
	"strconv"
	"strings"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/internal/collect"
)

// index is what one reading of an export tells: where the conversations lie,
// when the account was in each, and which files messages refer to.
type index struct {
	listed        *export // what was listed: only its list is used
	owner         string
	conversations []conversation
	members       []member
	byID          map[string][]int // of the members
	damage        []damage
}

// conversation is one of an export.
type conversation struct {
	name  string // unique
	id    string
	group bool
	lists []span // arrays of messages
	was   timeline
}

// span is where an array of messages lies, from behind its bracket on.
type span struct{ start, end int64 }

// maxConversations bounds the list of them.
const maxConversations = 1 << 20

// scan reads an export from end to end.
func (e *export) scan(ctx context.Context, a vitrine.Account) (*index, error) {
	x := &index{listed: e, members: e.members, damage: e.damage, byID: map[string][]int{}}
	for i, m := range x.members {
		id, _, _ := strings.Cut(path.Base(m.name), ".")
		x.byID[id] = append(x.byID[id], i)
	}
	if !e.found {
		return x, nil
	}
	s := newStream(e.file, e.at, e.at+e.size, false)
	r := reading{ctx: ctx, stream: s, index: x, account: a, path: e.path}
	err := r.all()
	var b *broken
	if errors.As(err, &b) {
		x.damage = append(x.damage, damage{messagesFile, b.at, e.at + e.size - b.at, b.why})
		err = nil
	}
	if err == nil && x.owner == "" && b == nil && len(x.damage) == 0 {
		err = vitrine.Refusef(vitrine.Failed, "%s does not say whose it is (userId): nothing was collected", e.path)
	}
	if err != nil {
		return nil, err
	}
	x.named()
	return x, nil
}

// named gives every conversation a name of its own.
func (x *index) named() {
	taken := map[string]bool{otherFiles: true}
	for i := range x.conversations {
		c := &x.conversations[i]
		c.name = shown(c.id)
		if c.name == "" {
			c.name = "conversation " + strconv.Itoa(i+1)
		}
		for base, n := c.name, 2; taken[c.name]; n++ {
			c.name = base + " #" + strconv.Itoa(n)
		}
		taken[c.name] = true
		c.was.compact()
	}
}

// reading is one pass over messages.json.
type reading struct {
	*stream
	ctx     context.Context
	index   *index
	account vitrine.Account
	path    string
}

func (r *reading) all() error {
	err := r.object(func(key string) error {
		switch key {
		case "userId":
			return r.ownedBy()
		case "conversations":
			_, err := r.array(r.conversation)
			return err
		}
		return r.skip()
	})
	if err == nil {
		if _, end := r.dec.Token(); end != io.EOF {
			return &broken{r.good, "something follows where the JSON ends"}
		}
	}
	return err
}

// ownedBy makes sure that the export is the account's: the file's name alone
// is a slip away from somebody else's messages.
func (r *reading) ownedBy() error {
	raw, _, err := r.value()
	if err != nil {
		return err
	}
	id := text(raw)
	_, bare, ok := strings.Cut(id, ":")
	if !ok {
		bare = id
	}
	want := string(r.account)
	if r.index.owner != "" && r.index.owner != id || want != id && want != bare && want != strings.ReplaceAll(bare, ":", "_") {
		return vitrine.Refusef(vitrine.Failed, "%s holds the data of another user than its name says (userId): nothing was collected; correct the name", r.path)
	}
	r.index.owner = id
	return nil
}

func (r *reading) conversation() error {
	if len(r.index.conversations) == maxConversations {
		return vitrine.Refusef(vitrine.Failed, "%s has more than %d conversations: nothing was collected; split the export", r.path, maxConversations)
	}
	r.index.conversations = append(r.index.conversations, conversation{})
	c := &r.index.conversations[len(r.index.conversations)-1]
	var properties []byte
	err := r.object(func(key string) (err error) {
		var raw []byte
		switch key {
		case "id":
			raw, _, err = r.value()
			c.id = text(raw)
			return err
		case "threadProperties":
			properties, _, err = r.value()
			return err
		case "MessageList":
			return r.list(c)
		}
		return r.skip()
	})
	c.was.unsure = c.was.unsure || err != nil
	c.was.now = membersNow(properties, r.index.owner)
	c.group = group(c.id) || len(properties) > 0 && properties[0] == '{'
	return err
}

// group reports whether others can come and go in a conversation. Where nobody
// can tell, they can.
func group(id string) bool {
	for _, alone := range []string{"8:", "28:", "4:", "48:", "1:", "2:"} {
		if strings.HasPrefix(id, alone) {
			return false
		}
	}
	return true
}

// list reads an array of messages for what they tell beside what they say.
func (r *reading) list(c *conversation) error {
	at := len(c.lists)
	c.lists = append(c.lists, span{-1, -1})
	_, err := r.array(func() error {
		if err := r.ctx.Err(); err != nil {
			return err
		}
		raw, start, err := r.value()
		if err != nil {
			return err
		}
		if c.lists[at].start < 0 {
			c.lists[at].start = start
		}
		c.lists[at].end = r.good
		m := parseMessage(raw)
		for _, ref := range m.refs {
			for _, i := range r.index.byID[ref] {
				r.index.members[i].referenced = true
			}
		}
		r.index.witness(c, m)
		return nil
	})
	if c.lists[at].start < 0 {
		c.lists = c.lists[:at]
	}
	return err
}

// witness takes what a message tells of the account's membership.
func (x *index) witness(c *conversation, m *message) {
	e, tells := told(m, x.owner)
	if !tells || x.owner == "" {
		return
	}
	when := m.sent()
	if !when.Known() {
		c.was.unsure = true
		return
	}
	c.was.add(when.From, e)
}

// membership is whether the account was in the conversation when the message
// was sent. What it said there, and what it came and went with, is its own.
func (c *conversation) membership(m *message, owner string) collect.Membership {
	if !c.group {
		return ""
	}
	if _, tells := told(m, owner); tells && owner != "" {
		return collect.Member
	}
	when := m.sent()
	if !when.Known() {
		return collect.MembershipUnknown
	}
	return c.was.at(when.From)
}
