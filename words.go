package vitrine

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Limits on words that come from outside, in bytes.
const (
	MaxAccount   = 255
	MaxReference = 200
	MaxName      = 64
)

// Digest is a SHA-256 (FIPS 180-4). As text it is "sha256:" and 64 lower-case
// hexadecimal digits.
type Digest [sha256.Size]byte

// DigestOf returns the digest of b.
func DigestOf(b []byte) Digest { return sha256.Sum256(b) }

// IsZero reports whether d was never set.
func (d Digest) IsZero() bool { return d == Digest{} }

// Hex returns the 64 digits alone, as sha256sum(1) prints them.
func (d Digest) Hex() string { return hex.EncodeToString(d[:]) }

func (d Digest) String() string { return "sha256:" + d.Hex() }

// MarshalText implements encoding.TextMarshaler.
func (d Digest) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText accepts exactly what String writes.
func (d *Digest) UnmarshalText(b []byte) error {
	p, err := ParseDigest(string(b))
	if err == nil {
		*d = p
	}
	return err
}

// ParseDigest is the inverse of Digest.String.
func ParseDigest(s string) (Digest, error) {
	var d Digest
	digits, ok := strings.CutPrefix(s, "sha256:")
	if !ok || len(digits) != 2*len(d) || strings.ToLower(digits) != digits {
		return d, fmt.Errorf("%q is not a digest: want sha256: and 64 lower-case hexadecimal digits", s)
	}
	if _, err := hex.Decode(d[:], []byte(digits)); err != nil {
		return Digest{}, fmt.Errorf("%q is not a digest: %w", s, err)
	}
	return d, nil
}

// ID names a demand inside Vitrine: 16 characters of a–z and 2–7, taken from
// the digest of what was demanded, so that it tells neither order nor number.
type ID string

// ParseID returns s as an ID if it has the form of one.
func ParseID(s string) (ID, error) {
	if len(s) != 16 {
		return "", fmt.Errorf("%q is not a demand's id: want 16 characters", s)
	}
	for _, r := range s {
		if (r < 'a' || r > 'z') && (r < '2' || r > '7') {
			return "", fmt.Errorf("%q is not a demand's id: only a–z and 2–7 occur", s)
		}
	}
	return ID(s), nil
}

// Account is the provider's own identifier of one customer's account, or an
// Identifier's text in its stead. It is never a pattern and never a path.
type Account string

// ParseAccount returns s as an Account. It refuses patterns, path elements
// and what cannot be read aloud.
func ParseAccount(s string) (Account, error) {
	switch {
	case s == "":
		return "", fmt.Errorf("an account is empty: name one account")
	case len(s) > MaxAccount:
		return "", fmt.Errorf("an account's name is %d bytes long: at most %d", len(s), MaxAccount)
	case strings.ContainsAny(s, "*?%"):
		return "", fmt.Errorf("account %q is a pattern: a demand names each account by itself; where the paper asks for everybody, write \"all\", and the demand is refused", s)
	case s == "." || s == ".." || strings.ContainsAny(s, `/\`):
		return "", fmt.Errorf("account %q is a path: give the account's own name", s)
	}
	if err := Plain("account", s); err != nil {
		return Account(s), err
	}
	_, _, err := ParseIdentifier(s)
	return Account(s), err
}

// everybody are the words by which a demand means no account in particular.
var everybody = []string{"all", "any", "anybody", "anyone", "everybody", "everyone"}

// Everybody reports whether a means no account in particular. Such a demand is
// recorded as what it is, and refused.
func (a Account) Everybody() bool {
	return slices.ContainsFunc(everybody, func(w string) bool { return strings.EqualFold(w, string(a)) })
}

// ParseReference returns s if it can stand as an authority's own number.
func ParseReference(s string) (string, error) {
	if s == "" {
		return "", fmt.Errorf("the reference is empty: give the authority's own number")
	}
	if len(s) > MaxReference {
		return "", fmt.Errorf("the reference is %d bytes long: at most %d", len(s), MaxReference)
	}
	return s, Plain("reference", s)
}

// ParseName returns s if it can name a source, an approver or an authority in
// config and statement: a–z, 0–9, "-", "." and "_", beginning with a letter.
func ParseName(s string) (string, error) {
	if s == "" || len(s) > MaxName || s[0] < 'a' || s[0] > 'z' {
		return "", fmt.Errorf("name %q: want 1 to %d of a–z, 0–9, - . _, beginning with a letter", s, MaxName)
	}
	for _, r := range s {
		if !(r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '-' || r == '.' || r == '_') {
			return "", fmt.Errorf("name %q has %q: only a–z, 0–9, - . _ occur", s, r)
		}
	}
	return s, nil
}

// blankBraille is U+2800, a pattern without dots.
const blankBraille = '\u2800'

// Plain refuses text that two readers could see differently: invalid UTF-8,
// control, formatting and other invisible characters, blanks at an end or in a
// row.
func Plain(what, s string) error {
	if !utf8.ValidString(s) {
		return fmt.Errorf("%s %q is not UTF-8", what, s)
	}
	for _, r := range s {
		if unicode.IsControl(r) || unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp, unicode.Variation_Selector, unicode.Other_Default_Ignorable_Code_Point) ||
			unicode.IsSpace(r) && r != ' ' || r == blankBraille {
			return fmt.Errorf("%s %q has the character %U, which cannot be seen", what, s, r)
		}
	}
	if strings.TrimSpace(s) != s {
		return fmt.Errorf("%s %q begins or ends with a blank", what, s)
	}
	if strings.Contains(s, "  ") {
		return fmt.Errorf("%s %q has two blanks in a row, which could look like the end of a line", what, s)
	}
	return nil
}

// Category is a class of data in the law's sense.
type Category string

// The categories. Identity is data requested for the sole purpose of
// identifying the user, Regulation (EU) 2023/1543 Art. 3(10); Subscriber in
// the US is the list of 18 U.S.C. § 2703(c)(2).
const (
	Subscriber Category = "subscriber"
	Identity   Category = "identity"
	Traffic    Category = "traffic"
	Content    Category = "content"
)

// Categories lists every category, from the least to the most intrusive.
var Categories = []Category{Subscriber, Identity, Traffic, Content}

// ParseCategory returns s as a Category.
func ParseCategory(s string) (Category, error) {
	for _, c := range Categories {
		if string(c) == s {
			return c, nil
		}
	}
	return "", fmt.Errorf("category %q is not known: want subscriber, identity, traffic or content", s)
}

// Clock says which time of an item a scope's period is compared with.
type Clock string

// The clocks: the store's own record of arrival, or the sender's Date header.
const (
	ClockReceived Clock = "received"
	ClockSent     Clock = "sent"
)

// ParseClock returns s as a Clock; the empty string is ClockReceived.
func ParseClock(s string) (Clock, error) {
	switch c := Clock(s); c {
	case "":
		return ClockReceived, nil
	case ClockReceived, ClockSent:
		return c, nil
	}
	return "", fmt.Errorf("clock %q is not known: want received or sent", s)
}

// InstrumentID names a kind of legal process, such as "us/search-warrant".
type InstrumentID string

// AuthorityID names an entry of the directory of authorities.
type AuthorityID string

// Source declares one store of a provider's: what a mandate names and the
// collector opens. Path holds "{account}" where the account is looked up.
type Source struct {
	Name string `json:"name"`
	Kind string `json:"kind"`
	Path string `json:"path"`
}
