package collect

import (
	"slices"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/idna"
	"golang.org/x/text/unicode/norm"
)

// Fields are the header fields in which a correspondent is looked for.
var fields = [...]string{"From", "Sender", "To", "Cc", "Bcc", "Resent-From", "Resent-Sender", "Resent-To", "Resent-Cc", "Resent-Bcc"}

// IsCorrespondentField reports whether addresses in the header field name, in
// its usual spelling, make someone a correspondent.
func IsCorrespondentField(name string) bool { return slices.Contains(fields[:], name) }

// domains writes a domain in other scripts as RFC 5890 A-labels. Mail knows
// names that are no host names, so nothing else is checked.
var domains = idna.New(idna.MapForLookup(), idna.Transitional(false), idna.StrictDomainName(false), idna.CheckHyphens(false), idna.CheckJoiners(false))

// Address returns the one form in which two spellings of an address are
// compared: lower case, a domain in other scripts as A-labels, a local part in
// other scripts in NFC. ok is false for bytes that are no such address.
func Address(local, domain string) (address string, ok bool) {
	if local == "" || domain == "" || !utf8.ValidString(local) || !utf8.ValidString(domain) {
		return "", false
	}
	domain = strings.TrimSuffix(domain, ".")
	if !ascii(local) {
		local = norm.NFC.String(local)
	}
	if !ascii(domain) {
		a, err := domains.ToASCII(domain)
		if err != nil {
			return "", false
		}
		domain = a
	}
	return strings.ToLower(local) + "@" + strings.ToLower(domain), domain != ""
}

func ascii(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// match returns the fields in which a demanded correspondent occurs, in the
// order of fields, and whether any field leaves room for one that was not read.
func match(demanded []string, it Item) (matched []string, doubtful bool) {
	want := make([]string, len(demanded))
	for i, d := range demanded {
		want[i] = d
		at := strings.LastIndexByte(d, '@')
		if a, ok := Address(d[:max(at, 0)], d[at+1:]); ok {
			want[i] = a
		}
	}
	for _, f := range fields {
		for _, a := range it.Correspondents[f] {
			if slices.Contains(want, a) {
				matched = append(matched, f)
				break
			}
		}
		doubtful = doubtful || slices.Contains(it.Doubtful, f) || slices.ContainsFunc(it.Correspondents[f], func(a string) bool { return bare(want, a) })
	}
	return matched, doubtful
}

// bare reports whether a has no domain and is the local part of a demanded
// address: mail from the same machine is written like that.
func bare(want []string, a string) bool {
	return !strings.Contains(a, "@") && slices.ContainsFunc(want, func(w string) bool {
		return strings.HasPrefix(w, a) && len(w) > len(a) && w[len(a)] == '@'
	})
}
