package intake_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/internal/intake"
	"github.com/vitrine-project/vitrine/law"
)

// TestMisread wants the place, what is wrong and what to write, on one line.
func TestMisread(t *testing.T) {
	type entry struct {
		Name string `toml:"name"`
		Keys int    `toml:"keys"`
	}
	var file struct {
		Quorum struct {
			Need int  `toml:"need"`
			Live bool `toml:"live"`
		} `toml:"quorum"`
		Entry []entry `toml:"entry"`
		Say   string  `toml:"say"`
	}
	for text, want := range map[string]string{
		"say = \"a\n":                           `1:9: say: strings cannot contain newlines: a quote is missing at the end of the text`,
		"say = 2026-11-20T9:00\n":               `1:7: say: invalid datetime: "2026-11-20T9:00": want a time such as 2026-11-20T09:00:00Z, or a day such as 2026-11-20`,
		"\n[quorum]\n  need = \"2\"\n":          `3:3: quorum.need is text in quotes: want a whole number without quotes, such as 2`,
		"[quorum]\nlive = 1\n":                  `2:1: quorum.live is a whole number without quotes: want true or false without quotes`,
		"[quorum]\n\tned = 3\n":                 `2:2: key "quorum.ned" is not known: did you mean "need"?`,
		"[qourum]\nneed = 3\n":                  `1:2: key "qourum" is not known: did you mean "quorum"?`,
		"[[entry]]\nname = \"x\"\nkys = 1\n":    `3:1: key "entry.kys" is not known: did you mean "keys"?`,
		"[[entry]]\nsomething = 1\n":            `2:1: key "entry.something" is not known: want one of name, keys, or take it out`,
		"# say = 1\nSAY = \"x\"\n":              `2:1: key "SAY" is not known: keys are written in small letters, here "say"`,
		"quorum.ned = 3\n":                      `1:1: key "quorum.ned" is not known: did you mean "need"?`,
		"say = \"x\"\nsay = \"y\"\n":            `2:11: Key 'say' has already been defined.`,
		"[quorum]\nneed = \"\"\"\n\"\"\"\n":     `2:1: quorum.need is text in quotes: want a whole number without quotes, such as 2`,
		"[quorum]\nneed = 99999999999999999999": `99999999999999999999`,
	} {
		err := intake.Decode([]byte(text), &file)
		if err == nil || !strings.HasPrefix(err.Error(), want) && !strings.Contains(err.Error(), "99999") || strings.ContainsAny(err.Error(), "\n\r") || vitrine.ExitCode(err) != 2 {
			t.Errorf("%q:\n%v, want\n%s", text, err, want)
		}
	}
}

// TestInstrumentSlip wants the nearest instrument first, and all of them.
func TestInstrumentSlip(t *testing.T) {
	_, err := intake.ParseDemand([]byte(with("us/search-warrant", "us/serch-warrant")))
	if err == nil || vitrine.ExitCode(err) != 2 || !strings.HasPrefix(err.Error(), `3:1: instrument "us/serch-warrant" is not known: want one of us/search-warrant (did you mean this?), `) {
		t.Fatal(err)
	}
	for _, i := range law.All() {
		if !strings.Contains(err.Error(), string(i.ID)) {
			t.Errorf("%s is not named: %v", i.ID, err)
		}
	}
	if _, err := intake.ParseDemand([]byte(with("us/search-warrant", "xx/zzzz"))); err == nil || strings.Contains(err.Error(), "did you mean") {
		t.Errorf("nothing is near: %v", err)
	}
}

// FuzzDecode wants a usage error on one line, at a place that the file has.
func FuzzDecode(f *testing.F) {
	f.Add([]byte(good))
	f.Add([]byte("[reasons]\nto = 1\n"))
	f.Add([]byte("\"a\\nb\" = 1\n[[x.'y']]\nz=\"\"\"\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		_, err := intake.ParseDemand(b)
		if err == nil {
			return
		}
		if vitrine.ExitCode(err) != 2 || strings.ContainsAny(err.Error(), "\n\r") || !utf8.ValidString(err.Error()) {
			t.Fatalf("exit %d: %q", vitrine.ExitCode(err), err)
		}
	})
}
