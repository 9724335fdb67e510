package production

import (
	"encoding/hex"
	"strings"

	"filippo.io/age"

	"github.com/vitrine-project/vitrine"
)

// ParseRecipient takes exactly one age recipient in its one form: age1…
// (X25519) or age1pq1… (ML-KEM-768 with X25519). Everything else is refused;
// a secret is never repeated in what the refusal says.
func ParseRecipient(s string) (age.Recipient, error) {
	if upper := strings.ToUpper(s); strings.Contains(upper, "AGE-SECRET-KEY") || strings.Contains(upper, "AGE-PLUGIN") || strings.Contains(upper, "PRIVATE KEY") {
		return nil, vitrine.Refusef(vitrine.Usage, "this is a secret key, not a recipient: whoever wrote it here must make a new one, and give the line that begins with age1")
	}
	if strings.HasPrefix(s, "age1pq1") {
		r, err := age.ParseHybridRecipient(s)
		if err != nil || r.String() != s {
			return nil, vitrine.Refusef(vitrine.Usage, "%q is not an age recipient: copy the whole line that begins with age1pq1", clip(s))
		}
		return usable(r, s)
	}
	r, err := age.ParseX25519Recipient(s)
	if err != nil || r.String() != s {
		return nil, vitrine.Refusef(vitrine.Usage, "%q is not an age recipient: want the line that begins with age1, as age-keygen prints it", clip(s))
	}
	return usable(r, s)
}

// usable refuses points that no secret key belongs to: nothing can be sealed
// to them, and that must show before anything is collected.
func usable(r age.Recipient, s string) (age.Recipient, error) {
	if _, err := r.Wrap(make([]byte, 16)); err != nil {
		return nil, vitrine.Refusef(vitrine.Usage, "%q is not a usable age recipient: nothing can be sealed to it", clip(s))
	}
	return r, nil
}

func clip(s string) string {
	if len(s) > 80 {
		return s[:80] + "…"
	}
	return s
}

// Fingerprint is a recipient's short name, which two people can compare aloud:
// "age:" and the first 16 bytes of the SHA-256 of its text, in hexadecimal
// groups of four digits.
func Fingerprint(recipient string) string {
	d := vitrine.DigestOf([]byte("vitrine/recipient/v1\x00" + recipient))
	digits := hex.EncodeToString(d[:16])
	var groups []string
	for ; digits != ""; digits = digits[4:] {
		groups = append(groups, digits[:4])
	}
	return "age:" + strings.Join(groups, "-")
}
