package records

import "fmt"

// Resolve declares the rows that lead from an identifier to an account.
type Resolve struct {
	Kind string `toml:"kind"` // address, phone, ip or device
}

func (r Resolve) check() error { return fmt.Errorf("not yet") }
