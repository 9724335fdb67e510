package store

import (
	"errors"
	"fmt"
	"syscall"

	"github.com/jackc/pgx/v5/pgconn"
	lite "modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/vitrine-project/vitrine"
)

// explain turns what disk and database say into what a person can do about it,
// and all else into a fault.
func explain(doing, dir string, err error) error {
	var told *vitrine.Refusal
	var inFile *lite.Error
	var refused *pgconn.PgError
	var unreached *pgconn.ConnectError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &told):
		return err
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return vitrine.DiskFull(dir)
	case errors.Is(err, syscall.EACCES), errors.Is(err, syscall.EPERM), errors.Is(err, syscall.EROFS):
		return vitrine.NoPermission(dir, err)
	case errors.As(err, &inFile):
		return explainSQLite(doing, dir, inFile.Code()&0xff, err)
	case errors.As(err, &refused) && refused.Code == "53100":
		return vitrine.DiskFull("the database server's disk")
	case errors.As(err, &unreached):
		return vitrine.Refusef(vitrine.Failed, "the database is not reached (%v): start it, or correct [store] database, and run the same command again; nothing is lost", err)
	}
	return fmt.Errorf("%s: %w", doing, err)
}

func explainSQLite(doing, dir string, code int, err error) error {
	switch {
	case code == sqlite3.SQLITE_FULL, (code == sqlite3.SQLITE_IOERR || code == sqlite3.SQLITE_CANTOPEN) && noSpace(dir):
		return vitrine.DiskFull(dir)
	case code == sqlite3.SQLITE_READONLY, code == sqlite3.SQLITE_CANTOPEN, code == sqlite3.SQLITE_PERM:
		return vitrine.NoPermission(dir, err)
	case code == sqlite3.SQLITE_CORRUPT, code == sqlite3.SQLITE_NOTADB:
		return vitrine.Refusef(vitrine.Unverified, "vitrine.db in %s is damaged (%v): change nothing, and restore the store from a backup", dir, err)
	}
	return fmt.Errorf("%s: %w", doing, err)
}

// noSpace asks the file system, since SQLite has no word for a full disk where
// its shared memory does not fit.
func noSpace(dir string) bool {
	var st syscall.Statfs_t
	return syscall.Statfs(dir, &st) == nil && st.Bavail*uint64(st.Bsize) < 64<<10
}
