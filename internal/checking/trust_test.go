package checking

import (
	"testing"
	"time"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/production"
)

const key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBUMUwbD6gXRFCpLvI7m5EYd0wyZh2DqKN4bqmwCcRKK"

// FuzzTrust wants an accepted trust file to name a key, and a quorum without
// which no mandate counts.
func FuzzTrust(f *testing.F) {
	f.Add([]byte("provider = \"" + key + "\"\nneed = 1\n[[approver]]\nname = \"one\"\nkey = \"" + key + "\"\n"))
	f.Add([]byte("provider = \"" + key + "\"\nneed = 0\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		trust, err := parseTrust(b, time.Now)
		if err != nil {
			return
		}
		if trust.Provider == nil || trust.Mandate == nil || trust.Mandate(production.About{}, nil, nil) == nil {
			t.Fatalf("accepted: %q", b)
		}
	})
}

// TestTrust: what a trust file lacks is said.
func TestTrust(t *testing.T) {
	good := "provider = \"" + key + "\"\nneed = 1\n[[approver]]\nname = \"one\"\nkey = \"" + key + "\"\n"
	if _, err := parseTrust([]byte(good), time.Now); err != nil {
		t.Error(err)
	}
	for _, bad := range []string{"", "need = 1", good + "x = 1\n", "provider = \"" + key + "\"\n", "provider = \"x\"\n" + good[len(key)+14:]} {
		if _, err := parseTrust([]byte(bad), time.Now); err == nil {
			t.Errorf("accepted: %q", bad)
		}
	}
	if _, err := LoadTrust("none", time.Now); vitrine.ExitCode(err) != 2 {
		t.Errorf("%v", err)
	}
}
