package casework

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/internal/letter"
	"github.com/vitrine-project/vitrine/production"
)

// bag says whose bag is closed: a volume, or with volume 0 the hold.
type bag struct {
	dem    vitrine.Demand
	volume int
	events []vitrine.Event
	cursor []byte // of a piece of a hold
}

// closeBag adds the papers that lie beside the items and closes the bag.
func (d *Desk) closeBag(w *production.Writer, col vitrine.Collection, b bag) (production.Sealed, error) {
	dem := b.dem
	tags, err := d.papers(col, b)
	if err != nil {
		return production.Sealed{}, err
	}
	for _, t := range tags {
		if err := w.Tag(t.name, t.content); err != nil {
			return production.Sealed{}, err
		}
	}
	info := production.Info{
		Demand: dem.ID, Volume: b.volume, Mandate: dem.Mandate, Provider: d.Provider,
		Authority: string(dem.Submission.Authority), Reference: dem.Submission.Reference,
		Collection: veiled(col, b.volume), Open: dem.Open(), Sealed: d.Now().UTC().Truncate(time.Second),
	}
	for _, produced := range dem.Decided {
		if !produced {
			info.Withheld++
		}
	}
	return w.Close(info, d.Ring.Sign)
}

// veiled is what a volume tells of a collection: nothing of what is out but its
// number. Containers that nothing was collected from are added up without their
// names, which could tell a secret of their own. Accounts that an ambiguous
// identifier led to are several people's, of whom at most one is meant: their
// containers stand there under the identifier, added up too, and who they are
// shows in no item that nobody ruled to be produced.
func veiled(col vitrine.Collection, volume int) vitrine.Collection {
	if volume == 0 {
		return col
	}
	under := ambiguous(col.Resolved)
	var told []vitrine.Container
	for _, c := range col.Containers {
		identifier, doubtful := under[c.Account]
		if doubtful {
			c.Account = identifier
		}
		empty := c.In+c.Undeterminable == 0
		if empty {
			c.Name, c.Before, c.After = "", "", ""
		}
		i := slices.IndexFunc(told, func(t vitrine.Container) bool {
			return (doubtful || empty) && t.Source == c.Source && t.Account == c.Account && t.Name == c.Name && t.Kind == c.Kind
		})
		if i < 0 {
			told = append(told, c)
			continue
		}
		sum := &told[i]
		sum.Counts, sum.Vanished, sum.Arrived = sum.Add(c.Counts), sum.Vanished+c.Vanished, sum.Arrived+c.Arrived
		if !empty {
			sum.Before, sum.After = sum.Before+"; "+c.Before, sum.After+"; "+c.After
		}
	}
	col.Containers = told
	return col
}

// ambiguous maps the accounts that only ambiguous identifiers led to to one of
// those.
func ambiguous(resolved []vitrine.Resolution) map[vitrine.Account]vitrine.Account {
	under := map[vitrine.Account]vitrine.Account{}
	for _, certain := range []bool{false, true} {
		for _, r := range resolved {
			for _, a := range r.Accounts {
				switch {
				case (r.Outcome == vitrine.ResolvedCertain) != certain:
				case certain:
					delete(under, a)
				default:
					under[a] = r.Identifier
				}
			}
		}
	}
	return under
}

type tag struct {
	name    string
	content []byte
}

func (d *Desk) papers(col vitrine.Collection, b bag) ([]tag, error) {
	tags := []tag{{"mandate/statement.txt", []byte(b.dem.Statement)}}
	for i, a := range b.dem.Approvals {
		tags = append(tags, tag{fmt.Sprintf("mandate/%d.sig", i+1), []byte(a.Signature)})
	}
	if b.cursor != nil {
		tags = append(tags, tag{nameCursor, b.cursor})
	}
	if b.volume > 0 {
		col.Resolved = known(col.Resolved)
	}
	paper, err := sources(col)
	if err != nil {
		return nil, err
	}
	tags = append(tags, tag{nameSources, paper})
	if b.volume == 0 {
		return tags, nil
	}
	rulings := 0
	for _, e := range b.events {
		if e.Stage != vitrine.Decided {
			continue
		}
		rulings++
		tags = append(tags, tag{fmt.Sprintf("ruling/%d.txt", rulings), []byte(e.Statement)})
		for i, a := range e.Approvals {
			tags = append(tags, tag{fmt.Sprintf("ruling/%d.%d.sig", rulings, i+1), []byte(a.Signature)})
		}
	}
	custody, err := custody(b.events)
	if err != nil {
		return nil, err
	}
	kind := letter.Production
	if c := b.dem.Collection; c.In+c.Undeterminable+c.Unreadable == 0 {
		kind = letter.NoData
	}
	text, err := d.letter(b.dem, kind)
	if err != nil {
		return nil, err
	}
	return append(tags, tag{"custody.jsonl", custody}, tag{"letter.txt", []byte(text)}), nil
}

const nameSources = "sources.json"

// sources is the record of how each source was read, and of what identifiers
// led to: spec/production.md.
func sources(col vitrine.Collection) ([]byte, error) {
	b, err := json.MarshalIndent(struct {
		Version   string                    `json:"version"`
		Catalogue *vitrine.CatalogueVersion `json:"catalogue"`
		Sources   []vitrine.Visit           `json:"sources"`
		Resolved  []vitrine.Resolution      `json:"resolved"`
	}{"vitrine-sources/1", col.Catalogue, append([]vitrine.Visit{}, col.Sources...), append([]vitrine.Resolution{}, col.Resolved...)}, "", "  ")
	return append(b, '\n'), err
}

// known is what a volume tells of what identifiers led to. Where one is
// ambiguous, whose else it may have been is nobody's to know.
func known(resolved []vitrine.Resolution) []vitrine.Resolution {
	told := slices.Clone(resolved)
	for i, r := range told {
		if r.Outcome != vitrine.ResolvedCertain {
			told[i].Accounts, told[i].Rows = nil, nil
		}
	}
	return told
}

// custody is the record of who did what and when, a line an event, each with
// the digest of the event as it is stored.
func custody(events []vitrine.Event) ([]byte, error) {
	var b bytes.Buffer
	for _, e := range events {
		body, err := json.Marshal(e)
		if err != nil {
			return nil, err
		}
		line, err := json.Marshal(struct {
			Seq   int            `json:"seq"`
			At    time.Time      `json:"at"`
			By    string         `json:"by"`
			Stage vitrine.Stage  `json:"stage"`
			Names []string       `json:"approvers,omitempty"`
			Event vitrine.Digest `json:"event"`
		}{e.Seq, e.At, e.By, e.Stage, e.Approvers, vitrine.DigestOf(body)})
		if err != nil {
			return nil, err
		}
		b.Write(append(line, '\n'))
	}
	return b.Bytes(), nil
}
