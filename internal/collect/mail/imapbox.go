package mail

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/emersion/go-imap/v2"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/internal/collect"
)

// How many connections wait for their next use, and for how long.
const (
	maxIdle = 4
	idleFor = 10 * time.Second
)

// boxKey is a container's Key: what it was when it was listed.
type boxKey struct {
	Mailbox  string `json:"mailbox"`
	Validity uint32 `json:"validity"`
	Next     uint32 `json:"next"`
	Use      string `json:"use,omitempty"` // what the server says it is for
}

func parseBoxKey(s string) (k boxKey, err error) {
	if err := json.Unmarshal([]byte(s), &k); err != nil {
		return k, fmt.Errorf("key of a mailbox: %w", err)
	}
	return k, nil
}

// mailbox is one entry of a LIST.
type mailbox struct{ name, use string }

// acquire returns a connection that is logged in for an account.
func (s *imaps) acquire(ctx context.Context, a vitrine.Account) (*link, error) {
	s.mu.Lock()
	for i, l := range s.idle {
		if l.account == a {
			s.idle = slices.Delete(s.idle, i, i+1)
			l.timer.Stop()
			if l.alive() {
				s.mu.Unlock()
				return l, nil
			}
			break
		}
	}
	s.mu.Unlock()
	user, err := filled(s.config.User, a)
	if err != nil {
		return nil, err
	}
	as, err := filled(s.config.As, a)
	if err != nil {
		return nil, err
	}
	l, err := s.dial.link(ctx, user, as)
	if err != nil {
		return nil, err
	}
	l.account = a
	return l, nil
}

// release keeps a connection for a while.
func (s *imaps) release(l *link) {
	if l == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.idle) >= maxIdle {
		s.idle[0].cut()
		s.idle = slices.Delete(s.idle, 0, 1)
	}
	if !l.alive() {
		l.cut()
		return
	}
	l.timer = time.AfterFunc(idleFor, l.cut)
	s.idle = append(s.idle, l)
}

// refusedLogin is what a refused login for an account means: that the server
// does not know it, if the same credentials open the reference account.
func (s *imaps) refusedLogin(ctx context.Context, no *errLogin, a vitrine.Account) error {
	refusal := vitrine.Refusef(vitrine.Failed, "%s: %v: correct user, as or password, or grant the user to act for every account", s.dial.address, no)
	switch no.no.Code {
	case imap.ResponseCodeAuthenticationFailed, imap.ResponseCodeAuthorizationFailed:
	default:
		return refusal
	}
	if a == vitrine.Account(s.config.Reference) || !strings.Contains(s.config.User+s.config.As, accountMark) {
		return refusal
	}
	l, err := s.acquire(ctx, vitrine.Account(s.config.Reference))
	if errors.As(err, new(*errLogin)) {
		return refusal
	}
	if err == nil {
		s.release(l)
	}
	return err
}

// Inventory lists the account's mailboxes. Those that others share with it are
// not its own and are left out.
func (s *imaps) Inventory(ctx context.Context, a vitrine.Account) ([]collect.Container, error) {
	l, err := s.acquire(ctx, a)
	var no *errLogin
	if errors.As(err, &no) {
		return nil, s.refusedLogin(ctx, no, a)
	}
	if err != nil {
		return nil, err
	}
	defer s.release(l)
	boxes, err := s.mailboxes(ctx, l, a)
	if err != nil || len(boxes) == 0 {
		return nil, err
	}
	if err := s.same(ctx, l, boxes); err != nil {
		return nil, err
	}
	var containers []collect.Container
	for _, b := range boxes {
		data, err := l.examine(ctx, b.name)
		if err != nil {
			return nil, err
		}
		key, err := json.Marshal(boxKey{b.name, data.UIDValidity, uint32(data.UIDNext), b.use})
		if err != nil {
			return nil, fmt.Errorf("name a mailbox: %w", err)
		}
		containers = append(containers, collect.Container{
			Account: a, Name: collect.Valid(b.name), Kind: KindIMAP, State: stateOf(data), Count: int64(data.NumMessages), Key: string(key),
		})
	}
	return containers, nil
}

// same refuses an account at which the user may do more than where Probe
// asked.
func (s *imaps) same(ctx context.Context, l *link, boxes []mailbox) error {
	s.mu.Lock()
	accepted := !s.asked || s.writes
	s.mu.Unlock()
	if accepted {
		return nil
	}
	access, err := l.rights(ctx, boxes)
	if err == nil && access.Writes != "" {
		return vitrine.Refusef(vitrine.Refused, "the user may do more at this account than at the reference account (%s): nothing was read; correct its rights", access.Writes)
	}
	return err
}

// mailboxes lists what can be opened of the account's own.
func (s *imaps) mailboxes(ctx context.Context, l *link, a vitrine.Account) ([]mailbox, error) {
	foreign, told, err := l.foreign(ctx)
	if err != nil {
		return nil, err
	}
	root, err := filled(s.config.Mailboxes, a)
	if err != nil {
		return nil, err
	}
	var options *imap.ListOptions
	if caps := l.caps; caps.Has(imap.CapListExtended) && caps.Has(imap.CapSpecialUse) {
		options = &imap.ListOptions{ReturnSpecialUse: true}
	}
	all, err := do(ctx, l, l.Client.List("", "*", options).Collect)
	if err != nil {
		return nil, err
	}
	var boxes []mailbox
	for _, m := range all {
		if root != "" && m.Delim != 0 && strings.ContainsRune(string(a), m.Delim) {
			return nil, vitrine.Refusef(vitrine.Failed, "account %q has %q in it, which on that server leads to another mailbox: nothing was read", a, m.Delim)
		}
		if slices.Contains(m.Attrs, imap.MailboxAttrNoSelect) || slices.Contains(m.Attrs, imap.MailboxAttrNonExistent) {
			continue
		}
		if root != "" && !below(m.Mailbox, root, m.Delim) || root == "" && slices.ContainsFunc(foreign, func(f space) bool { return below(m.Mailbox, f.root, f.delim) }) {
			continue
		}
		if root == "" && !told && !strings.EqualFold(m.Mailbox, "INBOX") {
			return nil, vitrine.Refusef(vitrine.Failed, "%s does not say which mailboxes are others' (NAMESPACE, RFC 2342), and shows more than INBOX: nothing was read; log in as a user of your own and say in mailboxes where an account's lie", l.host)
		}
		boxes = append(boxes, mailbox{m.Mailbox, use(m.Attrs)})
	}
	return boxes, nil
}

// below reports whether a mailbox is root or lies under it.
func below(name, root string, delim rune) bool {
	return name == root || delim != 0 && strings.HasPrefix(name, root+string(delim))
}

// use is what a mailbox is for by RFC 6154: "drafts", "trash", …
func use(attrs []imap.MailboxAttr) string {
	for _, a := range []imap.MailboxAttr{imap.MailboxAttrDrafts, imap.MailboxAttrTrash, imap.MailboxAttrJunk, imap.MailboxAttrArchive, imap.MailboxAttrSent, imap.MailboxAttrAll, imap.MailboxAttrFlagged} {
		if slices.ContainsFunc(attrs, func(b imap.MailboxAttr) bool { return strings.EqualFold(string(a), string(b)) }) {
			return strings.ToLower(strings.TrimPrefix(string(a), "\\"))
		}
	}
	return ""
}

// space is a namespace of others' mailboxes.
type space struct {
	root  string
	delim rune
}

// foreign are the namespaces of what others share (RFC 2342), if the server
// tells them.
func (l *link) foreign(ctx context.Context) (spaces []space, told bool, err error) {
	if !l.caps.Has(imap.CapNamespace) {
		return nil, false, nil
	}
	data, err := do(ctx, l, l.Namespace().Wait)
	if err != nil {
		return nil, false, err
	}
	for _, n := range append(data.Other, data.Shared...) {
		spaces = append(spaces, space{strings.TrimSuffix(n.Prefix, string(n.Delim)), n.Delim})
	}
	return spaces, true, nil
}

// examine opens a mailbox for reading only and returns its state.
func (l *link) examine(ctx context.Context, name string) (*imap.SelectData, error) {
	l.box = ""
	data, err := do(ctx, l, l.Client.Select(name, &imap.SelectOptions{ReadOnly: true}).Wait)
	if err != nil {
		return nil, fmt.Errorf("open mailbox %q: %w", name, err)
	}
	if data.UIDValidity == 0 || data.UIDNext == 0 {
		return nil, vitrine.Refusef(vitrine.Failed, "%s gives mailbox %q no UIDVALIDITY or no UIDNEXT: its messages cannot be told apart for certain; collect from a copy of its files", l.host, name)
	}
	l.box = name
	return data, nil
}

// again opens a mailbox and insists that it is the one that was listed.
func (l *link) again(ctx context.Context, k boxKey) (*imap.SelectData, error) {
	data, err := l.examine(ctx, k.Mailbox)
	if err != nil {
		return nil, err
	}
	if data.UIDValidity != k.Validity {
		return nil, vitrine.Refusef(vitrine.Failed, "the server numbered mailbox %q anew while it was read (its UIDVALIDITY was %d and is %d): nothing was kept, run the step again", k.Mailbox, k.Validity, data.UIDValidity)
	}
	return data, nil
}

func stateOf(d *imap.SelectData) string {
	return fmt.Sprintf("uidvalidity=%d uidnext=%d highestmodseq=%d exists=%d", d.UIDValidity, d.UIDNext, d.HighestModSeq, d.NumMessages)
}

// rights asks what the user may do with each mailbox.
func (l *link) rights(ctx context.Context, boxes []mailbox) (collect.Access, error) {
	if !l.caps.Has(imap.CapACL) {
		return collect.Access{Shown: "CAPABILITY without ACL", Writes: "the server offers no ACL, so it cannot be asked what the user may do"}, nil
	}
	shown := map[string]int{}
	var writes []string
	for _, b := range boxes {
		data, err := do(ctx, l, l.MyRights(b.name).Wait)
		if err != nil {
			return collect.Access{}, fmt.Errorf("ask for rights on mailbox %q: %w", b.name, err)
		}
		if data.Mailbox != b.name {
			return collect.Access{}, fmt.Errorf("asked for rights on mailbox %q: %w", b.name, errGarbled)
		}
		rights := string(data.Rights)
		shown[rights]++
		if strings.Trim(rights, "lr") != "" {
			writes = append(writes, fmt.Sprintf("%s on %q", rights, b.name))
		}
	}
	a := collect.Access{Shown: fmt.Sprintf("MYRIGHTS of %d mailboxes:", len(boxes))}
	for _, rights := range slices.Sorted(maps.Keys(shown)) {
		a.Shown += fmt.Sprintf(" %s (%d)", rights, shown[rights])
	}
	if len(writes) > 0 {
		a.Writes = fmt.Sprintf("MYRIGHTS says %s", strings.Join(writes[:min(len(writes), 3)], ", "))
	}
	return a, nil
}
