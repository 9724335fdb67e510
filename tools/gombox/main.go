// Command gombox is one of the benchmark's peers: it filters an mbox with the
// usual Go libraries, go-mbox and go-message, and writes each message that
// matches, as the library hands it out, to a file of its own.
//
//	gombox FILE OUT ADDRESS FROM TO
package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/emersion/go-mbox"
	_ "github.com/emersion/go-message/charset"
	"github.com/emersion/go-message/mail"
)

func main() {
	if err := filter(os.Args[1], os.Args[2], os.Args[3], os.Args[4], os.Args[5]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func filter(path, out, address, from, to string) error {
	begin, err := time.Parse(time.RFC3339, from)
	if err != nil {
		return err
	}
	end, err := time.Parse(time.RFC3339, to)
	if err != nil {
		return err
	}
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	box := mbox.NewReader(f)
	var b bytes.Buffer
	for n := 0; ; n++ {
		r, err := box.NextMessage()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		b.Reset()
		if _, err := b.ReadFrom(r); err != nil {
			return err
		}
		if !matches(b.Bytes(), address, begin, end) {
			continue
		}
		if err := os.WriteFile(filepath.Join(out, fmt.Sprintf("%07d.eml", n)), b.Bytes(), 0o600); err != nil {
			return err
		}
	}
}

func matches(message []byte, address string, begin, end time.Time) bool {
	r, err := mail.CreateReader(bytes.NewReader(message))
	if r == nil {
		return err == nil
	}
	at, err := r.Header.Date()
	if err != nil || at.Before(begin) || !at.Before(end) {
		return false
	}
	for _, field := range []string{"From", "To", "Cc", "Bcc"} {
		list, err := r.Header.AddressList(field)
		for _, a := range list {
			if strings.EqualFold(a.Address, address) {
				return true
			}
		}
		if err != nil && strings.Contains(strings.ToLower(r.Header.Get(field)), address) {
			return true
		}
	}
	return false
}
