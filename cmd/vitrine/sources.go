package main

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/internal/collect"
	"github.com/vitrine-project/vitrine/internal/collect/chat"
	"github.com/vitrine-project/vitrine/internal/collect/files"
	"github.com/vitrine-project/vitrine/internal/collect/mail"
	"github.com/vitrine-project/vitrine/internal/collect/records"
	"github.com/vitrine-project/vitrine/internal/intake"
)

// SourceConfig is one store of customers' data. A kind that lies on this
// machine has a path; every other has a table of its own name behind it.
type SourceConfig struct {
	Name string `toml:"name"` // stands in mandates; nobody
	Kind string `toml:"kind"` // what kind of store it is; nobody
	Path string `toml:"path"` // with {account}; the operator, who must mount it read-only
	// Profile declares a chat server's tables: mattermost or prosody; counsel
	Profile string `toml:"profile"`
	// MayWrite is why it is accepted that the credentials could write there; counsel
	MayWrite string `toml:"may_write"`
	// What the catalogue says of it.
	Since      string `toml:"since"`      // the oldest that can be there: a date, or "unknown"; counsel
	Encryption string `toml:"encryption"` // none, at-rest or end-to-end; counsel

	IMAP     *mail.IMAP        `toml:"imap"`
	JMAP     *mail.JMAP        `toml:"jmap"`
	Matrix   *chat.Matrix      `toml:"matrix"`
	Graph    *mail.Graph       `toml:"graph-mail"`
	SFTP     *files.SFTP       `toml:"sftp"`
	OneDrive *files.OneDrive   `toml:"onedrive"`
	WebDAV   *files.WebDAV     `toml:"webdav"`
	S3       *files.S3         `toml:"s3"`
	Postgres *records.Postgres `toml:"postgres"`
	MariaDB  *records.MariaDB  `toml:"mariadb"`
	SQLite   *records.SQLite   `toml:"sqlite"`
	CSV      *records.CSV      `toml:"csv"`
}

// pathKinds are the kinds that lie at a path of this machine.
var pathKinds = map[string]func(name, path string) (collect.Source, error){
	mail.KindMaildir: mail.Maildir,
	mail.KindMbox:    mail.Mbox,
	files.KindTree:   files.Tree,
	chat.KindSkype:   chat.Skype,
}

// settings is the table of a kind that is reached otherwise.
type settings interface {
	// Open checks what can be checked without a connection. resolve makes the
	// paths of files absolute.
	Open(name string, resolve func(path string) string) (collect.Source, error)
}

// tables are the kinds' tables that stand in s, by the kinds' names.
func (s SourceConfig) tables() map[string]settings {
	found := map[string]settings{}
	v := reflect.ValueOf(s)
	for i := range v.NumField() {
		if table, ok := v.Field(i).Interface().(settings); ok && !v.Field(i).IsNil() {
			found[v.Type().Field(i).Tag.Get("toml")] = table
		}
	}
	return found
}

// kinds are the names of all kinds, sorted.
func kinds() []string {
	var all []string
	for kind := range pathKinds {
		all = append(all, kind)
	}
	table := reflect.TypeFor[settings]()
	for _, f := range reflect.VisibleFields(reflect.TypeFor[SourceConfig]()) {
		if f.Type.Implements(table) {
			all = append(all, f.Tag.Get("toml"))
		}
	}
	slices.Sort(all)
	return all
}

// open returns the source that s declares; base is the directory that paths
// are relative to. Without one nothing outside of s is looked at, and there is
// no source yet where its table names files.
func (s SourceConfig) open(base string) (collect.Source, error) {
	refuse := func(format string, args ...any) error {
		return vitrine.Refusef(vitrine.Usage, "[[source]] %q: "+format, append([]any{s.Name}, args...)...)
	}
	if !slices.Contains(kinds(), s.Kind) {
		return nil, refuse("kind %q is not known: want one of %s", s.Kind, strings.Join(kinds(), ", "))
	}
	at := func(path string) string { return path }
	if base != "" {
		at = func(path string) string { return resolve(base, path) }
	}
	if err := s.profiled(); err != nil {
		return nil, refuse("%v", err)
	}
	tables := s.tables()
	table, hasTable := tables[s.Kind]
	delete(tables, s.Kind)
	for other := range tables {
		return nil, refuse("it is of kind %q and has a table [source.%s]: take one of the two out", s.Kind, other)
	}
	openPath, hasPath := pathKinds[s.Kind]
	var source collect.Source
	var err error
	switch {
	case hasPath && s.Path == "":
		return nil, refuse("path is missing: where the data lies, with {account} in it")
	case hasPath:
		source, err = openPath(s.Name, at(s.Path))
	case s.Path != "":
		return nil, refuse("a source of kind %q has no path: its settings stand in [source.%s]", s.Kind, s.Kind)
	case !hasTable:
		return nil, refuse("its settings are missing: write a table [source.%s] behind it", s.Kind)
	case base == "":
		return nil, nil
	default:
		source, err = table.Open(s.Name, at)
	}
	if err != nil {
		return nil, refuse("%v", untitled(err, s.Name))
	}
	if s.Profile != "" {
		source = records.As(collect.Chat, source)
	}
	return source, nil
}

// profiled puts the tables of s's profile before those that its own table
// declares.
func (s *SourceConfig) profiled() error {
	if s.Profile == "" {
		return nil
	}
	var declared struct {
		Tables []records.Table `toml:"table"`
	}
	text := chat.Profile(s.Profile)
	if text == "" {
		return fmt.Errorf("profile %q is not known: want one of %s", s.Profile, strings.Join(chat.Profiles(), ", "))
	}
	if err := intake.Decode([]byte(text), &declared); err != nil {
		return err
	}
	switch {
	case s.Postgres != nil:
		c := *s.Postgres
		c.Tables = append(declared.Tables, c.Tables...)
		s.Postgres = &c
	case s.SQLite != nil:
		c := *s.SQLite
		c.Tables = append(declared.Tables, c.Tables...)
		s.SQLite = &c
	default:
		return fmt.Errorf("profile %q is of a database: want kind postgres or sqlite", s.Profile)
	}
	return nil
}

// untitled takes the source's name off what a family says of it: it is said
// already.
func untitled(err error, name string) string {
	return strings.TrimPrefix(strings.TrimPrefix(err.Error(), fmt.Sprintf("source %q: ", name)), fmt.Sprintf("source %q, ", name))
}

// Sources are the declared stores, their paths resolved.
func (c Config) Sources(base string) ([]collect.Configured, error) {
	var sources []collect.Configured
	for _, s := range c.Source {
		source, err := s.open(base)
		if err != nil {
			return nil, err
		}
		configured := collect.Configured{Source: source, MayWrite: s.MayWrite}
		if c.Catalogue.Counsel != "" {
			configured.Encryption = collect.Encryption(s.Encryption)
		}
		sources = append(sources, configured)
	}
	return sources, nil
}
