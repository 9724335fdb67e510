package store

import (
	"bytes"
	"context"
	"database/sql"
	"embed"
	"fmt"
	"io/fs"
	"log/slog"
	"strconv"
	"strings"
	"text/template"

	"github.com/pressly/goose/v3"
	"github.com/riverqueue/river/riverdriver"
	"github.com/riverqueue/river/rivermigrate"

	"github.com/vitrine-project/vitrine"
)

//go:embed schema/*.sql
var schemas embed.FS

// migrate brings the tables, ours and River's, to what this program knows.
func (db *DB) migrate(ctx context.Context) error {
	release, err := db.holdSchema(ctx)
	if err != nil {
		return err
	}
	defer release()
	if err := db.migrateEvents(ctx); err != nil {
		return err
	}
	return db.migrateQueue(ctx)
}

func (db *DB) migrateEvents(ctx context.Context) error {
	migrations, err := db.migrations()
	if err != nil {
		return err
	}
	p, err := goose.NewProvider(db.goose, db.write, nil, goose.WithGoMigrations(migrations...), goose.WithDisableGlobalRegistry(true),
		goose.WithTableName("vitrine_schema"), goose.WithSlog(slog.New(slog.DiscardHandler)))
	if err != nil {
		return fmt.Errorf("read schema: %w", err)
	}
	is, knows, err := p.GetVersions(ctx)
	if err != nil {
		return fmt.Errorf("read schema's version: %w", err)
	}
	if is > knows {
		return tooNew(db.Dir, is, knows)
	}
	if _, err := p.Up(ctx); err != nil {
		return fmt.Errorf("make tables: %w", err)
	}
	return nil
}

func (db *DB) migrateQueue(ctx context.Context) error {
	queue := db.queue(db.write)
	m, err := rivermigrate.New(queue, &rivermigrate.Config{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return fmt.Errorf("read queue's schema: %w", err)
	}
	var is int64
	there, err := queue.GetExecutor().TableExists(ctx, &riverdriver.TableExistsParams{Table: "river_migration"})
	if err == nil && there {
		err = db.write.QueryRowContext(ctx, `select coalesce(max(version), 0) from river_migration`).Scan(&is)
	}
	if err != nil {
		return fmt.Errorf("read queue's version: %w", err)
	}
	all := m.AllVersions()
	switch knows := int64(all[len(all)-1].Version); {
	case is > knows:
		return tooNew(db.Dir, is, knows)
	case is == knows:
		return nil
	}
	if _, err := m.Migrate(ctx, rivermigrate.DirectionUp, nil); err != nil {
		return fmt.Errorf("make queue's tables: %w", err)
	}
	return nil
}

func tooNew(dir string, is, knows int64) error {
	return vitrine.Refusef(vitrine.Usage, "the store of %s was written by a newer vitrine (tables of version %d, this one knows %d): use that version", dir, is, knows)
}

// migrations are the texts of schema/, each in one transaction.
func (db *DB) migrations() ([]*goose.Migration, error) {
	names, err := fs.Glob(schemas, "schema/*.sql")
	if err != nil {
		return nil, err
	}
	var out []*goose.Migration
	for _, name := range names {
		number, _, _ := strings.Cut(strings.TrimPrefix(name, "schema/"), "_")
		version, err := strconv.ParseInt(number, 10, 64)
		if err != nil {
			return nil, fmt.Errorf("schema %s has no number: %w", name, err)
		}
		t, err := template.ParseFS(schemas, name)
		if err != nil {
			return nil, err
		}
		var text bytes.Buffer
		if err := t.Execute(&text, struct{ Bytes string }{db.bytes}); err != nil {
			return nil, err
		}
		statements := strings.Split(strings.TrimSpace(text.String()), ";\n")
		if version == 1 {
			statements = append(statements, db.guards...)
		}
		out = append(out, goose.NewGoMigration(version, &goose.GoFunc{RunTx: runAll(statements, version == 1)}, nil))
	}
	return out, nil
}

func runAll(statements []string, first bool) func(context.Context, *sql.Tx) error {
	return func(ctx context.Context, tx *sql.Tx) error {
		for _, s := range statements {
			if _, err := tx.ExecContext(ctx, s); err != nil {
				return err
			}
		}
		if !first {
			return nil
		}
		_, err := tx.ExecContext(ctx, `insert into vitrine_head (one, n, hash) values (1, 0, $1)`, make([]byte, len(vitrine.Digest{})))
		return err
	}
}
