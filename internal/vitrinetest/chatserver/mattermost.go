package chatserver

import (
	"database/sql"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/vitrine-project/vitrine/internal/vitrinetest/need"
)

// Mattermost makes the tables of a Mattermost server, as its own migrations do.
func Mattermost(t testing.TB, db *sql.DB) {
	t.Helper()
	dir := need.Download(t, "github.com/mattermost/mattermost-server/v6@v6.7.2", "h1:rRss2/R5LNbyc/P1OA4kSWuVq+rmnxwepuwGpTwL+U4=")
	files, err := filepath.Glob(filepath.Join(dir, "db/migrations/postgres/*.up.sql"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no migrations: %v", err)
	}
	slices.Sort(files)
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err == nil {
			_, err = db.Exec(string(text))
		}
		if err != nil {
			t.Fatalf("%s: %v", filepath.Base(name), err)
		}
	}
}
