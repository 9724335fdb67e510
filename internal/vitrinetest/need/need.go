// Package need says what a test needs beyond Go: a server, a tool, the shared
// data. On a machine without it the test is skipped with "skipped: needs X";
// where VITRINE_REQUIRE names X (a comma-separated list, or "all"), the
// missing thing is a failure instead, so that CI cannot pass by skipping.
package need

import (
	"crypto/rand"
	"database/sql"
	"encoding/json"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"

	_ "github.com/go-sql-driver/mysql" // the driver "mysql"
	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"
)

// missing skips t, or fails it where VITRINE_REQUIRE names what is missing.
func missing(t testing.TB, what, how string) {
	t.Helper()
	required := strings.Split(os.Getenv("VITRINE_REQUIRE"), ",")
	if slices.Contains(required, what) || slices.Contains(required, "all") {
		t.Fatalf("needs %s, which VITRINE_REQUIRE demands: %s", what, how)
	}
	t.Skipf("skipped: needs %s (%s)", what, how)
}

// Tool returns the path of a program of that name.
func Tool(t testing.TB, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		missing(t, name, "install it")
	}
	return path
}

// Shared returns the path of an entry of the shared data folder, which lies
// beside the project (or where VITRINE_SHARED says).
func Shared(t testing.TB, entry string) string {
	t.Helper()
	dir := os.Getenv("VITRINE_SHARED")
	if dir == "" {
		_, file, _, _ := runtime.Caller(0)
		dir = filepath.Join(filepath.Dir(file), "..", "..", "..", "..", "shared")
	}
	path := filepath.Join(dir, "data", filepath.FromSlash(entry))
	if _, err := os.Stat(path); err != nil {
		missing(t, "shared", "put the shared data folder beside the project, or set VITRINE_SHARED")
	}
	return path
}

// Mail returns a directory with 6,046 real messages, one a file, in five
// folders. It is unpacked once and must not be changed.
func Mail(t testing.TB) string {
	t.Helper()
	script := Shared(t, "mail.sh")
	dir := filepath.Join(os.TempDir(), "vitrine-real-mail")
	if out, err := exec.Command("bash", script, dir).CombinedOutput(); err != nil {
		missing(t, "mail", "run mail.sh of the shared data folder: "+strings.TrimSpace(string(out)))
	}
	return dir
}

// Postgres returns the URL of a fresh database on the server that
// VITRINE_POSTGRES names (a postgres:// URL of a role that may create
// databases). The database is dropped when the test ends.
func Postgres(t testing.TB) string {
	t.Helper()
	admin := os.Getenv("VITRINE_POSTGRES")
	if admin == "" {
		missing(t, "postgres", "set VITRINE_POSTGRES to the URL of a server to create databases on")
	}
	u, err := url.Parse(admin)
	if err != nil {
		t.Fatalf("VITRINE_POSTGRES: %v", err)
	}
	db, err := sql.Open("pgx", admin)
	if err != nil {
		t.Fatal(err)
	}
	name := "vitrine_" + strings.ToLower(rand.Text())
	if _, err := db.Exec("create database " + name); err != nil {
		t.Fatalf("create a database on VITRINE_POSTGRES: %v", err)
	}
	t.Cleanup(func() {
		_, err := db.Exec("drop database " + name + " with (force)")
		if err != nil {
			t.Errorf("drop database: %v", err)
		}
		db.Close()
	})
	u.Path = "/" + name
	return u.String()
}

// MariaDB returns the URL (mariadb://root@host/database) of a fresh database on
// the server that VITRINE_MARIADB names (the same without a database, of a user
// without a password who may do everything), and a connection to it. The
// database is dropped when the test ends.
func MariaDB(t testing.TB) (address string, db *sql.DB) {
	t.Helper()
	admin := os.Getenv("VITRINE_MARIADB")
	if admin == "" {
		missing(t, "mariadb", "set VITRINE_MARIADB to the URL of a server to create databases on")
	}
	u, err := url.Parse(admin)
	if err != nil {
		t.Fatalf("VITRINE_MARIADB: %v", err)
	}
	name := "vitrine_" + strings.ToLower(rand.Text())
	server, err := sql.Open("mysql", u.User.Username()+"@tcp("+u.Host+")/")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := server.Exec("create database " + name + " character set utf8mb4"); err != nil {
		t.Fatalf("create a database on VITRINE_MARIADB: %v", err)
	}
	if db, err = sql.Open("mysql", u.User.Username()+"@tcp("+u.Host+")/"+name); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		db.Close()
		if _, err := server.Exec("drop database " + name); err != nil {
			t.Errorf("drop database: %v", err)
		}
		server.Close()
	})
	u.Path = "/" + name
	return u.String(), db
}

// Disk wants so many bytes free where temporary files go.
func Disk(t testing.TB, bytes uint64) {
	t.Helper()
	var st syscall.Statfs_t
	if err := syscall.Statfs(os.TempDir(), &st); err != nil {
		t.Fatal(err)
	}
	if st.Bavail*uint64(st.Bsize) < bytes {
		missing(t, "disk", "free space in "+os.TempDir()+", or set TMPDIR")
	}
}

// Mount wants to be allowed to mount a file system on dir.
func Mount(t testing.TB, dir string) {
	t.Helper()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=64k"); err != nil {
		missing(t, "mount", "run as root: "+err.Error())
	}
	if err := syscall.Unmount(dir, 0); err != nil {
		t.Fatal(err)
	}
}

// Module returns the directory of a module that go.mod names and that holds
// data only, so that no import downloads it.
func Module(t testing.TB, path string) string {
	t.Helper()
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", path).Output()
	dir := strings.TrimSpace(string(out))
	if err != nil || dir == "" {
		missing(t, path, "go mod download "+path)
	}
	return dir
}

// Built returns the path of a program that is built out of tools/go.mod, which
// takes minutes the first time.
func Built(t testing.TB, name string) string {
	t.Helper()
	if os.Getenv("VITRINE_REQUIRE") == "" { // it takes minutes, and modules from the network
		missing(t, name, "set VITRINE_REQUIRE to "+name)
	}
	_, file, _, _ := runtime.Caller(0)
	cmd := exec.Command("go", "tool", "-modfile=tools/go.mod", "-n", name)
	cmd.Dir = filepath.Join(filepath.Dir(file), "..", "..", "..")
	out, err := cmd.Output()
	if err != nil {
		missing(t, name, "go tool -modfile=tools/go.mod -n "+name)
	}
	return strings.TrimSpace(string(out))
}

// Root wants to be run as root, as servers that serve several users must be.
func Root(t testing.TB) {
	t.Helper()
	if os.Geteuid() != 0 {
		missing(t, "root", "run as root")
	}
}

// Cyrus returns the directory into which Debian's packages of the Cyrus mail
// server were unpacked, which VITRINE_CYRUS names. They cannot be installed
// beside Dovecot's.
func Cyrus(t testing.TB) string {
	t.Helper()
	dir := os.Getenv("VITRINE_CYRUS")
	if _, err := os.Stat(filepath.Join(dir, "usr/lib/cyrus/bin/master")); dir == "" || err != nil {
		missing(t, "cyrus", "unpack cyrus-imapd, cyrus-common, cyrus-admin and cyrus-caldav with dpkg -x into a directory, and set VITRINE_CYRUS to it")
	}
	if _, err := user.Lookup("cyrus"); err != nil {
		missing(t, "cyrus", "useradd -r -g mail cyrus")
	}
	return dir
}

// Download returns the directory of a module that no go.mod names, with the
// checksum that it must have.
func Download(t testing.TB, module, sum string) string {
	t.Helper()
	out, err := exec.Command("go", "mod", "download", "-json", module).Output()
	var m struct{ Dir, Sum string }
	if err != nil || json.Unmarshal(out, &m) != nil || m.Dir == "" {
		missing(t, module, "go mod download "+module)
	}
	if m.Sum != sum {
		t.Fatalf("%s has the checksum %s, want %s", module, m.Sum, sum)
	}
	return m.Dir
}
