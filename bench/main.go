// Command bench measures Vitrine side by side with the tools that people use
// for the same work today, on the same input, in one run, and prints tables in
// Markdown. What it cannot do is make a busy machine quiet: it gives the
// processor time of each tool's whole tree of processes beside the clock's.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"runtime/pprof"
	"strconv"
	"strings"
	"time"

	"filippo.io/age"
)

var fileNumber = regexp.MustCompile(`\.M([0-9]+)\.bench`)

type options struct {
	short                  bool
	size                   int64
	rounds, items          int
	only                   string
	cache, shared, mailDir string
}

func main() {
	if len(os.Args) > 1 {
		if child := children[os.Args[1]]; child != nil {
			exit(profiled(func() error { return child(os.Args[2:]) }))
		}
	}
	var o options
	var size string
	flag.BoolVar(&o.short, "short", false, "100 MB and one round")
	flag.StringVar(&size, "size", "1GB", "of the mbox; twice as much is sealed")
	flag.IntVar(&o.rounds, "rounds", 5, "how often each tool does each piece of work")
	flag.IntVar(&o.items, "items", 0, "answer from an mbox of that many tiny messages too, for its memory")
	flag.StringVar(&o.only, "only", "", "the pieces of work whose names have this in them: mbox, maildir, whole, sealing, memory")
	flag.StringVar(&o.cache, "cache", filepath.Join(os.TempDir(), "vitrine-bench"), "directory for the input, which is kept")
	flag.StringVar(&o.shared, "shared", os.Getenv("VITRINE_SHARED"), "the shared data folder; ../shared if left out")
	flag.StringVar(&o.mailDir, "mail", "", "real mail, unpacked, instead: DIR/*/*.txt")
	flag.Parse()
	if o.short {
		size, o.rounds = "100MB", 1
	}
	var err error
	if o.size, err = parseSize(size); err == nil {
		err = o.run()
	}
	exit(err)
}

// profiled writes a profile of f to the file that BENCH_PROFILE names, if any.
func profiled(f func() error) error {
	path := os.Getenv("BENCH_PROFILE")
	if path == "" || os.Args[1] == "measure" {
		return f()
	}
	out, err := os.Create(path)
	if err != nil {
		return err
	}
	defer out.Close()
	if err := pprof.StartCPUProfile(out); err != nil {
		return err
	}
	defer pprof.StopCPUProfile()
	return f()
}

func exit(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// parseSize reads 100MB or 1GB.
func parseSize(s string) (int64, error) {
	for unit, factor := range map[string]int64{"MB": 1e6, "GB": 1e9} {
		if digits, ok := strings.CutSuffix(s, unit); ok {
			if n, err := strconv.ParseInt(digits, 10, 32); err == nil && n > 0 {
				return n * factor, nil
			}
		}
	}
	return 0, fmt.Errorf("--size %q: want a number and MB or GB, such as 1GB", s)
}

func (o options) run() error {
	if o.shared == "" {
		o.shared = filepath.Join("..", "shared")
	}
	if err := os.MkdirAll(o.cache, 0o711); err != nil {
		return err
	}
	if err := os.Chmod(o.cache, 0o711); err != nil { // doveadm works as somebody else
		return err
	}
	in, err := makeInput(o.cache, o.size, 2*o.size, func() ([][]byte, error) { return realMail(o.shared, o.mailDir) })
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp(o.cache, "run-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if err := os.Chmod(dir, 0o711); err != nil {
		return err
	}
	b := &bench{input: in, work: dir, python: "python3"}
	if err := b.build(); err != nil {
		return err
	}
	all, err := b.all(o)
	if err != nil {
		return err
	}
	return b.rounds(o, all)
}

// build builds what is measured, as it is released, and the peer in Go.
func (b *bench) build() (err error) {
	if b.self, err = os.Executable(); err != nil {
		return err
	}
	if _, err := os.Stat("/usr/bin/python3"); err == nil {
		b.python = "/usr/bin/python3" // not one that a version manager's script stands before
	}
	id, err := age.GenerateX25519Identity()
	if err != nil {
		return err
	}
	b.recipient = id.Recipient().String()
	b.vitrine = filepath.Join(b.work, "vitrine")
	if out, err := exec.Command("go", "build", "-o", b.vitrine, "./cmd/vitrine").CombinedOutput(); err != nil {
		return fmt.Errorf("build vitrine: %w: %s", err, out)
	}
	gombox := filepath.Join(b.work, "gombox")
	if out, err := exec.Command("go", "-C", "tools", "build", "-o", gombox, "./gombox").CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "go-mbox is not run: %v: %s\n", err, out)
	} else {
		b.gombox = gombox
	}
	return nil
}

// all are the pieces of work.
func (b *bench) all(o options) ([]work, error) {
	var list []work
	add := func(name string, make func() (work, error)) error {
		if !strings.Contains(name, o.only) {
			return nil
		}
		w, err := make()
		list = append(list, w)
		return err
	}
	err := errors.Join(
		add("mbox", b.mboxWork), add("maildir", b.maildirWork), add("whole", b.wholeWork), add("sealing", b.sealWork),
	)
	if o.items > 0 {
		err = errors.Join(err, add("memory", func() (work, error) { return b.memoryWork(o.cache, o.items) }))
	}
	return list, err
}

// rounds runs the contestants of each piece of work one after the other, and
// all of them again, so that a busy minute of the machine's hits all alike.
func (b *bench) rounds(o options, all []work) error {
	fmt.Printf("Input: %d messages, mbox of %d bytes, Maildir of %d; %d bytes of files to seal. %d core(s), %s, %s, load %s. %d round(s), interleaved.\n",
		b.messages, b.size, b.mailSize, b.sealSize, runtime.NumCPU(), processor(), time.Now().UTC().Format("2006-01-02 15:04 MST"), load(), o.rounds)
	var wrong []string
	for _, w := range all {
		for round := range o.rounds {
			if err := readAll(w.reads); err != nil {
				return err
			}
			for _, c := range w.contestants {
				if c.missing == "" {
					c.missing = c.absent()
				}
				if c.missing != "" {
					continue
				}
				fmt.Fprintf(os.Stderr, "%s, round %d: %s\n", w.title, round+1, c.name)
				if err := b.once(c); err != nil {
					if c.ours {
						return err
					}
					c.missing = err.Error()
				}
			}
		}
		w.print(os.Stdout)
		if w.differs() {
			wrong = append(wrong, w.title)
		}
	}
	fmt.Printf("\nLoad at the end: %s.\n", load())
	if len(wrong) > 0 {
		return fmt.Errorf("ours found nothing, or not always the same: %s", strings.Join(wrong, "; "))
	}
	return nil
}

func load() string {
	b, _ := os.ReadFile("/proc/loadavg")
	first, _, _ := strings.Cut(string(b), " ")
	return first
}

func processor() string {
	b, _ := os.ReadFile("/proc/cpuinfo")
	for line := range strings.Lines(string(b)) {
		if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return runtime.GOARCH
}
