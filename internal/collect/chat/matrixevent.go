package chat

import (
	"strings"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/internal/collect"
	"github.com/vitrine-project/vitrine/production"
)

// FormMatrix is the form of an event of a Matrix room: its JSON object as the
// homeserver returns it, without its field unsigned, which the homeserver
// computes anew for whoever asks, and which can hold other events.
const FormMatrix = "matrix-json"

// Rules by which an event tells when it was sent.
const (
	ruleOrigin           = "matrix-origin" // origin_server_ts, by the account's own homeserver
	ruleOriginRemote     = "matrix-origin-remote"
	ruleOriginUnreadable = "matrix-origin-unreadable"
)

const (
	flagEdit     = "edit"
	flagRedacted = "redacted"
	flagState    = "state"
	flagRemote   = "remote-clock"
)

// happening is what a decision needs of one event of a room.
type happening struct {
	raw                          []byte // without unsigned
	id, kind, sender, sent       string
	stateKey                     string
	state, redacted, twice       bool
	membership, relation, target string
	redacts                      string
	media                        []string // mxc addresses
}

func parseEvent(raw []byte) *happening {
	h := &happening{raw: without(raw, "unsigned")}
	var content, unsigned []byte
	seen := map[string]bool{}
	fields(raw, func(key string, value []byte) {
		h.twice = h.twice || seen[key]
		seen[key] = true
		switch key {
		case "event_id":
			h.id = text(value)
		case "type":
			h.kind = text(value)
		case "sender":
			h.sender = text(value)
		case "origin_server_ts":
			h.sent = text(value)
		case "state_key":
			h.state, h.stateKey = true, text(value)
		case "redacts":
			h.redacts = text(value)
		case "content":
			content = value
		case "unsigned":
			unsigned = value
		}
	})
	fields(unsigned, func(key string, _ []byte) { h.redacted = h.redacted || key == "redacted_because" })
	h.said(content)
	return h
}

// said reads what matters of an event's content.
func (h *happening) said(content []byte) {
	fields(content, func(key string, value []byte) {
		switch key {
		case "membership":
			h.membership = text(value)
		case "redacts":
			h.redacts = text(value)
		case "url":
			h.refer(value)
		case "info", "file":
			fields(value, func(key string, value []byte) {
				switch key {
				case "url", "thumbnail_url":
					h.refer(value)
				case "thumbnail_file":
					fields(value, func(key string, value []byte) {
						if key == "url" {
							h.refer(value)
						}
					})
				}
			})
		case "m.relates_to":
			fields(value, func(key string, value []byte) {
				switch key {
				case "rel_type":
					h.relation = text(value)
				case "event_id":
					h.target = text(value)
				}
			})
		}
	})
}

func (h *happening) refer(value []byte) {
	if a := text(value); strings.HasPrefix(a, "mxc://") {
		h.media = append(h.media, a)
	}
}

// when is the clock of the sender's homeserver.
func (h *happening) when(server string) production.Interval {
	i := production.Interval{Rule: ruleOrigin, Raw: shown(h.sent)}
	if !h.from(server) {
		i.Rule = ruleOriginRemote
	}
	t, ok := millis(h.sent)
	if !ok || t.Equal(latest) || t.Unix() <= 0 || h.twice {
		i.Rule = ruleOriginUnreadable
		return i
	}
	i.From, i.To = t, t
	return i
}

// from reports whether the sender is a user of the server.
func (h *happening) from(server string) bool { return strings.HasSuffix(h.sender, ":"+server) }

// own reports whether the event is the account's, or about it: it belongs to it
// whether it was a member then or not.
func (h *happening) own(user string) bool { return h.sender == user || h.about(user) }

// about reports whether the event says whether the account is a member.
func (h *happening) about(user string) bool {
	return h.kind == "m.room.member" && h.state && h.stateKey == user
}

// evidence is what an event says of itself.
func (h *happening) evidence(server string) collect.Item {
	it := collect.Item{Name: shown(h.id), Size: int64(len(h.raw)), SHA256: vitrine.DigestOf(h.raw), Category: Category, Form: FormMatrix, Received: h.when(server), Doubtful: doubtful[:], Extra: map[string]string{}}
	for key, value := range map[string]string{"type": h.kind, "sender": h.sender, "redacts": h.redacts, "relation": h.relation, "relates-to": h.target, "membership": h.membership} {
		if value != "" {
			it.Extra[key] = shown(value)
		}
	}
	for f, set := range map[string]bool{flagEdit: h.relation == "m.replace", flagRedacted: h.redacted, flagState: h.state, flagRemote: !h.from(server), flagTwice: h.twice} {
		if set {
			it.Flags = append(it.Flags, f)
		}
	}
	it.EndToEnd = h.kind == "m.room.encrypted"
	it.Identity = h.id + " " + it.SHA256.Hex()
	return it
}

// mxc cuts the address of a stored file.
func mxc(address string) (server, id string, ok bool) {
	server, id, ok = strings.Cut(strings.TrimPrefix(address, "mxc://"), "/")
	return server, id, ok && server != "" && id != "" && !strings.ContainsAny(server+id, "/?#%\\ ") && id != "." && id != ".."
}

// memberships are what the account's own events of membership say, one letter
// each, in the order of the room: it was a member behind it (j), or was not (l).
type memberships string

func letterOf(membership string) string {
	if membership == "join" {
		return "j"
	}
	return "l"
}

// behind is whether the account was a member behind the first n of them. whole
// says that the room is known from its beginning.
func (m memberships) behind(n int, whole bool) collect.Membership {
	switch {
	case n == 0 && whole:
		return collect.NotMember
	case n <= 0 || n > len(m):
		return collect.MembershipUnknown
	case m[n-1] == 'j':
		return collect.Member
	}
	return collect.NotMember
}
