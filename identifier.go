package vitrine

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"time"
)

// IdentifierKind is what names an account in its stead.
type IdentifierKind string

// The kinds; each is the prefix of the texts that are such identifiers.
const (
	ByAddress IdentifierKind = "address" // address:name@example.org
	ByPhone   IdentifierKind = "phone"   // phone:+4930123456, E.164
	ByIP      IdentifierKind = "ip"      // ip:192.0.2.7:443@2026-03-01T12:00:00Z; the port may be missing, IPv6 stands in brackets
	ByDevice  IdentifierKind = "device"  // device:356938035643809
)

// IdentifierKinds lists every kind.
var IdentifierKinds = []IdentifierKind{ByAddress, ByPhone, ByIP, ByDevice}

// Identifier is something in a demand by which a provider has to find out
// whose account is meant.
type Identifier struct {
	Kind  IdentifierKind
	Value string    // without port and time
	Port  int       // of ByIP; 0: unknown
	At    time.Time // of ByIP: the second that begins here
}

const maxDevice = 128

// ParseIdentifier returns the identifier that s is written as; ok is false for
// a text that is none. A text with a kind's prefix that is not in its one form
// is an error that says what to write.
func ParseIdentifier(s string) (id Identifier, ok bool, err error) {
	prefix, value, found := strings.Cut(s, ":")
	for _, kind := range IdentifierKinds {
		if !found || !strings.EqualFold(prefix, string(kind)) {
			continue
		}
		id = Identifier{Kind: kind, Value: value}
		switch kind {
		case ByAddress:
			err = id.address()
		case ByPhone:
			err = id.phone()
		case ByIP:
			err = id.ip()
		case ByDevice:
			err = id.device()
		}
		if err == nil && id.String() != s {
			err = fmt.Errorf("identifier %q is not in its one form: write %s", s, id)
		}
		return id, err == nil, err
	}
	return Identifier{}, false, nil
}

// Identifier is what a is written as, if it names an account by one.
func (a Account) Identifier() (Identifier, bool) {
	id, ok, _ := ParseIdentifier(string(a)) // ParseAccount refused what is wrong
	return id, ok
}

func (id Identifier) String() string {
	value := id.Value
	if id.Kind == ByIP {
		if strings.Contains(value, ":") {
			value = "[" + value + "]"
		}
		if id.Port > 0 {
			value += ":" + strconv.Itoa(id.Port)
		}
		value += "@" + id.At.Format(time.RFC3339)
	}
	return string(id.Kind) + ":" + value
}

func (id *Identifier) address() error {
	a, err := ParseCorrespondent(id.Value)
	if err != nil {
		return fmt.Errorf("identifier %q is no address: write address:name@example.org", id.Value)
	}
	id.Value = a
	return nil
}

func (id *Identifier) phone() error {
	digits, plus := strings.CutPrefix(id.Value, "+")
	if !plus || len(digits) < 7 || len(digits) > 15 || digits[0] == '0' || strings.Trim(digits, "0123456789") != "" {
		return fmt.Errorf("identifier %q is no telephone number: write phone:+ and the number with its country code, digits only, as in phone:+4930123456", id.Value)
	}
	return nil
}

// ip reads ADDRESS[:PORT]@TIME.
func (id *Identifier) ip() error {
	how := fmt.Errorf("identifier %q is no IP address at a time: write ip:192.0.2.7:443@2026-03-01T12:00:00Z (without :443 where the port is not known), or ip:[2001:db8::7]:443@2026-03-01T12:00:00Z", id.Value)
	where, when, ok := strings.Cut(id.Value, "@")
	at, err := time.Parse("2006-01-02T15:04:05Z", when)
	if !ok || err != nil || at.Year() < 1970 {
		return how
	}
	host, port := where, ""
	if rest, six := strings.CutPrefix(where, "["); six {
		host, rest, ok = strings.Cut(rest, "]")
		if port = strings.TrimPrefix(rest, ":"); !ok || rest != "" && port == rest {
			return how
		}
	} else {
		host, port, _ = strings.Cut(where, ":")
	}
	ip, err := netip.ParseAddr(host)
	if err != nil || ip.Zone() != "" {
		return how
	}
	id.Value, id.At = ip.Unmap().String(), at
	if port == "" {
		return nil
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil || n == 0 {
		return how
	}
	id.Port = int(n)
	return nil
}

func (id *Identifier) device() error {
	if id.Value == "" || len(id.Value) > maxDevice {
		return fmt.Errorf("identifier %q is no device: write device: and up to %d letters, digits, colons and - . _", id.Value, maxDevice)
	}
	for _, r := range id.Value {
		if !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-._:", r)) {
			return fmt.Errorf("identifier %q has %q: a device is named by letters, digits, colons and - . _ alone", id.Value, r)
		}
	}
	return nil
}
