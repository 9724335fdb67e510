package files_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/vitrine-project/vitrine/internal/collect"
	"github.com/vitrine-project/vitrine/internal/collect/files"
	"github.com/vitrine-project/vitrine/internal/vitrinetest/fileserver"
)

// copied is a copy of the toolchain's sources as alice's files, all in scope.
func copied(b *testing.B) (root string, size int64) {
	b.Helper()
	out, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		b.Fatal(err)
	}
	root = b.TempDir()
	if err := os.CopyFS(root+"/alice", os.DirFS(filepath.Join(strings.TrimSpace(string(out)), "src/cmd"))); err != nil {
		b.Fatal(err)
	}
	err = filepath.Walk(root+"/alice", func(path string, st os.FileInfo, err error) error {
		if err == nil && st.Mode().IsRegular() {
			size += st.Size()
			dated(b, path, inside)
		}
		return err
	})
	if err != nil {
		b.Fatal(err)
	}
	return root, size
}

func run(b *testing.B, s collect.Source, size int64) {
	b.SetBytes(size)
	for b.Loop() {
		h := &counting{}
		if c, err := job(b, h, s).Run(b.Context()); err != nil || h.bytes != size || c.Out != 0 {
			b.Fatalf("%+v, %d of %d bytes, %v", c.Counts, h.bytes, size, err)
		}
	}
}

func BenchmarkTree(b *testing.B) {
	root, size := copied(b)
	run(b, opened(b)(files.Tree("t", root+"/{account}")), size)
}

func BenchmarkSFTP(b *testing.B) {
	root, size := copied(b)
	run(b, opened(b)(served(fileserver.OpenSSH(b, "-R"), root).Open("s", asIs)), size)
}
