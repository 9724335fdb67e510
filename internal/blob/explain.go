package blob

import (
	"errors"
	"fmt"
	"syscall"

	"github.com/vitrine-project/vitrine"
)

// explain turns what the disk says into what a person can do about it, and all
// else into a fault.
func explain(doing, dir string, err error) error {
	var told *vitrine.Refusal
	switch {
	case err == nil:
		return nil
	case errors.As(err, &told): // the reader's own refusal
		return err
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return vitrine.DiskFull(dir)
	case errors.Is(err, syscall.EROFS):
		return vitrine.Refusef(vitrine.Failed, "%s is read-only: make it writable and run the same command again; nothing is lost", dir)
	case errors.Is(err, syscall.EACCES), errors.Is(err, syscall.EPERM):
		return vitrine.NoPermission(dir, err)
	}
	return fmt.Errorf("%s: %w", doing, err)
}
