package files

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
)

// FuzzDrive: whatever a drive lists, entries have a place each, or the listing
// is not whole.
func FuzzDrive(f *testing.F) {
	f.Add(`[{"id":"r","root":{},"folder":{"childCount":1}},{"id":"a","name":"a","parentReference":{"id":"r"},"file":{}}]`)
	f.Add(`[{"id":"a","parentReference":{"id":"b"},"folder":{}},{"id":"b","parentReference":{"id":"a"},"folder":{}}]`)
	f.Add(`[{"id":"a","parentReference":{"id":"a"},"folder":{}},{"id":"d","deleted":{}}]`)
	f.Add(`[{"id":"r","root":{}},{"id":"n","package":{},"parentReference":{"id":"r"}},{"id":"m","remoteItem":{},"parentReference":{"id":"n"}}]`)
	f.Fuzz(func(t *testing.T, text string) {
		var list []*driveEntry
		if json.Unmarshal([]byte(text), &list) != nil {
			return
		}
		found := map[string]*driveEntry{}
		for _, e := range list {
			if e != nil {
				found[e.ID] = e
			}
		}
		if placed(found) != "" {
			return
		}
		l := driveListed(found)
		for _, e := range l.entries {
			if e.Deleted == nil && e.Root == nil && found[e.Parent.ID] == nil {
				t.Errorf("%q lies in no folder", e.ID)
			}
			it, is := other(e)
			if is != (e.File == nil || e.Deleted != nil || e.Remote != nil || e.Package != nil) || is && it.Identity == "" {
				t.Errorf("%q is %v", e.ID, it)
			}
		}
		if !slices.IsSortedFunc(l.entries, func(a, b *driveEntry) int { return strings.Compare(a.ID, b.ID) }) {
			t.Error("entries are not sorted")
		}
	})
}

func FuzzDriveKey(f *testing.F) {
	f.Add("3/a/1.0/c/d")
	f.Fuzz(func(t *testing.T, s string) {
		k, err := parseDriveKey(s)
		if again, err2 := parseDriveKey(k.String()); err == nil && (err2 != nil || again != k) {
			t.Errorf("%q becomes %v and then %v", s, k, again)
		}
	})
}
