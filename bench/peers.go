package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
)

// bench is one run of the whole benchmark.
type bench struct {
	input
	self, vitrine, gombox string // programs
	work                  string // a directory for what the tools write
	python                string // the system's own, where it is there
	recipient             string // of age
}

func (b *bench) child(args ...string) *exec.Cmd { return exec.Command(b.self, args...) }

func shell(script string, args ...string) *exec.Cmd {
	cmd := exec.Command("bash", append([]string{"-ec", "set -o pipefail; " + script, "bench"}, args...)...)
	cmd.Env = append(os.Environ(), "TZ=UTC", "LC_ALL=C")
	return cmd
}

const address = `fork@spamassassin\.taint\.org`

// grepmail compares the day as the header has it. It keeps an index of where
// messages begin, which a mailbox that is asked about once does not have.
func (b *bench) grepmail() *contestant {
	const script = `grepmail -q -C "$2/index" -E '$email_header =~ /^(From|To|Cc|Bcc):[^\n]*(\n[ \t][^\n]*)*fork\@spamassassin\.taint\.org/im' ` +
		`-d 'between 15 aug 2002 and 15 sep 2002' "$1" > "$2/hits"`
	c := &contestant{name: "grepmail", how: "no index yet; header-local day", needs: []string{"grepmail"}, bytes: b.cut, found: messagesIn}
	if b.cut != b.size {
		c.how += fmt.Sprintf("; the first %d MB only", b.cut/1_000_000)
	}
	c.command = func(out string) *exec.Cmd { return shell(script, b.slice, out) }
	return c
}

// nobody is the user of that name on most systems.
const nobody = 65534

// doveadm rewrites the mbox that it reads, so it gets a copy.
func (b *bench) doveadm() *contestant {
	conf := filepath.Join(b.work, "dovecot.conf")
	const settings = "log_path=/dev/stderr\nprotocols=\nssl=no\nmbox_write_locks=fcntl\nmail_uid=%d\nmail_gid=%d\nfirst_valid_uid=0\nfirst_valid_gid=0\nmail_location=mbox:%s:INBOX=%s\n"
	const script = `HOME=$2 USER=bench doveadm -c "$1" fetch text mailbox INBOX SENTSINCE 2002-08-15 SENTBEFORE 2002-09-15 ` +
		`\( FROM $3 OR TO $3 OR CC $3 OR BCC $3 \) > "$2/hits"`
	return &contestant{
		name: "doveadm", how: "mbox driver, no index yet; header-local day; on a copy, which it rewrites", needs: []string{"doveadm"}, bytes: b.size,
		prepare: func(out string) error {
			root, copied := filepath.Join(out, "root"), filepath.Join(out, "inbox")
			user, group := os.Getuid(), os.Getgid()
			if user == 0 {
				user, group = nobody, nobody // it refuses to read mail as root
			}
			err := errors.Join(os.Mkdir(root, 0o700), copyHead(b.box(), copied, b.size), os.Chown(root, user, group), os.Chown(copied, user, group), os.Chmod(out, 0o777))
			return errors.Join(err, os.WriteFile(conf, fmt.Appendf(nil, settings, user, group, root, copied), 0o600))
		},
		command: func(out string) *exec.Cmd { return shell(script, conf, out, correspondent) },
		found:   func(out string) (set, error) { return messagesIn(filepath.Join(out, "hits")) },
	}
}

const pythonFilter = `
import email.utils, mailbox, sys
from datetime import datetime, timezone
begin, end = (datetime.fromisoformat(t.replace("Z", "+00:00")) for t in sys.argv[4:6])
with open(sys.argv[2] + "/hits", "wb") as out:
    for m in mailbox.mbox(sys.argv[1]):
        fields = [str(v) for f in ("from", "to", "cc", "bcc") for v in m.get_all(f, [])]
        if not any(a.lower() == sys.argv[3] for _, a in email.utils.getaddresses(fields)):
            continue
        try:
            at = email.utils.parsedate_to_datetime(str(m["date"]))
        except (TypeError, ValueError):
            continue
        if begin <= (at if at.tzinfo else at.replace(tzinfo=timezone.utc)) < end:
            out.write(m.as_bytes())
`

func (b *bench) pythonMailbox() *contestant {
	return &contestant{
		name: "python mailbox", how: "and email.utils", needs: []string{b.python}, bytes: b.size, found: messagesIn,
		command: func(out string) *exec.Cmd {
			return exec.Command(b.python, "-c", pythonFilter, b.box(), out, correspondent, scopeFrom, scopeTo)
		},
	}
}

func (b *bench) goMbox() *contestant {
	c := &contestant{name: "go-mbox", how: "and go-message, each hit a file", bytes: b.size, found: messagesIn}
	if b.gombox == "" {
		c.missing = "it was not built"
	}
	c.command = func(out string) *exec.Cmd {
		return exec.Command(b.gombox, b.box(), out, correspondent, scopeFrom, scopeTo)
	}
	return c
}

// mpick is the test of mblaze; it wants a home.
const mpick = `HOME=$2 mlist "$1" 2>/dev/null | HOME=$2 mpick -t '(from =~~ "` + address + `" || to =~~ "` + address + `" || "cc" =~~ "` + address + `" || "bcc" =~~ "` + address + `") ` +
	`&& date >= "2002-08-15 00:00:00" && date < "2002-09-15 00:00:00"' 2>/dev/null`

func (b *bench) mblaze(copies bool) *contestant {
	script, how, found := mpick+` > "$2/names"`, "mlist and mpick, prints names only", b.named
	if copies {
		script, how, found = mpick+` | xargs -d '\n' cat > "$2/hits"`, "mlist and mpick, copies what matches", messagesIn
	}
	return &contestant{
		name: "mblaze", how: how, needs: []string{"mlist", "mpick"}, bytes: b.mailSize, found: found,
		command: func(out string) *exec.Cmd { return shell(script, filepath.Join(b.maildir, "alice"), out) },
	}
}

// named are the messages whose file names a tool printed.
func (b *bench) named(out string) (set, error) {
	names, err := os.ReadFile(filepath.Join(out, "names"))
	found := set{}
	for _, m := range fileNumber.FindAllSubmatch(names, -1) {
		found[string(m[1])] = true
	}
	return found, err
}

// ours times the collection alone, in a process of its own.
func (b *bench) ours(kind string, cores int) *contestant {
	pattern, size := filepath.Join(b.mbox, "{account}.mbox"), b.size
	if kind == "maildir" {
		pattern, size = filepath.Join(b.maildir, "{account}"), b.mailSize
	}
	plural := "s"
	if cores == 1 {
		plural = ""
	}
	return &contestant{
		name: "Vitrine", how: fmt.Sprintf("collect.Job.Run into a file, %d core%s", cores, plural), ours: true, bytes: size,
		command: func(out string) *exec.Cmd {
			cmd := b.child("scan", kind, pattern, out)
			cmd.Env = append(os.Environ(), fmt.Sprintf("GOMAXPROCS=%d", cores))
			return cmd
		},
		found: func(out string) (set, error) { return messagesIn(filepath.Join(out, "hits")) },
	}
}

// answered times the whole command.
func (b *bench) answered(w *world, size int64) *contestant {
	return &contestant{
		name: "Vitrine", how: "vitrine answer", ours: true, bytes: size, found: w.found,
		prepare: func(string) error { return w.ask("alice") },
		command: w.answer,
	}
}

// bagged is what stock tools make of files in data/: a bag's manifest.
const bagged = `printf 'BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n' > bagit.txt; find data -type f -print0 | xargs -0 sha256sum > manifest-sha256.txt; sha256sum bagit.txt manifest-sha256.txt > tagmanifest-sha256.txt; `

// sealers are the ways to pack and encrypt a bag, by name.
func (b *bench) sealers() map[string][2]string {
	return map[string][2]string{
		"tar | age": {`tar -cf - bagit.txt *manifest-sha256.txt data | age -r ` + b.recipient + ` -o "$1/sealed"`, "age"},
		"zip, gpg":  {`zip -q -0 -r "$1/plain.zip" bagit.txt *manifest-sha256.txt data; gpg --batch --homedir "$1" --no-symkey-cache --pinentry-mode loopback --passphrase x -z 0 -o "$1/sealed" -c "$1/plain.zip"`, "gpg"},
		"7z":        {`7z a -bd -mx=0 -mhe=on -px "$1/sealed.7z" bagit.txt *manifest-sha256.txt data >/dev/null`, "7z"},
	}
}

// pipeline is the whole job with stock tools: filter, bag, seal.
func (b *bench) pipeline(name string) *contestant {
	way := b.sealers()[name]
	c := &contestant{
		name: "go-mbox, sha256sum, " + name, how: "pipeline", needs: []string{way[1], "sha256sum"}, bytes: b.size,
		command: func(out string) *exec.Cmd {
			return shell(`mkdir "$1/data"; "$2" "$3" "$1/data" "$4" "$5" "$6"; cd "$1"; `+bagged+way[0], out, b.gombox, b.box(), correspondent, scopeFrom, scopeTo)
		},
		found: func(out string) (set, error) { return messagesIn(filepath.Join(out, "data")) },
	}
	if b.gombox == "" {
		c.missing = "go-mbox was not built"
	}
	if name == "zip, gpg" {
		c.needs = append(c.needs, "zip")
	}
	return c
}

// sealed seals many small files with stock tools; a bag's data/ is a link to
// them, so that nothing is copied.
func (b *bench) sealed(name string) *contestant {
	way := b.sealers()[name]
	c := &contestant{
		name: "sha256sum, " + name, how: "pipeline", needs: []string{way[1], "sha256sum"}, bytes: b.sealSize,
		prepare: func(out string) error { return os.Symlink(b.small, filepath.Join(out, "data")) },
		command: func(out string) *exec.Cmd {
			return shell(`cd "$1"; `+follow(bagged+way[0]), out)
		},
		found: func(out string) (set, error) { return digestsIn(filepath.Join(out, "manifest-sha256.txt")) },
	}
	if name == "zip, gpg" {
		c.needs = append(c.needs, "zip")
	}
	return c
}

// ownSeal times the package's writer alone.
func (b *bench) ownSeal() *contestant {
	return &contestant{
		name: "Vitrine", how: fmt.Sprintf("production.Writer, %d cores", runtime.GOMAXPROCS(0)), ours: true, bytes: b.sealSize,
		command: func(out string) *exec.Cmd { return b.child("seal", b.small, out) },
		found:   func(out string) (set, error) { return digestsIn(filepath.Join(out, "digests")) },
	}
}

// micros are what sealing cannot do without.
func (b *bench) micros() []*contestant {
	size := fmt.Sprint(b.sealSize)
	of := func(name string, command func(out string) *exec.Cmd) *contestant {
		return &contestant{name: name, how: "micro rate", bytes: b.sealSize, command: command}
	}
	return []*contestant{
		of("read", func(string) *exec.Cmd { return b.child("micro", "read", b.small) }),
		of("sha256", func(out string) *exec.Cmd { return b.child("micro", "sha256", size) }),
		of("chacha20poly1305", func(out string) *exec.Cmd { return b.child("micro", "chacha20poly1305", size) }),
		of("write", func(out string) *exec.Cmd { return b.child("micro", "write", size, out) }),
	}
}

// follow lets find, tar, zip and 7z go through the link.
func follow(script string) string {
	script = strings.ReplaceAll(script, "find data", "find data/")
	script = strings.ReplaceAll(script, "tar -c", "tar -hc")
	return strings.ReplaceAll(script, "7z a ", "7z a -l ")
}
