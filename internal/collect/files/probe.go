package files

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/vitrine-project/vitrine/internal/collect"
)

// writing are the extensions by which OpenSSH's server writes. It names each
// only where it would carry it out.
var writing = []string{"posix-rename@openssh.com", "hardlink@openssh.com", "fsync@openssh.com", "lsetstat@openssh.com", "copy-data"}

// Probe asks the server whether the file system below all accounts is mounted
// read-only for it, which alone proves that nothing can be written. A server
// that only refuses to write (internal-sftp -R) does not say so: that it names
// no extension that writes is a hint, since it names none either where it was
// told to refuse these requests (-P, -p) and not the others.
func (v *servers) Probe(ctx context.Context) (collect.Access, error) {
	s, base, err := v.base(ctx)
	if err != nil {
		return collect.Access{}, err
	}
	if s.extensions[extStatvfs] {
		ro, err := s.readOnly(ctx, base)
		if ro {
			return collect.Access{Shown: "statvfs@openssh.com: the file system is mounted read-only for the server"}, nil
		}
		if err := unlessStatus(err); err != nil {
			return collect.Access{}, err
		}
	}
	var may []string
	for _, name := range writing {
		if s.extensions[name] {
			may = append(may, name)
		}
	}
	slices.Sort(may)
	a := collect.Access{Shown: "the server's extensions and statvfs@openssh.com"}
	if len(may) > 0 {
		a.Writes = fmt.Sprintf("%s offers %s; give Vitrine a mount that is read-only for the server", v.line.address, strings.Join(may, ", "))
		return a, nil
	}
	a.Writes = fmt.Sprintf("%s names no extension that writes, as a server does that was started with -R, but the protocol does not let it say that it refuses all writing; give Vitrine a mount that is read-only for the server, or confirm -R", v.line.address)
	return a, nil
}
