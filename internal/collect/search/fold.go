package search

import (
	"bytes"
	"strings"
	"unicode"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// Fold returns the form in which texts are compared: compatibility forms and
// cases made equal (Unicode's NFKC and full case folding), invisible characters
// taken out, each run of white space one blank, none at either end.
func Fold(s string) string {
	return strings.Join(strings.Fields(string(folded([]byte(s), cases.Fold()))), " ")
}

// folded is the folded form of whole characters, white space as it is. What
// case folding makes can have another compatibility form, and what that makes
// another case; twice is enough (Unicode 3.13, D146).
func folded(b []byte, fold cases.Caser) []byte {
	b = norm.NFD.Bytes(visible(b))
	b = norm.NFKD.Bytes(fold.Bytes(b))
	return visible(norm.NFKC.Bytes(fold.Bytes(b)))
}

// visible takes out what Unicode calls default-ignorable, and format characters.
func visible(b []byte) []byte {
	return bytes.Map(func(r rune) rune {
		if unicode.In(r, unicode.Cf, unicode.Variation_Selector, unicode.Other_Default_Ignorable_Code_Point) {
			return -1
		}
		return r
	}, b)
}
