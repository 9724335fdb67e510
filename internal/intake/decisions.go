package intake

import (
	"fmt"

	"github.com/vitrine-project/vitrine"
)

// Limits of a decisions file.
const (
	MaxDecisions = 10000
	MaxReason    = 500 // bytes
)

// Decision is what a person wants done with one undeterminable item.
type Decision struct {
	Number  int64
	Produce bool
	Reason  string
}

type decisionsFile struct {
	Item []struct {
		Number int64  `toml:"number"`
		Action string `toml:"action"`
		Reason string `toml:"reason"`
	} `toml:"item"`
}

// ParseDecisions reads a decisions file, the list of open items filled in.
func ParseDecisions(b []byte) ([]Decision, error) {
	var f decisionsFile
	if err := Decode(b, &f); err != nil {
		return nil, err
	}
	out, err := f.decisions()
	return out, usage(err)
}

func (f decisionsFile) decisions() ([]Decision, error) {
	if len(f.Item) == 0 {
		return nil, fmt.Errorf("no [[item]] is decided: fill in the list of open items that lies beside the package")
	}
	if len(f.Item) > MaxDecisions {
		return nil, fmt.Errorf("%d items are decided: at most %d in one file", len(f.Item), MaxDecisions)
	}
	seen := map[int64]bool{}
	var out []Decision
	for _, it := range f.Item {
		d := Decision{Number: it.Number, Produce: it.Action == "produce", Reason: it.Reason}
		switch {
		case it.Number < 1:
			return nil, fmt.Errorf("an [[item]] has the number %d: want a number of the list of open items", it.Number)
		case seen[it.Number]:
			return nil, fmt.Errorf("item %d stands there twice: keep one", it.Number)
		case it.Action != "produce" && it.Action != "withhold":
			return nil, fmt.Errorf("item %d: action is %q: want \"produce\" or \"withhold\", or leave the item out to keep it open", it.Number, it.Action)
		case it.Action == "withhold" && it.Reason == "":
			return nil, fmt.Errorf("item %d is withheld without a reason: say why", it.Number)
		case len(it.Reason) > MaxReason:
			return nil, fmt.Errorf("item %d: the reason is %d bytes long: at most %d", it.Number, len(it.Reason), MaxReason)
		}
		if err := vitrine.Plain("the reason", it.Reason); err != nil {
			return nil, fmt.Errorf("item %d: %w", it.Number, err)
		}
		seen[it.Number] = true
		out = append(out, d)
	}
	return out, nil
}
