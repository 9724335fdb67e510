package files

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/vitrine-project/vitrine"
)

// key tells an item's file, and the version of it that was enumerated.
type key struct {
	path     []string
	inode    uint64
	size     int64
	modified int64 // nanoseconds since 1970
	mark     string
}

func keyOf(path []string, n node) key {
	return key{path: path, inode: n.inode, size: n.size, modified: n.modified.UnixNano(), mark: n.mark}
}

func (k key) String() string {
	return fmt.Sprintf("%d/%d/%d/%s\x00%s", k.inode, k.size, k.modified, k.mark, strings.Join(k.path, "/"))
}

func parseKey(s string) (k key, err error) {
	head, path, ok := strings.Cut(s, "\x00")
	parts := strings.SplitN(head, "/", 4)
	if !ok || len(parts) != 4 || path == "" {
		return k, fmt.Errorf("key of a file: %d parts", len(parts))
	}
	if k.inode, err = strconv.ParseUint(parts[0], 10, 64); err != nil {
		return k, fmt.Errorf("key of a file: %w", err)
	}
	if k.size, err = strconv.ParseInt(parts[1], 10, 64); err != nil {
		return k, fmt.Errorf("key of a file: %w", err)
	}
	if k.modified, err = strconv.ParseInt(parts[2], 10, 64); err != nil {
		return k, fmt.Errorf("key of a file: %w", err)
	}
	k.mark, k.path = parts[3], strings.Split(path, "/")
	return k, nil
}

// is reports whether what was found is the version that was enumerated.
func (k key) is(inode uint64, f *facts) bool {
	return f != nil && f.kind == regular && inode == k.inode && f.size == k.size && f.modified.Equal(time.Unix(0, k.modified)) && f.mark == k.mark
}

var errChanged = vitrine.Refusef(vitrine.Failed, "a file changed while it was collected: nothing was kept, run the step again")
