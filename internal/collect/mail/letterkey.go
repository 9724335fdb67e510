package mail

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/internal/collect"
)

// letterKey tells a message's file from every other and from itself with
// other bytes.
type letterKey struct {
	entry
	ino         uint64
	size, mtime int64
	head        int64 // length of the header that was enumerated
	sum         [sha256.Size]byte
}

func (k letterKey) String() string {
	return fmt.Sprintf("%d/%d/%d/%d/%d/%x/%s", k.sub, k.ino, k.size, k.mtime, k.head, k.sum, k.name)
}

func parseLetterKey(s string) (k letterKey, err error) {
	parts := strings.SplitN(s, "/", 7)
	if len(parts) != 7 {
		return k, fmt.Errorf("key of a message: %d parts", len(parts))
	}
	k.name = parts[6]
	var errs [6]error
	k.sub, errs[0] = strconv.Atoi(parts[0])
	k.ino, errs[1] = strconv.ParseUint(parts[1], 10, 64)
	k.size, errs[2] = strconv.ParseInt(parts[2], 10, 64)
	k.mtime, errs[3] = strconv.ParseInt(parts[3], 10, 64)
	k.head, errs[4] = strconv.ParseInt(parts[4], 10, 64)
	_, errs[5] = hex.Decode(k.sum[:], []byte(parts[5]))
	if err := errors.Join(errs[:]...); err != nil || k.sub < 0 || k.sub >= len(subs) || k.name == "" {
		return k, fmt.Errorf("key of a message: %v", err)
	}
	return k, nil
}

// is reports whether st is the file that k was taken from, unchanged.
func (k letterKey) is(st unix.Stat_t) bool {
	return st.Ino == k.ino && st.Size == k.size && st.Mtim.Nano() == k.mtime && st.Mode&unix.S_IFMT == unix.S_IFREG
}

var errChanged = vitrine.Refusef(vitrine.Failed, "a message changed while it was collected: nothing was kept, run the step again")

// openLetter opens the file of a message, where it is now, from offset on.
func (b *box) openLetter(ctx context.Context, k letterKey, offset int64) (io.ReadCloser, error) {
	at := k.entry
	fd, err := collect.OpenAt(b.dirs[at.sub], at.name, 0)
	for n := 0; errors.Is(err, unix.ENOENT) && n < maxMoves; n++ {
		list, _, err2 := b.list(ctx, k.unique())
		if err2 != nil {
			return nil, err2
		}
		i, found := slices.BinarySearchFunc(list, k.unique(), toUnique)
		if !found {
			return nil, collect.ErrVanished
		}
		at = list[i]
		fd, err = collect.OpenAt(b.dirs[at.sub], at.name, 0)
	}
	if err != nil {
		return nil, fmt.Errorf("open a message: %w", err)
	}
	r := &letterReader{file: os.NewFile(uintptr(fd), "message"), key: k, left: k.head, head: sha256.New()}
	if !r.same() {
		r.Close()
		return nil, errChanged
	}
	if _, err := io.CopyN(io.Discard, r, offset); err != nil {
		return nil, errors.Join(err, r.Close())
	}
	return r, nil
}

// letterReader reads a file and, at its end, whether it was the one meant.
type letterReader struct {
	file *os.File
	key  letterKey
	left int64 // of the header
	head hash.Hash
	read int64
}

func (r *letterReader) same() bool {
	var st unix.Stat_t
	return collect.Again(func() error { return unix.Fstat(int(r.file.Fd()), &st) }) == nil && r.key.is(st)
}

func (r *letterReader) Read(p []byte) (int, error) {
	n, err := r.file.Read(p)
	header := min(int64(n), r.left)
	r.head.Write(p[:header])
	r.left -= header
	r.read += int64(n)
	if err == io.EOF && (r.read != r.key.size || !bytes.Equal(r.head.Sum(nil), r.key.sum[:]) || !r.same()) {
		return n, errChanged
	}
	return n, err
}

func (r *letterReader) Close() error { return r.file.Close() }
