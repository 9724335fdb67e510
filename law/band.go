package law

import (
	"fmt"
	"strconv"
	"strings"
)

// CheckBand refuses bounds that are not one of the bands of that width.
func CheckBand(low, high uint64, width uint32) error {
	switch w := uint64(width); {
	case w == 0:
		return fmt.Errorf("a band has a width")
	case high < low:
		return fmt.Errorf("band %d-%d: the upper end is below the lower", low, high)
	case high-low != w-1:
		return fmt.Errorf("band %d-%d does not hold %d numbers: the first band of this width is 0-%d", low, high, w, w-1)
	case low%w != 0:
		return fmt.Errorf("band %d-%d does not begin at a multiple of %d: every other band overlaps two that may be published", low, high, w)
	}
	return nil
}

// ParseBand reads "750-999" as reports write it: two decimal numbers and a
// hyphen, and nothing else.
func ParseBand(s string) (low, high uint64, err error) {
	a, b, ok := strings.Cut(s, "-")
	low, lerr := strconv.ParseUint(a, 10, 63)
	high, herr := strconv.ParseUint(b, 10, 63)
	if !ok || lerr != nil || herr != nil || fmt.Sprintf("%d-%d", low, high) != s {
		return 0, 0, fmt.Errorf("%q is not a band: want two numbers and a hyphen, such as 0-249", s)
	}
	return low, high, nil
}
