package records

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/vitrine-project/vitrine/internal/query"
)

// place is where an item stands in a table: its row's key, and which of the
// table's categories it is.
type place struct {
	key      query.Key
	category int
}

func (p place) String() string { return strconv.Itoa(p.category) + ":" + p.key.String() }

// parsePlace is the inverse of place.String, of a table with so many columns in
// its order and so many categories.
func parsePlace(s string, columns, categories int) (place, error) {
	digits, key, ok := strings.Cut(s, ":")
	n, err := strconv.Atoi(digits)
	if !ok || err != nil || n < 0 || n >= categories || strconv.Itoa(n) != digits {
		return place{}, fmt.Errorf("position %q is none of this table", s)
	}
	k, err := query.ParseKey(key, columns)
	if err != nil {
		return place{}, fmt.Errorf("position %q is none of this table: %w", s, err)
	}
	return place{k, n}, nil
}
