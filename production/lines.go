package production

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
)

// lines reads a file line by line; every line has its end.
type lines struct{ b *bufio.Reader }

func newLines(r io.Reader) *lines { return &lines{bufio.NewReaderSize(r, maxLine)} }

// next returns a line without its end, which is valid until the next call.
func (l *lines) next() ([]byte, error) {
	line, err := l.b.ReadSlice('\n')
	switch {
	case err == io.EOF && len(line) == 0:
		return nil, io.EOF
	case err == io.EOF:
		return line, errors.New("its last line has no end")
	case err != nil:
		return line, fmt.Errorf("a line is longer than %d bytes, or cannot be read: %w", maxLine, err)
	}
	return line[:len(line)-1], nil
}

// item reads a line of items.jsonl, which must be in its one form.
func (l *lines) item() (Item, error) {
	var it Item
	line, err := l.next()
	if err == io.EOF {
		return it, errors.New("it has too few lines")
	}
	if err != nil {
		return it, err
	}
	d := json.NewDecoder(bytes.NewReader(line))
	d.DisallowUnknownFields()
	if err := d.Decode(&it); err != nil {
		return it, fmt.Errorf("a line is no item: %w", err)
	}
	again, err := json.Marshal(it)
	if err != nil || !bytes.Equal(again, line) {
		return it, fmt.Errorf("the line of item %d is not in its one form", it.Number)
	}
	if it.Number < 1 || it.Size < 0 {
		return it, fmt.Errorf("item %d cannot be", it.Number)
	}
	return it, nil
}

// inList says in which list something is wrong, unless reading it failed.
func inList(name string, err error) error {
	var disk *fs.PathError
	if errors.As(err, &disk) {
		return fmt.Errorf("read %s: %w", name, err)
	}
	return unverified("%s: %v", name, err)
}
