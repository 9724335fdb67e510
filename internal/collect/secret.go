package collect

import (
	"io"
	"os"
	"strings"

	"github.com/vitrine-project/vitrine"
)

const maxSecret = 64 << 10

// Secret reads a password or another credential from a file that only its
// owner can read, without the line's end. What is in it never stands in an
// error.
func Secret(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", vitrine.Refusef(vitrine.Usage, "the credential %s cannot be read (%v): write it into that file, or correct the path", path, err)
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return "", vitrine.Refusef(vitrine.Usage, "the credential %s cannot be read: %v", path, err)
	}
	if !st.Mode().IsRegular() || st.Mode().Perm()&0o077 != 0 {
		return "", vitrine.Refusef(vitrine.Usage, "the credential %s must be a file that only its owner can read: chmod 600 it", path)
	}
	b, err := io.ReadAll(io.LimitReader(f, maxSecret+1))
	if err != nil || len(b) == 0 || len(b) > maxSecret {
		return "", vitrine.Refusef(vitrine.Usage, "the credential %s is empty or longer than 64 KiB: check which file this is", path)
	}
	return strings.TrimRight(string(b), "\r\n"), nil
}
