package ledger

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
)

// maxInteger is the largest number that a document holds.
const maxInteger = 1<<53 - 1

// marshal returns v as canonical JSON (spec/ledger.md, section 1). The fields
// of v's structs stand in the order of their names.
func marshal(v any) ([]byte, error) {
	b, err := encode(v)
	if err != nil {
		return nil, err
	}
	return b, canonical(b)
}

func encode(v any) ([]byte, error) {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	err := enc.Encode(v)
	return bytes.TrimSuffix(buf.Bytes(), []byte("\n")), err
}

// unmarshal reads canonical JSON. Whatever marshal would write differently is
// refused: white space, other orders, fields that are missing or unknown.
func unmarshal(b []byte, v any) error {
	if err := canonical(b); err != nil {
		return err
	}
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.DisallowUnknownFields()
	if err := dec.Decode(v); err != nil {
		return err
	}
	again, err := marshal(v)
	if err != nil {
		return err
	}
	if !bytes.Equal(again, b) {
		return errors.New("not canonical JSON: a field is missing, or out of order, or there is white space")
	}
	return nil
}

// canonical looks at characters and numbers only.
func canonical(b []byte) error {
	inString := false
	var number uint64
	for i, c := range b {
		switch {
		case c < 0x20 || c > 0x7e || c == '\\':
			return fmt.Errorf("not canonical JSON: byte 0x%02x at %d", c, i)
		case c == '"':
			inString = !inString
		case inString:
			continue
		case c == '.' || c == '-' || c == '+':
			return fmt.Errorf("not canonical JSON: %q at %d is in no integer", c, i)
		case c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z':
			return fmt.Errorf("not canonical JSON: %q at %d stands outside of a string", c, i) // null, above all
		case c >= '0' && c <= '9':
			if number = number*10 + uint64(c-'0'); number > maxInteger {
				return fmt.Errorf("not canonical JSON: the number that ends at %d is too large", i)
			}
			continue
		}
		number = 0
	}
	return nil
}

// Hash is a SHA-256 value; its text is lower-case hexadecimal.
type Hash [32]byte

func (h Hash) String() string { return hex.EncodeToString(h[:]) }

// IsZero reports whether h is the hash of nothing.
func (h Hash) IsZero() bool { return h == Hash{} }

// MarshalText writes 64 hexadecimal digits.
func (h Hash) MarshalText() ([]byte, error) { return []byte(h.String()), nil }

// UnmarshalText reads 64 lower-case hexadecimal digits.
func (h *Hash) UnmarshalText(b []byte) error {
	v, err := fromHex(string(b))
	if err == nil && len(v) != len(h) {
		err = fmt.Errorf("want %d bytes, found %d", len(h), len(v))
	}
	if err != nil {
		return err
	}
	copy(h[:], v)
	return nil
}

// Bytes are bytes whose text is lower-case hexadecimal.
type Bytes []byte

// MarshalText writes hexadecimal digits.
func (b Bytes) MarshalText() ([]byte, error) { return []byte(hex.EncodeToString(b)), nil }

// UnmarshalText reads lower-case hexadecimal digits.
func (b *Bytes) UnmarshalText(text []byte) (err error) {
	*b, err = fromHex(string(text))
	return err
}

func fromHex(s string) ([]byte, error) {
	b, err := hex.DecodeString(s)
	if err != nil {
		return nil, err
	}
	if hex.EncodeToString(b) != s {
		return nil, errors.New("hexadecimal digits are lower-case")
	}
	return b, nil
}

// fromBase64 reads base64 as it must be written: the library passes over line
// ends.
func fromBase64(s string) ([]byte, error) {
	b, err := base64.StdEncoding.Strict().DecodeString(s)
	if err == nil && base64.StdEncoding.EncodeToString(b) != s {
		err = errors.New("base64 has no line ends")
	}
	return b, err
}
