package fileserver

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/vitrine-project/vitrine/internal/vitrinetest/need"
)

// S3 is a running versitygw, an S3 server over a directory, which keeps
// versions.
type S3 struct {
	Host              string // host:port
	AccessKey, Secret string // of an account that may do everything
	SecretFile        string
	Dir               string // data/ has the objects as files, versions/ the earlier ones by their ids
}

// VersityGW starts an S3 server. It is built out of tools/go.mod.
func VersityGW(t testing.TB) *S3 {
	t.Helper()
	program := need.Built(t, "versitygw")
	dir := t.TempDir()
	for _, sub := range []string{"data", "versions"} {
		if err := os.Mkdir(filepath.Join(dir, sub), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	s := &S3{Host: "127.0.0.1:" + free(t), AccessKey: "test", Secret: "secretsecret", SecretFile: filepath.Join(dir, "secret"), Dir: dir}
	if err := os.WriteFile(s.SecretFile, []byte(s.Secret+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c := exec.Command(program, "--port", s.Host, "posix", "--versioning-dir", filepath.Join(dir, "versions"), filepath.Join(dir, "data"))
	c.Env = append(os.Environ(), "ROOT_ACCESS_KEY="+s.AccessKey, "ROOT_SECRET_KEY="+s.Secret)
	started(t, c, "service listening on")
	return s
}
