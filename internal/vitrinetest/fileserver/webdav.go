package fileserver

import (
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"golang.org/x/crypto/bcrypt"

	"github.com/vitrine-project/vitrine/internal/vitrinetest/need"
)

// DAV is a running Apache that serves a directory by WebDAV.
type DAV struct {
	Host         string // host:port
	User         string
	PasswordFile string
}

// Apache starts a server whose /dav is root, where everybody may then read
// what is there. Without writable, it answers those methods only that read.
func Apache(t testing.TB, root string, writable bool) *DAV {
	t.Helper()
	program := need.Tool(t, "apache2")
	dir := t.TempDir()
	d := &DAV{Host: "127.0.0.1:" + free(t), User: "reader", PasswordFile: filepath.Join(dir, "password")}
	hash, err := bcrypt.GenerateFromPassword([]byte("password"), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	limit := "<LimitExcept GET HEAD OPTIONS PROPFIND>\nRequire all denied\n</LimitExcept>\n<Limit GET HEAD OPTIONS PROPFIND>\nRequire valid-user\n</Limit>"
	if writable {
		limit = "Require valid-user"
	}
	modules := "/usr/lib/apache2/modules"
	conf := fmt.Sprintf("ServerRoot %[1]s\nServerName localhost\nListen %[2]s\nPidFile %[1]s/pid\nErrorLog /dev/stderr\nLogLevel notice\n", dir, d.Host)
	for _, m := range []string{"mpm_event", "authn_core", "authn_file", "authz_core", "authz_user", "auth_basic", "dav", "dav_fs", "alias"} {
		conf += fmt.Sprintf("LoadModule %[1]s_module %[2]s/mod_%[1]s.so\n", m, modules)
	}
	conf += fmt.Sprintf("DocumentRoot %[1]s\nDAVLockDB %[1]s/lock\nAlias /dav %[2]s\nAlias /moved %[2]s\nAllowEncodedSlashes NoDecode\n", dir, root)
	conf += fmt.Sprintf("<Directory %s>\nDav On\nDavDepthInfinity Off\nOptions -Indexes -FollowSymLinks\nAuthType Basic\nAuthName files\nAuthUserFile %s/users\n%s\n</Directory>\n", root, dir, limit)
	if os.Geteuid() == 0 { // it gives up root's rights
		conf += "User www-data\nGroup www-data\n"
	}
	for name, text := range map[string]string{"conf": conf, "users": d.User + ":" + string(hash) + "\n", "password": "password\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if os.Geteuid() == 0 {
		visible(t, root)
		visible(t, dir)
	}
	started(t, exec.Command(program, "-f", filepath.Join(dir, "conf"), "-DFOREGROUND"), "resuming normal operations")
	return d
}

// visible lets everybody read what is in a directory.
func visible(t testing.TB, dir string) {
	t.Helper()
	if err := os.Chmod(filepath.Dir(dir), 0o711); err != nil { // which testing keeps to itself
		t.Fatal(err)
	}
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || !e.IsDir() && !e.Type().IsRegular() {
			return err
		}
		if e.IsDir() {
			return os.Chmod(path, 0o755)
		}
		if filepath.Base(path) == "password" {
			return nil
		}
		return os.Chmod(path, 0o644)
	})
	if err != nil {
		t.Fatal(err)
	}
}
