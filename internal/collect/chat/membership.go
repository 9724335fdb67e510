package chat

import (
	"bytes"
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/vitrine-project/vitrine/internal/collect"
)

// event is what a conversation tells of the account at one time.
type event int8

const (
	left event = iota
	joined
	present // it did something there
)

type moment struct {
	at    int64 // nanoseconds since 1970
	event event
}

// timeline is when an account was in a group.
type timeline struct {
	moments []moment
	limit   int  // when to compact
	unsure  bool // something is missing or cannot be read: nothing is certain
	// now says whether the account is a member at the end, as far as the store
	// says so itself.
	now collect.Membership
}

func (t *timeline) add(at time.Time, e event) {
	if t.moments = append(t.moments, moment{at.UnixNano(), e}); len(t.moments) > max(t.limit, 4096) {
		t.compact()
		t.limit = 2 * len(t.moments)
	}
}

// compact sorts the moments and keeps of each run of presences the two ends.
func (t *timeline) compact() {
	slices.SortFunc(t.moments, func(a, b moment) int { return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.event, b.event)) })
	kept := t.moments[:0]
	for _, m := range t.moments {
		if n := len(kept); n >= 2 && m.event == present && kept[n-1].event == present && kept[n-2].event == present {
			kept[n-1] = m
			continue
		}
		kept = append(kept, m)
	}
	t.moments = kept
}

// at says whether the account was in the group at a time. It is certain only
// where what came last and what comes next agree.
func (t *timeline) at(when time.Time) collect.Membership {
	if t.unsure || len(t.moments) == 0 {
		return collect.MembershipUnknown
	}
	next, _ := slices.BinarySearchFunc(t.moments, when.UnixNano(), func(m moment, at int64) int {
		if m.at <= at {
			return -1
		}
		return 1
	})
	var comes collect.Membership // what must hold until the next moment
	switch {
	case next == len(t.moments):
		comes = t.now
	case t.moments[next].event == joined:
		comes = collect.NotMember
	default:
		comes = collect.Member
	}
	if next == 0 {
		if comes == collect.NotMember {
			return comes
		}
		return collect.MembershipUnknown // since when it was one is not told
	}
	was := collect.Member
	if t.moments[next-1].event == left {
		was = collect.NotMember
	}
	if t.torn(next - 1) {
		return collect.MembershipUnknown
	}
	if comes == "" || comes == was {
		return was
	}
	return collect.MembershipUnknown
}

// torn reports whether the account came and went at one instant.
func (t *timeline) torn(i int) bool {
	for j := i - 1; j >= 0 && t.moments[j].at == t.moments[i].at; j-- {
		if (t.moments[j].event == left) != (t.moments[i].event == left) {
			return true
		}
	}
	return false
}

// membersNow reads the members that a thread's properties list.
func membersNow(threadProperties []byte, owner string) (is collect.Membership) {
	fields(threadProperties, func(key string, value []byte) {
		if key != "members" {
			return
		}
		if s := text(value); s != "" {
			value = []byte(s)
		}
		if !validArray(value) {
			return
		}
		is = collect.NotMember
		elements(value, func(v []byte) {
			if sameUser(text(v), owner) {
				is = collect.Member
			}
		})
	})
	return is
}

// told is what a message tells of the account: that it came, went, or did
// something there.
func told(m *message, owner string) (e event, tells bool) {
	if !strings.HasPrefix(m.kind, "ThreadActivity/") {
		return present, sameUser(m.from, owner)
	}
	is := func(tag string) bool {
		return slices.ContainsFunc(tagged(m.content, tag), func(id string) bool { return sameUser(id, owner) })
	}
	switch target := is("target"); {
	case target && m.kind == "ThreadActivity/AddMember":
		return joined, true
	case target && m.kind == "ThreadActivity/DeleteMember":
		return left, true
	case is("initiator"):
		return present, true
	}
	return 0, false
}

// sameUser compares two ids of users, which stand there with the prefix of a
// Skype user or without it.
func sameUser(a, b string) bool {
	a, b = strings.TrimPrefix(a, "8:"), strings.TrimPrefix(b, "8:")
	return a != "" && strings.EqualFold(a, b)
}

// maxTagged bounds how many ids are read from one message.
const maxTagged = 10000

// tagged lists the texts between <tag> and </tag>.
func tagged(content, tag string) (all []string) {
	for len(all) < maxTagged {
		_, rest, ok := strings.Cut(content, "<"+tag+">")
		if !ok {
			return all
		}
		body, rest, ok := strings.Cut(rest, "</"+tag+">")
		if !ok {
			return all
		}
		all, content = append(all, strings.TrimSpace(body)), rest
	}
	return all
}

func validArray(b []byte) bool { return len(bytes.TrimSpace(b)) > 0 && jsonValid(b) }
