package search

import (
	"io"
	"strings"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/htmlindex"
	"golang.org/x/text/encoding/ianaindex"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"
)

// assumed are the charsets under which any of these names may mean text in
// UTF-8; what is none is unreadable.
var assumed = map[string]bool{"": true, "us-ascii": true, "ascii": true, "ansi_x3.4-1968": true, "7bit": true, "8bit": true, "unknown-8bit": true, "utf-8": true, "utf8": true}

// charset is the encoding of that name, nil if it is not known.
func charset(name string) encoding.Encoding {
	name = strings.ToLower(strings.TrimSpace(name))
	switch {
	case assumed[name]:
		return unicode.UTF8
	case name == "utf-16": // another index takes it for little-endian, whatever its mark says
		return unicode.UTF16(unicode.BigEndian, unicode.UseBOM)
	}
	e, err := htmlindex.Get(name)
	if err != nil || e == encoding.Replacement {
		e, err = ianaindex.MIME.Encoding(name)
	}
	if err != nil || e == encoding.Replacement {
		return nil
	}
	return e
}

// utf8Of reads r as UTF-8, with U+FFFD for what the charset does not have. A
// byte order mark is believed before the charset.
func utf8Of(r io.Reader, e encoding.Encoding) io.Reader {
	return transform.NewReader(r, unicode.BOMOverride(e.NewDecoder()))
}
