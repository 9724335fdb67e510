package files

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/vitrine-project/vitrine"
)

// Positions are paths. What begins with "/" is the path itself; with "=", its
// bytes in base64; with "#", in base64, its names with their lengths, those
// that are long as digests. One that is longer still is "": nothing can end or
// go on there.
const (
	maxPosition = 1000
	longName    = sha256.Size / 2 // from here on a name stands as a digest
)

// element is one name of a position, or the digest of a name.
type element struct{ name, digest string }

// position is the path of the item behind which a walk goes on.
type position []element

var errLost = vitrine.Refusef(vitrine.Failed, "the file that was read last is gone, and nobody can tell where to go on: nothing was kept, run the step again")

func digestOf(name string) string {
	sum := sha256.Sum256([]byte(name))
	return string(sum[:longName])
}

// positionOf is the position of the item at path.
func positionOf(path []string) string {
	whole := strings.Join(path, "/")
	p := "/" + whole
	if !utf8.ValidString(whole) {
		p = "=" + base64.RawStdEncoding.EncodeToString([]byte(whole))
	}
	if len(p) <= maxPosition {
		return p
	}
	var short []byte
	for _, name := range path {
		if len(name) >= longName {
			name = digestOf(name)
		}
		short = append(short, byte(len(name)))
		short = append(short, name...)
	}
	if p = "#" + base64.RawStdEncoding.EncodeToString(short); len(p) <= maxPosition {
		return p
	}
	return ""
}

func parsePosition(s string) (position, error) {
	if s == "" {
		return nil, nil
	}
	rest := []byte(s[1:])
	if s[0] != '/' {
		var err error
		if rest, err = base64.RawStdEncoding.DecodeString(s[1:]); err != nil {
			return nil, fmt.Errorf("position: %w", err)
		}
	}
	var p position
	switch s[0] {
	case '/', '=':
		for name := range strings.SplitSeq(string(rest), "/") {
			p = append(p, element{name: name})
		}
	case '#':
		for len(rest) > 0 {
			n := int(rest[0])
			if n > longName || len(rest) < 1+n {
				return nil, fmt.Errorf("position: cut in a name")
			}
			e := element{name: string(rest[1 : 1+n])}
			if n == longName {
				e = element{digest: e.name}
			}
			p, rest = append(p, e), rest[1+n:]
		}
	default:
		return nil, fmt.Errorf("position: unknown form")
	}
	return p, nil
}
