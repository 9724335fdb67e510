package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"filippo.io/age"
	"github.com/hiddeco/sshsig"
	"golang.org/x/crypto/chacha20poly1305"
	"golang.org/x/crypto/ssh"
	"golang.org/x/sys/unix"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/internal/collect"
	"github.com/vitrine-project/vitrine/internal/collect/mail"
	"github.com/vitrine-project/vitrine/mandate"
	"github.com/vitrine-project/vitrine/production"
)

// The scope of all rows.
const (
	correspondent = "fork@spamassassin.taint.org"
	scopeFrom     = "2002-08-15T00:00:00Z"
	scopeTo       = "2002-09-15T00:00:00Z"
)

// children are the parts of the work that are timed in a process of their own,
// by the first argument.
var children = map[string]func(args []string) error{"scan": scan, "seal": seal, "micro": micro, "measure": measure}

// scan collects from one source: scan KIND PATTERN OUT.
func scan(args []string) error {
	kind, pattern, out := args[0], args[1], args[2]
	open := mail.Mbox
	if kind == mail.KindMaildir {
		open = mail.Maildir
	}
	src, err := open("bench", pattern)
	if err != nil {
		return err
	}
	m, err := signedMandate(src.Declaration())
	if err != nil {
		return err
	}
	hold, err := newPile(out)
	if err != nil {
		return err
	}
	spool := filepath.Join(out, "spool")
	if err := os.Mkdir(spool, 0o700); err != nil {
		return err
	}
	job := collect.Job{Mandate: m, Sources: []collect.Configured{{Source: src, MayWrite: "a benchmark"}}, Hold: hold, Now: time.Now, Dir: spool}
	if _, err := job.Run(context.Background()); err != nil {
		return err
	}
	return hold.close()
}

func signedMandate(src vitrine.Source) (mandate.Mandate, error) {
	var none mandate.Mandate
	from, _ := time.Parse(time.RFC3339, scopeFrom)
	to, _ := time.Parse(time.RFC3339, scopeTo)
	period, err := vitrine.NewPeriod(from, to)
	if err != nil {
		return none, err
	}
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return none, err
	}
	signer, err := ssh.NewSignerFromKey(key)
	if err != nil {
		return none, err
	}
	approver, err := mandate.ParseApprover("counsel", string(ssh.MarshalAuthorizedKey(signer.PublicKey())))
	if err != nil {
		return none, err
	}
	policy, now := mandate.Policy{Need: 1, Approvers: []mandate.Approver{approver}}, time.Now().UTC().Truncate(time.Second)
	st := mandate.Statement{
		Demand: "abcdefghijklmnop", Reference: "26-CR-118", Authority: "us-dc-wawd", AuthorityName: "U.S. District Court",
		Instrument: "us/search-warrant", InstrumentName: "search warrant", Articles: []string{"18 U.S.C. § 2703(a)"}, Document: vitrine.DigestOf(nil), Received: now,
		Scope: vitrine.Scope{
			Accounts: []vitrine.Account{"alice"}, Categories: []vitrine.Category{vitrine.Content}, Period: period,
			Clock: vitrine.ClockSent, Correspondents: []string{correspondent},
		},
		Sources: []vitrine.Source{src}, SealTo: []string{"SHA256:" + strings.Repeat("A", 43)}, Need: 1, Approvers: policy.Approvers,
	}
	sig, err := sshsig.Sign(strings.NewReader(st.Text()), signer, sshsig.HashSHA512, mandate.Namespace)
	if err != nil {
		return none, err
	}
	return policy.Verify(st, []vitrine.Approval{{Signature: string(sshsig.Armor(sig))}}, now)
}

// pile is a hold that copies what is in scope into one file, as a peer would,
// and what is undeterminable into another.
type pile map[production.Decision]*heap

type heap struct {
	file *os.File
	out  *bufio.Writer
}

func newPile(out string) (pile, error) {
	p := pile{}
	for d, name := range map[production.Decision]string{production.In: "hits", production.Undeterminable: "open"} {
		f, err := os.Create(filepath.Join(out, name))
		if err != nil {
			return nil, err
		}
		p[d] = &heap{f, bufio.NewWriterSize(f, 1<<20)}
	}
	return p, nil
}

func (p pile) Add(it production.Item, r io.Reader) (production.Item, error) {
	digest := sha256.New()
	n, err := io.Copy(io.MultiWriter(digest, p[it.Decision].out), r)
	it.Size, it.SHA256 = n, vitrine.Digest(digest.Sum(nil))
	return it, err
}

func (p pile) close() (err error) {
	for _, h := range p {
		err = errors.Join(err, h.out.Flush(), h.file.Close())
	}
	return err
}

// seal seals every file below a directory: seal DIR OUT. The manifest's digests
// are written beside the package.
func seal(args []string) error {
	dir, out := args[0], args[1]
	id, err := age.GenerateX25519Identity()
	if err != nil {
		return err
	}
	f, err := os.Create(filepath.Join(out, "package.zip.age"))
	if err != nil {
		return err
	}
	defer f.Close()
	digests, err := os.Create(filepath.Join(out, "digests"))
	if err != nil {
		return err
	}
	defer digests.Close()
	list := bufio.NewWriterSize(digests, 1<<20)
	w, err := production.Create(f, out, []age.Recipient{id.Recipient()})
	if err != nil {
		return err
	}
	defer w.Abort()
	var counts vitrine.Counts
	if err := sealTree(w, dir, list, &counts); err != nil {
		return err
	}
	if err := list.Flush(); err != nil {
		return err
	}
	return closePackage(w, counts)
}

// descriptor reads a file as a source does, without the library's poller.
type descriptor int

func (d descriptor) Read(b []byte) (int, error) {
	for {
		n, err := unix.Read(int(d), b)
		switch {
		case err == unix.EINTR:
		case n == 0 && err == nil && len(b) > 0:
			return 0, io.EOF
		default:
			return max(n, 0), err
		}
	}
}

func sealTree(w *production.Writer, dir string, list io.Writer, counts *vitrine.Counts) error {
	return filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() {
			return err
		}
		fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
		if err != nil {
			return err
		}
		defer unix.Close(fd)
		counts.Seen, counts.In = counts.Seen+1, counts.In+1
		at := production.Interval{From: arrived, To: arrived, Rule: "mtime"}
		it, err := w.Add(production.Item{
			Source: "files", Account: "alice", Container: "files", Name: e.Name(), Category: vitrine.Content, Form: "stored",
			Received: at, Decision: production.In, Reason: "received",
		}, descriptor(fd))
		if err != nil {
			return err
		}
		_, err = io.WriteString(list, it.SHA256.Hex()+"  "+e.Name()+"\n")
		return err
	})
}

func closePackage(w *production.Writer, counts vitrine.Counts) error {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return err
	}
	signer, err := ssh.NewSignerFromKey(key)
	if err != nil {
		return err
	}
	const statement = "a benchmark\n"
	for _, name := range []string{"mandate/statement.txt", "mandate/1.sig"} {
		if err := w.Tag(name, []byte(statement)); err != nil {
			return err
		}
	}
	_, err = w.Close(production.Info{
		Demand: "abcdefghijklmnop", Volume: 1, Mandate: vitrine.DigestOf([]byte(statement)), Sealed: time.Now(),
		Collection: vitrine.Collection{Counts: counts, Containers: []vitrine.Container{{Name: "files", Counts: counts}}},
	}, func(namespace string, message []byte) ([]byte, error) {
		sig, err := sshsig.Sign(bytes.NewReader(message), signer, sshsig.HashSHA512, namespace)
		if err != nil {
			return nil, err
		}
		return sshsig.Armor(sig), nil
	})
	return err
}

// micro does one thing that sealing cannot do without, to as many bytes:
// micro sha256|chacha20poly1305|write SIZE OUT, or micro read DIR.
func micro(args []string) error {
	if args[0] == "read" {
		return readAll(args[1])
	}
	size, err := strconv.ParseInt(args[1], 10, 64)
	if err != nil {
		return err
	}
	switch args[0] {
	case "sha256":
		b, h := make([]byte, 1<<20), sha256.New()
		for n := int64(0); n < size; n += int64(len(b)) {
			h.Write(b)
		}
	case "chacha20poly1305":
		aead, err := chacha20poly1305.New(make([]byte, chacha20poly1305.KeySize))
		if err != nil {
			return err
		}
		b, sealed := make([]byte, 64<<10), make([]byte, 0, 65<<10)
		var nonce [chacha20poly1305.NonceSize]byte
		for n := int64(0); n < size; n += int64(len(b)) {
			sealed = aead.Seal(sealed[:0], nonce[:], b, nil)
		}
	case "write":
		f, err := os.Create(filepath.Join(args[2], "written"))
		if err != nil {
			return err
		}
		defer f.Close()
		b := make([]byte, 1<<20)
		for n := int64(0); n < size; n += int64(len(b)) {
			if _, err := f.Write(b); err != nil {
				return err
			}
		}
	}
	return nil
}

func readAll(dir string) error {
	b := make([]byte, 1<<20)
	return filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() {
			return err
		}
		fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
		if err != nil {
			return err
		}
		defer unix.Close(fd)
		for {
			if _, err := (descriptor(fd)).Read(b); err == io.EOF {
				return nil
			} else if err != nil {
				return err
			}
		}
	})
}
