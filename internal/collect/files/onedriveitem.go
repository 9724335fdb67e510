package files

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/internal/collect"
	"github.com/vitrine-project/vitrine/internal/graph"
	"github.com/vitrine-project/vitrine/production"
)

// ruleGraphModified is the rule by which a drive tells when a version was
// written: lastModifiedDateTime.
const ruleGraphModified = "graph-modified"

// Why a single entry of a drive cannot be read.
const (
	barredPackage = "package"     // a notebook, which has no bytes of its own
	barredRemote  = "remote-item" // it lies in another drive
	barredMalware = "malware"     // Graph refuses it, since it takes it for that
)

// driveVersion is a version of a file.
type driveVersion struct {
	ID       string `json:"id"`
	Modified string `json:"lastModifiedDateTime"`
	Size     int64  `json:"size"`
	newest   bool
}

// Enumerate yields every version of every file, in the order of the files'
// identifiers and of the versions'.
func (d *drives) Enumerate(ctx context.Context, c collect.Container, after string, yield func(collect.Item) error) error {
	l, ok := d.kept.Find(string(c.Account), c.Key, c.State)
	if !ok {
		var err error
		if l, err = d.list(ctx, c.Key); err != nil {
			return driveFault(err)
		}
	}
	id, version, _ := strings.Cut(after, "/")
	for _, e := range l.entries {
		if e.ID < id {
			continue
		}
		behind := ""
		if e.ID == id {
			behind = version
		}
		if err := d.entry(ctx, c.Key, e, behind, yield); err != nil {
			return driveFault(err)
		}
	}
	return nil
}

// entry yields the versions of an entry whose identifiers lie behind one.
func (d *drives) entry(ctx context.Context, drive string, e *driveEntry, behind string, yield func(collect.Item) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if it, is := other(e); is {
		if behind != "" {
			return nil
		}
		return yield(it)
	}
	versions, err := d.versions(ctx, drive, e)
	if _, gone := graph.Refused(err, http.StatusNotFound); gone {
		if behind != "" {
			return nil
		}
		it := driveItem(e, "gone")
		it.Size, it.Unreadable = e.Size, collect.Vanished
		it.Received = writtenBy(e.Modified)
		return yield(it)
	}
	if err != nil {
		return err
	}
	for _, v := range versions {
		if v.ID <= behind {
			continue
		}
		it, err := d.version(ctx, drive, e, v)
		if err == nil {
			err = yield(it)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// versions lists a file's versions, sorted by identifier. The newest must be as
// long as the file itself, unless it was written meanwhile.
func (d *drives) versions(ctx context.Context, drive string, e *driveEntry) ([]driveVersion, error) {
	var list []driveVersion
	err := graph.List(ctx, d.client, graph.Listing{Path: graph.Path("drives", drive, "items", e.ID, "versions")}, func(v driveVersion) error {
		if v.ID == "" || len(v.ID) > maxDriveID || collect.Valid(v.ID) != v.ID || strings.ContainsAny(v.ID, "/\x00") || v.Size < 0 {
			return errDriveNonsense
		}
		if !slices.ContainsFunc(list, func(o driveVersion) bool { return o.ID == v.ID }) {
			v.newest = len(list) == 0
			list = append(list, v)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if len(list) == 0 {
		return nil, errDriveNonsense
	}
	if list[0].Size != e.Size {
		now, err := d.current(ctx, graph.Path("drives", drive, "items", e.ID))
		if err != nil {
			return nil, err
		}
		if now == e.Content {
			return nil, vitrine.Refusef(vitrine.Failed, "Microsoft Graph lists the versions of a file without its newest: nothing was kept; run the step again")
		}
	}
	slices.SortFunc(list, func(a, b driveVersion) int { return cmp.Compare(a.ID, b.ID) })
	return list, nil
}

// driveItem is what all items of an entry have in common.
func driveItem(e *driveEntry, version string) collect.Item {
	it := collect.Item{Name: collect.Valid(e.path), Identity: e.ID + "\x00" + version, Position: e.ID + "/" + version, Category: Category, Form: form, Extra: map[string]string{"item-id": e.ID}}
	for name, t := range map[string]string{"created": e.Created, "client-modified": e.Client.Modified} {
		if t != "" {
			it.Extra[name] = collect.Valid(t[:min(len(t), 64)])
		}
	}
	return it
}

// other is the evidence on what is no file.
func other(e *driveEntry) (it collect.Item, is bool) {
	switch {
	case e.Deleted != nil:
		it = driveItem(e, formDeleted)
		it.Form, it.Received = formDeleted, production.Interval{Rule: ruleGraphModified}
		return it, true // when it was deleted, nothing tells
	case e.Remote != nil:
		it = driveItem(e, barredRemote)
		it.Unreadable = barredRemote
	case e.Package != nil:
		it = driveItem(e, barredPackage)
		it.Unreadable = barredPackage
	case e.File == nil:
		it = driveItem(e, barredSpecial)
		it.Unreadable = barredSpecial
	default:
		return it, false
	}
	it.Received = writtenBy(e.Modified)
	return it, true
}

// version is the evidence on one version of a file.
func (d *drives) version(ctx context.Context, drive string, e *driveEntry, v driveVersion) (collect.Item, error) {
	it := driveItem(e, v.ID)
	it.Identity += "\x00" + v.Modified + "\x00" + strconv.FormatInt(v.Size, 10)
	it.Size, it.Received = v.Size, writtenBy(v.Modified)
	it.Extra["version-id"], it.Extra["latest"] = v.ID, strconv.FormatBool(v.newest)
	k := driveKey{item: e.ID, version: v.ID, size: v.Size}
	if v.newest {
		k.content = e.Content
		for name, sum := range e.File.Hashes {
			if name == "quickXorHash" || name == "sha1Hash" || name == "sha256Hash" {
				it.Extra[name] = collect.Valid(sum[:min(len(sum), 128)])
			}
		}
	} else {
		it.Flags = []string{flagNotLatest}
	}
	it.Key = k.String()
	if e.Malware != nil {
		why, err := d.barred(ctx, drive, k)
		it.Unreadable = why
		return it, err
	}
	return it, nil
}

// barred asks whether Graph hands out what it takes for malware.
func (d *drives) barred(ctx context.Context, drive string, k driveKey) (string, error) {
	r, err := d.content(ctx, drive, k, 0)
	var s *graph.Status
	if errors.As(err, &s) {
		return barredMalware, nil
	}
	if err != nil {
		return "", err
	}
	return "", r.Close()
}

// writtenBy reads a time of Graph's.
func writtenBy(text string) production.Interval {
	i := production.Interval{Rule: ruleGraphModified, Raw: collect.Valid(text[:min(len(text), 64)])}
	if t, err := time.Parse(time.RFC3339, text); err == nil && t.Unix() > 0 && t.UTC().Year() <= 9999 {
		i.From = t.UTC().Truncate(time.Second)
		i.To = i.From
	}
	return i
}
