package records

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"unicode/utf8"

	"github.com/vitrine-project/vitrine/internal/query"
)

// FormRow is the form of a row: one compact JSON object; spec/production.md.
const FormRow = "row-json"

// render writes the columns of a row in their order.
func render(names []string, value func(name string) query.Value) []byte {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, n := range names {
		if i > 0 {
			b.WriteByte(',')
		}
		text(&b, n)
		b.WriteByte(':')
		scalar(&b, value(n))
	}
	b.WriteByte('}')
	return b.Bytes()
}

// scalar writes one value. Bytes, and texts that are no UTF-8, are an object
// with their base64, so that no reader takes it for a text.
func scalar(b *bytes.Buffer, v query.Value) {
	switch {
	case v.Kind == query.Null:
		b.WriteString("null")
	case v.Kind == query.Integer || v.Kind == query.Boolean:
		b.WriteString(v.Text)
	case v.Kind == query.Bytes || !utf8.ValidString(v.Text):
		b.WriteString(`{"base64":"` + base64.StdEncoding.EncodeToString([]byte(v.Text)) + `"}`)
	default:
		text(b, v.Text)
	}
}

func text(b *bytes.Buffer, s string) {
	quoted, err := json.Marshal(s)
	if err != nil {
		panic("records: a string cannot be marshalled: " + err.Error()) // strings always can
	}
	b.Write(quoted)
}
