package graph

import (
	"regexp"
	"strings"

	"github.com/vitrine-project/vitrine"
)

const accountMark = "{account}"

// Pattern makes of an account the user that Graph knows it by.
type Pattern struct{ before, after string }

var patternText = regexp.MustCompile(`^[0-9A-Za-z._+-]*\{account\}[0-9A-Za-z._+@-]*$`)

// ParsePattern reads a pattern with {account} in it once; "" is {account}.
func ParsePattern(text string) (Pattern, error) {
	if text == "" {
		text = accountMark
	}
	if !patternText.MatchString(text) {
		return Pattern{}, vitrine.Refusef(vitrine.Usage, "user %q is no pattern: want one like {account}@example.org", text)
	}
	before, after, _ := strings.Cut(text, accountMark)
	return Pattern{before, after}, nil
}

func (p Pattern) String() string { return p.before + accountMark + p.after }

// userText is what can name a user: an identifier, or the name of one, which has
// the form of an address. Nothing in it means anything to a path or a query.
var userText = regexp.MustCompile(`^([0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}|[0-9A-Za-z\x{80}-\x{10ffff}._+!~*^&={}|\x60'-]{1,64}@[0-9A-Za-z-]{1,63}(\.[0-9A-Za-z-]{1,63})*)$`)

// User is the account's user; ok is false if none can have such a name.
func (p Pattern) User(a vitrine.Account) (user string, ok bool) {
	user = p.before + string(a) + p.after
	return user, userText.MatchString(user) && (p.after == "" || !strings.Contains(string(a), "@"))
}
