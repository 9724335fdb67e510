package query

import (
	"encoding/base64"
	"fmt"
	"strings"
)

// Kind is what a value is. It is one letter, so that a key's text can bear it.
type Kind byte

// The kinds. What a store knows beyond them is Text, as the store writes it.
const (
	Null    Kind = 'n'
	Integer Kind = 'i' // decimal digits, "-" before them where negative
	Decimal Kind = 'd' // a number as the store writes it, "NaN" and infinities too
	Boolean Kind = 'b' // "true" or "false"
	Text    Kind = 't'
	Bytes   Kind = 'x'
	Instant Kind = 'z' // 2026-03-01T12:00:00.250Z, the fraction as the column has it
	Local   Kind = 'l' // the same without a zone
	Date    Kind = 'y' // 2026-03-01
	Dynamic Kind = '*' // of a column only: each value has a kind of its own
)

// Value is one value of a row, exactly as stored.
type Value struct {
	Kind Kind
	Text string // of Bytes, the bytes themselves; of Null, ""
	key  string // the store's own text, where it differs
}

// MaxKey is how long a key's text may be.
const MaxKey = 900

// Key holds the values of the columns that order a table, of one row.
type Key []Value

// String writes a key as Parse reads it: each value as its kind and its bytes
// in base64url, joined by ".".
func (k Key) String() string {
	parts := make([]string, len(k))
	for i, v := range k {
		parts[i] = string(rune(v.Kind)) + base64.RawURLEncoding.EncodeToString([]byte(v.bound()))
	}
	return strings.Join(parts, ".")
}

// bound is the text by which a store finds the value again.
func (v Value) bound() string {
	if v.key != "" {
		return v.key
	}
	return v.Text
}

// ParseKey is the inverse of Key.String, for a key of n values.
func ParseKey(s string, n int) (Key, error) {
	if len(s) > MaxKey {
		return nil, fmt.Errorf("a key of %d bytes: at most %d", len(s), MaxKey)
	}
	parts := strings.Split(s, ".")
	if len(parts) != n {
		return nil, fmt.Errorf("a key of %d values: want %d", len(parts), n)
	}
	key := make(Key, n)
	for i, p := range parts {
		if p == "" || !strings.ContainsRune("idbtxzly", rune(p[0])) {
			return nil, fmt.Errorf("value %d of the key has no kind", i+1)
		}
		b, err := base64.RawURLEncoding.Strict().DecodeString(p[1:])
		if err != nil {
			return nil, fmt.Errorf("value %d of the key: %w", i+1, err)
		}
		key[i] = Value{Kind: Kind(p[0]), Text: string(b)}
	}
	if key.String() != s {
		return nil, fmt.Errorf("the key is not in its one form")
	}
	return key, nil
}

// Equal reports whether both keys are those of one row.
func (k Key) Equal(l Key) bool { return len(k) == len(l) && k.String() == l.String() }
