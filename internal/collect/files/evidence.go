package files

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/internal/collect"
	"github.com/vitrine-project/vitrine/production"
)

// Category is what files are: content, their names included.
const Category = vitrine.Content

// form is what the bytes are: the file's.
const form = "file"

// whole is the container's name: the account's directory with all below it. It
// is one, since directories in it are the user's, who may have millions, and
// may make and move them while they are read.
const whole = "/"

// ruleMtime is the rule by which a file tells when it was written.
const ruleMtime = "mtime"

// flagSet marks a file whose other times show that its mtime did not come with
// a write: it lies before the file's birth or behind its last change.
const flagSet = "mtime-set"

// item is the evidence on one entry.
func item(path trail, n node) collect.Item {
	p := strings.Join(path.now, "/")
	it := collect.Item{Name: collect.Valid(p), Position: positionOf(path.listed), Category: Category, Form: form}
	if n.facts == nil {
		it.Identity, it.Unreadable = "gone/"+p, collect.Vanished
		it.Received = production.Interval{Rule: ruleMtime}
		return it
	}
	it.Identity, it.Unreadable = identity(p, n), barred(n)
	it.Received = written(n.modified, cmp.Or(n.rule, ruleMtime))
	if n.kind == regular {
		it.Size = n.size
	}
	if !n.born.IsZero() && n.modified.Before(n.born) || !n.changed.IsZero() && n.modified.After(n.changed) {
		it.Flags = []string{flagSet}
	}
	it.Extra = extra(p, n)
	it.Key = keyOf(path.now, n).String()
	return it
}

// identity tells a file from all others through renames, and one name of
// several of a file from the others, but not through their renames.
func identity(path string, n node) string {
	id := fmt.Sprintf("%d/%d/%d/%d/%s", n.kind, n.inode, n.size, n.modified.UnixNano(), n.mark)
	if n.inode == 0 || n.links > 1 {
		id += "/" + path
	}
	return id
}

func barred(n node) string {
	switch {
	case n.barred != "":
		return n.barred
	case n.kind == link:
		return barredLink
	case n.kind != regular:
		return barredSpecial
	}
	return ""
}

// written is when a file's content was written, by its mtime. One that is zero
// was never set, and one that no calendar has says nothing.
func written(mtime time.Time, rule string) production.Interval {
	at := mtime.UTC().Truncate(time.Second)
	if at.Unix() <= 0 || at.Year() > 9999 {
		return production.Interval{Rule: rule, Raw: strconv.FormatInt(mtime.Unix(), 10)}
	}
	return production.Interval{From: at, To: at, Rule: rule}
}

// extra is what else the store knows.
func extra(path string, n node) map[string]string {
	e := map[string]string{}
	for name, t := range map[string]time.Time{"modified": n.modified, "changed": n.changed, "born": n.born, "created": n.created} {
		if !t.IsZero() && t.UTC().Year() <= 9999 {
			e[name] = t.UTC().Format(time.RFC3339Nano)
		}
	}
	if n.links > 1 {
		e["links"], e["inode"] = strconv.FormatUint(n.links, 10), strconv.FormatUint(n.inode, 10)
	}
	if n.mark != "" {
		e["etag"] = n.mark
	}
	if !utf8.ValidString(path) {
		e["name-bytes"] = hex.EncodeToString([]byte(path))
	}
	return e
}

// enumerate yields what lies below root behind a position.
func enumerate(ctx context.Context, root folder, span int, after string, yield func(collect.Item) error) error {
	p, err := parsePosition(after)
	if err != nil {
		return err
	}
	w := walk{ctx: ctx, span: span, entry: func(path trail, n node) error { return yield(item(path, n)) }}
	return w.all(root, trail{}, p)
}

// measure returns a token for all that lies below root, and its size.
func measure(ctx context.Context, root folder, span int) (state string, size int64, err error) {
	h, count := sha256.New(), 0
	w := walk{ctx: ctx, span: span, entry: func(path trail, n node) error {
		if n.facts == nil {
			return nil
		}
		p := strings.Join(path.now, "/")
		io.WriteString(h, p+"\x00"+identity(p, n)+"\x00")
		count++
		if n.kind == regular {
			size += n.size
		}
		return nil
	}}
	err = w.all(root, trail{}, nil)
	return fmt.Sprintf("files=%d names=%s", count, hex.EncodeToString(h.Sum(nil)[:16])), size, err
}
