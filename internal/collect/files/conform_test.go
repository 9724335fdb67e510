package files_test

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"

	"github.com/vitrine-project/vitrine/internal/collect"
	"github.com/vitrine-project/vitrine/internal/collect/files"
	"github.com/vitrine-project/vitrine/internal/vitrinetest/conform"
	"github.com/vitrine-project/vitrine/internal/vitrinetest/fileserver"
	"github.com/vitrine-project/vitrine/internal/vitrinetest/need"
	"github.com/vitrine-project/vitrine/internal/vitrinetest/truth"
)

// ofTrees is what every store of files here has.
var ofTrees = []truth.Feature{truth.Case, truth.Containers, truth.Scripts, truth.Duplicate, truth.Quoted, truth.Encrypted, truth.Empty, truth.Large, truth.Traffic}

// pathOf is where a planted item lies below the directory of all accounts.
func pathOf(it truth.Item) string {
	if it.Container == truth.Main {
		return it.Account + "/" + it.Name
	}
	return it.Account + "/" + it.Container + "/" + it.Name
}

// inTree is what stores here make of an item: directories are no containers.
func inTree(it truth.Item) truth.Item {
	it.Container = "/"
	return it
}

// received is when an item came; one of which nothing is known has no mtime.
func received(it truth.Item) time.Time {
	if it.Received.From.IsZero() {
		return time.Unix(0, 0)
	}
	return it.Received.From
}

// stage is a directory in which is planted, whoever shows it.
func stage(root string) conform.Stage {
	plant := func(t testing.TB, items []truth.Item) {
		for _, it := range items {
			path := filepath.Join(root, pathOf(it))
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, it.Raw, 0o644); err != nil {
				t.Fatal(err)
			}
			dated(t, path, received(it))
		}
	}
	return conform.Stage{Family: truth.Files, Has: append(slices.Clone(ofTrees), truth.Undated), Plant: plant, Stored: inTree, Meddle: func(t testing.TB, gone, come []truth.Item) {
		for _, it := range gone {
			if err := os.Remove(filepath.Join(root, pathOf(it))); err != nil {
				t.Fatal(err)
			}
		}
		plant(t, come)
	}}
}

// readOnly shows a directory at another place, where it cannot be written to.
func readOnly(t *testing.T, root string) string {
	t.Helper()
	at := t.TempDir()
	need.Mount(t, at)
	for _, step := range []struct {
		from  string
		flags uintptr
	}{{root, syscall.MS_BIND}, {"", syscall.MS_BIND | syscall.MS_REMOUNT | syscall.MS_RDONLY}} {
		if err := syscall.Mount(step.from, at, "", step.flags, ""); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() { syscall.Unmount(at, syscall.MNT_DETACH) })
	return at
}

func TestConformTree(t *testing.T) {
	root := t.TempDir()
	s, at := stage(root), readOnly(t, root)
	s.Source = func(t testing.TB) collect.Source { return opened(t)(files.Tree("t", at+"/{account}")) }
	s.Writable = func(t testing.TB) collect.Source { return opened(t)(files.Tree("t", root+"/{account}")) }
	conform.Run(t, s)
}

func TestConformSFTP(t *testing.T) {
	root := t.TempDir()
	s, at := stage(root), readOnly(t, root)
	server := fileserver.OpenSSH(t)
	s.Source = func(t testing.TB) collect.Source { return opened(t)(served(server, at).Open("s", asIs)) }
	s.Writable = func(t testing.TB) collect.Source { return opened(t)(served(server, root).Open("s", asIs)) }
	conform.Run(t, s)
}

// TestConformSFTPRefusing: a server that refuses to write and does not say so.
func TestConformSFTPRefusing(t *testing.T) {
	root := t.TempDir()
	s, server := stage(root), fileserver.OpenSSH(t, "-R")
	s.Source = func(t testing.TB) collect.Source { return opened(t)(served(server, root).Open("s", asIs)) }
	conform.Run(t, s)
}

func TestConformWebDAV(t *testing.T) {
	root := t.TempDir()
	s, server := stage(root), fileserver.Apache(t, root, false)
	s.Source = func(t testing.TB) collect.Source { return opened(t)(overDAV(server).Open("s", asIs)) }
	conform.Run(t, s)
}

// TestConformS3: the server takes the time of a version from its file's mtime,
// which is set beside it.
func TestConformS3(t *testing.T) {
	shop := newShop(t, true)
	ids := map[string]string{} // of items, by their labels and paths
	key := func(it truth.Item) string { return "users/" + pathOf(it) }
	plant := func(t testing.TB, items []truth.Item) {
		for _, it := range items {
			info, err := shop.client.PutObject(t.Context(), "bucket", key(it), bytes.NewReader(it.Raw), int64(len(it.Raw)), minio.PutObjectOptions{DisableMultipart: true})
			if err != nil {
				t.Fatal(err)
			}
			ids[it.Label+key(it)] = info.VersionID
		}
		older := map[string]string{} // paths, by version ids
		err := filepath.WalkDir(filepath.Join(shop.server.Dir, "versions"), func(path string, e fs.DirEntry, err error) error {
			older[e.Name()] = path
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		for _, it := range items {
			path := older[ids[it.Label+key(it)]]
			if path == "" {
				path = filepath.Join(shop.server.Dir, "data/bucket", key(it))
			}
			dated(t, path, received(it))
		}
	}
	conform.Run(t, conform.Stage{
		Family: truth.Files, Has: append(slices.Clone(ofTrees), truth.Version), Plant: plant, Stored: inTree,
		Source: func(testing.TB) collect.Source { return shop.source() },
		Meddle: func(t testing.TB, gone, come []truth.Item) {
			for _, it := range gone {
				err := shop.client.RemoveObject(t.Context(), "bucket", key(it), minio.RemoveObjectOptions{VersionID: ids[it.Label+key(it)]})
				if err != nil {
					t.Fatal(err)
				}
			}
			plant(t, come)
		},
	})
}
