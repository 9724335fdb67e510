package production_test

import (
	"encoding/base64"
	"encoding/hex"
	"regexp"
	"strings"
	"testing"

	"filippo.io/age"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/production"
)

const bech32Digits = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"

// bech32 writes data under a prefix as BIP 173 says, of any length.
func bech32(prefix string, data []byte) string {
	var values []byte
	acc, bits := 0, 0
	for _, b := range data {
		acc, bits = acc<<8|int(b), bits+8
		for ; bits >= 5; bits -= 5 {
			values = append(values, byte(acc>>(bits-5))&31)
		}
	}
	if bits > 0 {
		values = append(values, byte(acc<<(5-bits))&31)
	}
	var sum []byte
	for _, c := range []byte(prefix) {
		sum = append(sum, c>>5)
	}
	sum = append(sum, 0)
	for _, c := range []byte(prefix) {
		sum = append(sum, c&31)
	}
	sum = append(append(sum, values...), 0, 0, 0, 0, 0, 0)
	chk := uint32(1)
	for _, v := range sum {
		top := chk >> 25
		chk = chk&0x1ffffff<<5 ^ uint32(v)
		for i, g := range []uint32{0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3} {
			if top>>i&1 == 1 {
				chk ^= g
			}
		}
	}
	chk ^= 1
	out := prefix + "1"
	for _, v := range values {
		out += bech32Digits[v : v+1]
	}
	for i := range 6 {
		v := chk >> (5 * (5 - i)) & 31
		out += bech32Digits[v : v+1]
	}
	return out
}

// lowOrder are the u-coordinates of small order on Curve25519 and its twist,
// in every encoding, least significant byte first.
var lowOrder = []string{
	"0000000000000000000000000000000000000000000000000000000000000000", "0100000000000000000000000000000000000000000000000000000000000000",
	"e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800", "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
	"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f", "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	"eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
}

// TestLowOrder offers recipients whose text is right and whose point is not.
func TestLowOrder(t *testing.T) {
	base := make([]byte, 32)
	base[0] = 9
	if _, err := production.ParseRecipient(bech32("age", base)); err != nil {
		t.Fatalf("a good point is refused, so the rest shows nothing: %v", err)
	}
	pq, err := age.GenerateHybridIdentity()
	if err != nil {
		t.Fatal(err)
	}
	hybrid := unbech32(pq.Recipient().String())
	if bech32("age1pq", hybrid) != pq.Recipient().String() {
		t.Fatal("the hybrid recipient cannot be written, so the rest shows nothing")
	}
	for _, digits := range lowOrder {
		for _, top := range []byte{0, 0x80} { // the topmost bit is not looked at
			point, err := hex.DecodeString(digits)
			if err != nil {
				t.Fatal(err)
			}
			point[31] |= top
			s := bech32("age", point)
			if _, err := age.ParseX25519Recipient(s); err != nil {
				t.Fatalf("%s is not even a recipient, so it shows nothing: %v", s, err)
			}
			if _, err := production.ParseRecipient(s); vitrine.ExitCode(err) != 2 || !strings.Contains(err.Error(), "usable") {
				t.Errorf("the point %x: %v", point, err)
			}
			s = bech32("age1pq", append(hybrid[:len(hybrid)-32:len(hybrid)-32], point...))
			if _, err := production.ParseRecipient(s); vitrine.ExitCode(err) != 2 {
				t.Errorf("a hybrid with the point %x: %v", point, err)
			}
		}
	}
}

// unbech32 is the data of a string that is known to be right.
func unbech32(s string) []byte {
	digits := s[strings.LastIndexByte(s, '1')+1 : len(s)-6]
	var out []byte
	acc, bits := 0, 0
	for _, c := range []byte(digits) {
		acc, bits = acc<<5|strings.IndexByte(bech32Digits, c), bits+5
		if bits >= 8 {
			bits -= 8
			out = append(out, byte(acc>>bits))
			acc &= 1<<bits - 1
		}
	}
	return out
}

// TestRecipients offers what is no recipient, each a slip that people make or a
// key that nothing may be sealed to.
func TestRecipients(t *testing.T) {
	x := newIdentity(t)
	pq, err := age.GenerateHybridIdentity()
	if err != nil {
		t.Fatal(err)
	}
	for _, good := range []string{x.Recipient().String(), pq.Recipient().String()} {
		if _, err := production.ParseRecipient(good); err != nil {
			t.Error(err)
		}
	}
	good := x.Recipient().String()
	bad := []string{
		"", " ", good + " ", " " + good, good + "\n", strings.ToUpper(good), good[:len(good)-1], good + "q", good + "," + good, good + " comment", "\ufeff" + good,
		pq.Recipient().String()[:100], strings.ToUpper(pq.Recipient().String()), pq.Recipient().String() + "\n", "A" + good[1:],
		"age1yubikey1qwt50d05nh5vutpdzmlg5wn80xq5negm4uj9ghv0snvdd3yysf5yw3rhl3t", "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGJ0a2F0", "ssh-rsa AAAAB3NzaC1yc2E",
		"-----BEGIN PGP PUBLIC KEY BLOCK-----", "# " + good, "age1", "age1pq1", "age1tag1qqqq", strings.Replace(good, "age1", "age2", 1), strings.Replace(good, "1", "I", 1),
		"https://example.org/key", "\x00", "*", bech32("age", make([]byte, 31)), bech32("age", make([]byte, 33)), bech32("agé", make([]byte, 32)), bech32("age1pq", make([]byte, 1216)), bech32("age1pq", make([]byte, 32)),
	}
	for i := 5; i < 22; i++ { // one wrong character: the checksum must tell
		c := byte('q')
		if good[i] == 'q' {
			c = 'p'
		}
		bad = append(bad, good[:i]+string(c)+good[i+1:])
	}
	if len(bad) < 40 {
		t.Fatalf("only %d keys", len(bad))
	}
	for _, s := range bad {
		if _, err := production.ParseRecipient(s); vitrine.ExitCode(err) != 2 {
			t.Errorf("%q: %v", s, err)
		}
	}
}

// TestSecretsAreNotRepeated pastes secret keys where a recipient belongs: what
// is said about it ends up in logs.
func TestSecretsAreNotRepeated(t *testing.T) {
	x := newIdentity(t)
	pq, err := age.GenerateHybridIdentity()
	if err != nil {
		t.Fatal(err)
	}
	secret := base64.StdEncoding.EncodeToString([]byte("a private key of some other kind"))
	for _, s := range []string{
		x.String(), " " + x.String(), strings.ToLower(x.String()), "# created: today\n# public key: " + x.Recipient().String() + "\n" + x.String() + "\n", x.Recipient().String() + " " + x.String(),
		pq.String(), "\t" + pq.String(), "-----BEGIN OPENSSH PRIVATE KEY-----\n" + secret, "AGE-PLUGIN-YUBIKEY-" + secret,
	} {
		_, err := production.ParseRecipient(s)
		if vitrine.ExitCode(err) != 2 || !strings.Contains(err.Error(), "secret key") {
			t.Errorf("%v", err)
			continue
		}
		for _, part := range []string{x.String()[16:], pq.String()[19:59], secret} {
			if strings.Contains(strings.ToUpper(err.Error()), strings.ToUpper(part)) {
				t.Errorf("the secret stands in %q", err)
			}
		}
	}
}

func TestFingerprint(t *testing.T) {
	// printf 'vitrine/recipient/v1\0age1example' | sha256sum
	if got, want := production.Fingerprint("age1example"), "age:8b28-3e5c-5359-3375-ee5e-39a2-2836-6c1c"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	form := regexp.MustCompile(`^age:([0-9a-f]{4}-){7}[0-9a-f]{4}$`)
	seen := map[string]bool{}
	for range 20 {
		f := production.Fingerprint(newIdentity(t).Recipient().String())
		if seen[f] || !form.MatchString(f) {
			t.Errorf("fingerprint %q", f)
		}
		seen[f] = true
	}
}
