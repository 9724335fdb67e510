package vitrine

import (
	"strings"
	"testing"
)

// TestIdentifiers: what is in its one form is an identifier, what only begins
// like one is refused with what to write, anything else is an account.
func TestIdentifiers(t *testing.T) {
	for _, s := range []string{
		"address:name@example.org", "address:n.a-m+e@xn--bcher-kva.example", "phone:+4930123456", "phone:+123456789012345",
		"ip:192.0.2.7:443@2026-03-01T12:00:00Z", "ip:192.0.2.7@2026-03-01T12:00:00Z", "ip:[2001:db8::7]:65535@2026-03-01T12:00:00Z", "ip:[::1]@1970-01-01T00:00:00Z",
		"device:356938035643809", "device:00:11:22:aa:BB:cc",
	} {
		a, err := ParseAccount(s)
		if err != nil {
			t.Errorf("%s: %v", s, err)
			continue
		}
		if id, ok := a.Identifier(); !ok || id.String() != s || id.Value == "" {
			t.Errorf("%s: is %+v, %v", s, id, ok)
		}
	}
	for _, s := range []string{
		"address:", "address:Name@example.org", "Address:name@example.org", "address:name", "address:<name@example.org>", "address:a@b@c",
		"phone:", "phone:+49 30 123456", "phone:004930123456", "phone:+0301234567", "phone:+49123", "phone:+1234567890123456", "PHONE:+4930123456", "phone:+49\u0663012345",
		"ip:192.0.2.7", "ip:192.0.2.7:443", "ip:192.0.2.7:0@2026-03-01T12:00:00Z", "ip:192.0.2.7:0443@2026-03-01T12:00:00Z", "ip:192.0.2.7:65536@2026-03-01T12:00:00Z", "ip:192.0.2.7:@2026-03-01T12:00:00Z",
		"ip:192.0.2.07@2026-03-01T12:00:00Z", "ip:192.0.2.7@2026-03-01T12:00:00+00:00", "ip:192.0.2.7@2026-03-01T12:00:00.5Z", "ip:192.0.2.7@2026-03-01 12:00:00Z", "ip:192.0.2.7@2026-02-30T12:00:00Z",
		"ip:2001:db8::7@2026-03-01T12:00:00Z", "ip:[2001:DB8::7]@2026-03-01T12:00:00Z", "ip:[2001:db8:0::7]@2026-03-01T12:00:00Z", "ip:[::ffff:192.0.2.7]@2026-03-01T12:00:00Z", "ip:[192.0.2.7]@2026-03-01T12:00:00Z",
		"ip:[fe80::1%eth0]@2026-03-01T12:00:00Z", "ip:[2001:db8::7]443@2026-03-01T12:00:00Z", "ip:[2001:db8::7@2026-03-01T12:00:00Z", "ip:example.org@2026-03-01T12:00:00Z",
		"device:", "device:a b", "device:" + strings.Repeat("1", 129), "device:\u0661",
	} {
		if _, err := ParseAccount(s); err == nil {
			t.Errorf("%s is taken", s)
		} else if _, ok := Account(s).Identifier(); ok {
			t.Errorf("%s is an identifier all the same", s)
		}
	}
	for _, s := range []string{"alice", "alice@example.org", "ipaddress:1", "telephone:+49", "ip", "address", ":x", "live:alice"} {
		if a, err := ParseAccount(s); err != nil {
			t.Errorf("%s: %v", s, err)
		} else if _, ok := a.Identifier(); ok {
			t.Errorf("%s is taken for an identifier", s)
		}
	}
}

func FuzzParseIdentifier(f *testing.F) {
	for _, s := range []string{"address:a@b.c", "phone:+4930123456", "ip:[2001:db8::7]:1@2026-03-01T12:00:00Z", "device:1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		id, ok, err := ParseIdentifier(s)
		if ok && (err != nil || id.String() != s) {
			t.Errorf("%q is %+v, written %q, %v", s, id, id.String(), err)
		}
		if !ok && err == nil {
			for _, k := range IdentifierKinds {
				if strings.HasPrefix(s, string(k)+":") {
					t.Errorf("%q is neither an identifier nor refused", s)
				}
			}
		}
	})
}
