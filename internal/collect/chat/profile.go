package chat

import (
	"embed"
	"io/fs"
	"slices"
	"strings"
)

//go:embed profiles/*.toml
var profiles embed.FS

// Profiles lists the chat servers whose databases there is a declaration for.
func Profiles() (names []string) {
	files, err := fs.Glob(profiles, "profiles/*.toml")
	if err != nil {
		panic("chat: " + err.Error()) // the pattern is good
	}
	for _, f := range files {
		names = append(names, strings.TrimSuffix(strings.TrimPrefix(f, "profiles/"), ".toml"))
	}
	return names
}

// Profile is the declaration of a chat server's tables, in TOML, as a source of
// records takes them; "" if there is none.
func Profile(name string) string {
	if !slices.Contains(Profiles(), name) {
		return ""
	}
	b, err := profiles.ReadFile("profiles/" + name + ".toml")
	if err != nil {
		panic("chat: " + err.Error()) // it was listed
	}
	return string(b)
}
