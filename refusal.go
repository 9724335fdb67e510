package vitrine

import (
	"errors"
	"fmt"
)

// Kind sorts what can be said to a person who does not get what they asked for.
type Kind int

// The kinds. One table, Refusal.ExitCode, maps them to exit codes.
const (
	Failed     Kind = iota // it went wrong and can be tried again
	Usage                  // the call, a file or the config is wrong
	Unverified             // something does not verify
	Refused                // the law, the mandate or a rule forbids it
	Busy                   // not now: another process holds what is needed, or a tick must come first; the text says when
)

var exitCodes = [...]int{Failed: 1, Usage: 2, Unverified: 3, Refused: 4, Busy: 5}

// Refusal is an answer for people: what is wrong, on which ground, and what to
// do. A fault of the program is an ordinary error instead.
type Refusal struct {
	Kind   Kind   `json:"kind"`
	Ground string `json:"ground,omitempty"` // article of law, or the rule's name
	Text   string `json:"text"`
}

func (r *Refusal) Error() string {
	if r.Ground == "" {
		return r.Text
	}
	return r.Text + " (" + r.Ground + ")"
}

// Refusef returns a Refusal of the given kind without a ground.
func Refusef(k Kind, format string, args ...any) *Refusal {
	return &Refusal{Kind: k, Text: fmt.Sprintf(format, args...)}
}

// ExitCode is the exit code of a command that ends with err: 0 for nil, the
// kind's for a Refusal anywhere in its chain, 1 for a fault.
func ExitCode(err error) int {
	if err == nil {
		return 0
	}
	var r *Refusal
	if errors.As(err, &r) && int(r.Kind) < len(exitCodes) {
		return exitCodes[r.Kind]
	}
	return exitCodes[Failed]
}

// DiskFull is what a person is told when there is no room where something is
// kept.
func DiskFull(where string) *Refusal {
	return Refusef(Failed, "disk full: free space in %s and run the same command again; nothing is lost", where)
}

// NoPermission is what a person is told when the system, in its own words,
// does not let vitrine into a directory.
func NoPermission(dir string, words error) *Refusal {
	return Refusef(Failed, "no permission in %s (%v): let the user that runs vitrine read and write there, and run the same command again", dir, words)
}
