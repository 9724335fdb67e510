package collect

import (
	"encoding/json"
	"fmt"

	"github.com/vitrine-project/vitrine/production"
)

// ExtraEvidence is the key under which a preserved item keeps its evidence.
const ExtraEvidence = "evidence"

// maxEvidence bounds what is kept of one item's evidence, in bytes: a line of
// the package's list has to hold it.
const maxEvidence = 512 << 10

// evidence is what an item was enumerated with, beside what its record has, so
// that a later mandate can decide about it as if it were enumerated then.
type evidence struct {
	Sent           []production.Interval `json:"sent,omitempty"`
	Correspondents map[string][]string   `json:"correspondents,omitempty"`
	Doubtful       []string              `json:"doubtful,omitempty"`
	Flags          []string              `json:"flags,omitempty"`
	Uncertain      string                `json:"uncertain,omitempty"`
	Lasting        bool                  `json:"lasting,omitempty"`
	Membership     Membership            `json:"membership,omitempty"`
	EndToEnd       bool                  `json:"end_to_end,omitempty"`
	Extra          map[string]string     `json:"extra,omitempty"`
}

// preserved is an item's Extra with its evidence.
func preserved(it Item) (map[string]string, error) {
	e := evidence{it.Sent, it.Correspondents, it.Doubtful, it.Flags, it.Uncertain, it.Lasting, it.Membership, it.EndToEnd, it.Extra}
	b, err := json.Marshal(e)
	if err == nil && len(b) > maxEvidence {
		// So many addresses exclude nothing: all of them are in doubt.
		e.Correspondents, e.Doubtful = nil, fields[:]
		b, err = json.Marshal(e)
	}
	if err != nil {
		return nil, fmt.Errorf("keep evidence: %w", err)
	}
	return map[string]string{ExtraEvidence: string(b)}, nil
}

// Enumerated is the item that a preserved item was enumerated as. Its name says where
// it lay then.
func Enumerated(held production.Item) (Item, error) {
	var e evidence
	if err := json.Unmarshal([]byte(held.Extra[ExtraEvidence]), &e); err != nil {
		return Item{}, fmt.Errorf("read evidence: %w", err)
	}
	return Item{
		Name: held.Source + "/" + held.Container + "/" + held.Name, Size: held.Size, SHA256: held.SHA256, Category: held.Category, Form: held.Form,
		Received: held.Received, Unquoted: held.Unquoted,
		Sent: e.Sent, Correspondents: e.Correspondents, Doubtful: e.Doubtful, Flags: e.Flags, Uncertain: e.Uncertain, Lasting: e.Lasting, Membership: e.Membership, EndToEnd: e.EndToEnd, Extra: e.Extra,
	}, nil
}
