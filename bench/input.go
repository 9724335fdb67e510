package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"time"
)

// mark is the Message-ID that each made message has as its first line, and
// what every tool's output is compared by.
const mark = "Message-ID: <bench-%d@bench.invalid>\n"

var marked = regexp.MustCompile(`(?m)^Message-I[Dd]: <bench-([0-9]+)@bench\.invalid>`)

// arrived lies outside of the scope, so that a message without a readable Date
// is outside for every tool that falls back on it.
var arrived = time.Date(2003, 6, 1, 12, 0, 0, 0, time.UTC)

// input is what all tools are given, made once in a directory that is kept.
type input struct {
	dir      string
	mbox     string // a directory of one file, alice.mbox
	slice    string // the first tenth of it, for tools that take too long
	maildir  string // a directory of one Maildir, alice
	small    string // files to be sealed
	size     int64  // of the mbox
	cut      int64  // of the slice
	mailSize int64
	sealSize int64
	messages int
}

func (in input) box() string { return filepath.Join(in.mbox, "alice.mbox") }
func (in input) cur() string { return filepath.Join(in.maildir, "alice", "cur") }

// realMail unpacks the shared data folder's messages, or takes a directory
// where they lie unpacked.
func realMail(shared, unpacked string) ([][]byte, error) {
	if unpacked == "" {
		unpacked = filepath.Join(os.TempDir(), "vitrine-real-mail")
		script := filepath.Join(shared, "data", "mail.sh")
		if out, err := exec.Command("bash", script, unpacked).CombinedOutput(); err != nil {
			return nil, fmt.Errorf("unpack real mail with %s: %w\n%s(give its folder with --shared, or unpacked mail with --mail)", script, err, out)
		}
	}
	files, err := filepath.Glob(filepath.Join(unpacked, "*", "*.txt"))
	if err == nil && len(files) == 0 {
		err = errors.New("there is none: want DIR/*/*.txt, one message a file")
	}
	if err != nil {
		return nil, fmt.Errorf("read real mail in %s: %w", unpacked, err)
	}
	slices.Sort(files)
	var messages [][]byte
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			return nil, fmt.Errorf("read real mail: %w", err)
		}
		messages = append(messages, unmarked(b))
	}
	return messages, nil
}

var ownID = regexp.MustCompile(`(?im)^Message-ID:[^\n]*\n([ \t][^\n]*\n)*`)

// unmarked is a message without a From_ line and without a Message-ID of its
// own, with a line's end at its end.
func unmarked(b []byte) []byte {
	if bytes.HasPrefix(b, []byte("From ")) {
		b = b[bytes.IndexByte(b, '\n')+1:]
	}
	header := len(b)
	if i := bytes.Index(b, []byte("\n\n")); i >= 0 {
		header = i + 1
	}
	b = slices.Concat(ownID.ReplaceAll(b[:header], nil), b[header:])
	if !bytes.HasSuffix(b, []byte("\n")) {
		b = append(b, '\n')
	}
	return b
}

// makeInput writes an mbox of the size and the same messages as a Maildir, and
// some twice as many bytes of files to be sealed, unless they are there.
func makeInput(cache string, size, seal int64, mail func() ([][]byte, error)) (input, error) {
	in := input{dir: filepath.Join(cache, fmt.Sprintf("input-%d-%d", size, seal))}
	in.mbox, in.maildir = filepath.Join(in.dir, "mbox"), filepath.Join(in.dir, "maildir")
	in.slice, in.small = filepath.Join(in.dir, "slice.mbox"), filepath.Join(in.dir, "small")
	done := filepath.Join(in.dir, "complete")
	if b, err := os.ReadFile(done); err == nil {
		_, err = fmt.Sscan(string(b), &in.size, &in.cut, &in.mailSize, &in.sealSize, &in.messages)
		return in, err
	}
	messages, err := mail()
	if err != nil {
		return in, err
	}
	if err := os.RemoveAll(in.dir); err != nil {
		return in, err
	}
	for _, d := range []string{in.mbox, in.small, in.cur(), filepath.Join(in.maildir, "alice", "new"), filepath.Join(in.maildir, "alice", "tmp")} {
		if err := os.MkdirAll(d, 0o700); err != nil {
			return in, err
		}
	}
	if err := in.write(messages, size, seal); err != nil {
		return in, fmt.Errorf("make input: %w", err)
	}
	return in, os.WriteFile(done, fmt.Appendln(nil, in.size, in.cut, in.mailSize, in.sealSize, in.messages), 0o600)
}

// perFolder is how many of the files to be sealed lie in one directory.
const perFolder = 10_000

func (in *input) write(messages [][]byte, size, seal int64) error {
	box, err := os.Create(in.box())
	if err != nil {
		return err
	}
	defer box.Close()
	out := bufio.NewWriterSize(box, 1<<20)
	for n := 0; in.size < size || in.sealSize < seal; n++ {
		b := append(fmt.Appendf(nil, mark, n), messages[n%len(messages)]...)
		if in.size < size {
			item := fmt.Appendf(nil, "From sender@example.org %s\n%s\n", arrived.Format(time.ANSIC), fromLine.ReplaceAll(b, []byte(">$1")))
			if _, err := out.Write(item); err != nil {
				return err
			}
			name := fmt.Sprintf("%d.M%d.bench:2,S", arrived.Unix(), n)
			if err := os.WriteFile(filepath.Join(in.cur(), name), b, 0o600); err != nil {
				return err
			}
			in.size, in.mailSize, in.messages = in.size+int64(len(item)), in.mailSize+int64(len(b)), n+1
			if in.cut == 0 && in.size >= sliceOf(size) {
				in.cut = in.size
			}
		}
		if in.sealSize < seal {
			dir := filepath.Join(in.small, fmt.Sprintf("%03d", n/perFolder))
			if n%perFolder == 0 {
				if err := os.Mkdir(dir, 0o700); err != nil {
					return err
				}
			}
			if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("%07d.eml", n)), b, 0o600); err != nil {
				return err
			}
			in.sealSize += int64(len(b))
		}
	}
	if err := out.Flush(); err != nil {
		return err
	}
	return copyHead(in.box(), in.slice, in.cut)
}

// sliceOf is the size of the slice for slow tools.
func sliceOf(size int64) int64 { return min(size, 100_000_000) }

var fromLine = regexp.MustCompile(`(?m)^(>*From )`)

// tiny writes an mbox of that many messages as small as they come, one in a
// thousand of them in scope, in a place of its own.
func tiny(cache string, items int) (string, int64, error) {
	dir := filepath.Join(cache, fmt.Sprintf("tiny-%d", items))
	path, done := filepath.Join(dir, "alice.mbox"), filepath.Join(dir, "complete")
	if _, err := os.Stat(done); err != nil {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return dir, 0, err
		}
		f, err := os.Create(path)
		if err != nil {
			return dir, 0, err
		}
		defer f.Close()
		out := bufio.NewWriterSize(f, 1<<20)
		for n := range items {
			year := 2003
			if n%1000 == 0 {
				year = 2002
			}
			fmt.Fprintf(out, "From a@example.org Sun Sep  1 12:00:00 %d\nFrom: %s\nDate: 1 Sep %d 12:00:00 +0000\n\n%d\n\n", year, correspondent, year, n)
		}
		if err := out.Flush(); err != nil {
			return dir, 0, err
		}
		if err := os.WriteFile(done, nil, 0o600); err != nil {
			return dir, 0, err
		}
	}
	st, err := os.Stat(path)
	if err != nil {
		return dir, 0, err
	}
	return dir, st.Size(), nil
}
