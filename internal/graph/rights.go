package graph

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"slices"
	"strings"
)

// reading are the permissions by which nothing can be changed.
var reading = []string{
	"Directory.Read.All", "Files.Read", "Files.Read.All", "Mail.Read", "Mail.ReadBasic", "Mail.ReadBasic.All", "MailboxFolder.Read.All", "MailboxSettings.Read",
	"Sites.Read.All", "User.Read", "User.Read.All", "User.ReadBasic.All",
}

// Access says what the application may do besides reading, "" if its token
// shows that it is nothing, and by what that is shown. The token is asked for
// what it says and not verified: it comes from the login itself. One without any
// of the permissions in need shows nothing: the application may then have got
// its rights elsewhere.
func (c *Client) Access(ctx context.Context, need ...string) (writes, shown string, err error) {
	t, err := c.bearer(ctx, "")
	if err != nil {
		return "", "", err
	}
	writes, shown = access(rights(t), need)
	return writes, shown, nil
}

func access(rights, need []string) (writes, shown string) {
	shown = "the token's permissions: " + cut(strings.Join(rights, " "))
	others := slices.DeleteFunc(slices.Clone(rights), func(r string) bool { return slices.Contains(reading, r) })
	switch {
	case len(others) > 0:
		return "the application has " + cut(strings.Join(others, " ")) + "; " + need[0] + " is enough", shown
	case !slices.ContainsFunc(need, func(n string) bool { return slices.Contains(rights, n) }):
		return "what the application may do stands elsewhere than in its token, if anywhere; give it " + need[0] + " and nothing else", "the token does not name " + need[0]
	}
	return "", shown
}

// rights are the roles and delegated scopes in a token, in its order; none if it
// cannot be read.
func rights(token string) []string {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return nil
	}
	body, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return nil
	}
	var claims struct {
		Roles  []string `json:"roles"`
		Scopes string   `json:"scp"`
	}
	if json.Unmarshal(body, &claims) != nil {
		return nil
	}
	all := append(claims.Roles, strings.Fields(claims.Scopes)...)
	for i, r := range all {
		all[i] = strings.Map(func(c rune) rune {
			if c < ' ' || c > '~' {
				return '?'
			}
			return c
		}, r)
	}
	return all
}
