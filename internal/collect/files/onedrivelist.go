package files

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/internal/collect"
	"github.com/vitrine-project/vitrine/internal/graph"
)

const (
	drivePasses   = 5   // over a drive, until two agree with each other and with its folders' counts
	maxDriveID    = 400 // bytes of an identifier
	maxDriveDepth = 1000
)

var errDriveNonsense = vitrine.Refusef(vitrine.Failed, "Microsoft Graph lists what has no usable identifier, size or place: nothing was kept; run the step again")

// driveEntry is an entry of a drive as Graph describes it.
type driveEntry struct {
	ID       string `json:"id"`
	Name     string `json:"name"`
	Size     int64  `json:"size"`
	Content  string `json:"cTag"` // changes with the content
	Modified string `json:"lastModifiedDateTime"`
	Created  string `json:"createdDateTime"`
	Parent   struct {
		ID string `json:"id"`
	} `json:"parentReference"`
	Client struct {
		Modified string `json:"lastModifiedDateTime"`
	} `json:"fileSystemInfo"`
	File *struct {
		Hashes map[string]string `json:"hashes"`
	} `json:"file"`
	Folder *struct {
		Children *int `json:"childCount"`
	} `json:"folder"`
	Root    *json.RawMessage `json:"root"`
	Package *json.RawMessage `json:"package"`
	Remote  *json.RawMessage `json:"remoteItem"`
	Malware *json.RawMessage `json:"malware"`
	Deleted *json.RawMessage `json:"deleted"`
	path    string
}

// folder reports whether the entry is a directory and nothing more.
func (e *driveEntry) folder() bool {
	return e.Deleted == nil && e.Remote == nil && e.Package == nil && (e.Folder != nil || e.Root != nil)
}

// driveListing is what lies in a drive, sorted by identifier.
type driveListing struct {
	entries []*driveEntry
	state   string
	size    int64
}

// list lists a drive until two passes agree with each other and with the count
// that each folder has of what is in it.
func (d *drives) list(ctx context.Context, drive string) (*driveListing, error) {
	states := map[string]bool{}
	why := ""
	for range drivePasses {
		found, err := d.pass(ctx, drive)
		if _, again := graph.Refused(err, http.StatusGone); again {
			why = "Graph asks each time to start again"
			continue
		}
		if err != nil {
			return nil, err
		}
		if why = placed(found); why != "" {
			continue
		}
		l := driveListed(found)
		if states[l.state] {
			return l, nil
		}
		states[l.state], why = true, "no two of them are equal"
	}
	return nil, vitrine.Refusef(vitrine.Failed, "%d listings of a drive do not agree (%s): nothing was kept; run the step again when less is going on in it", drivePasses, why)
}

// pass lists a drive once. What is named twice is as it was named last.
func (d *drives) pass(ctx context.Context, drive string) (map[string]*driveEntry, error) {
	found := map[string]*driveEntry{}
	return found, graph.List(ctx, d.client, graph.Listing{Path: graph.Path("drives", drive, "root", "delta"), Delta: true}, func(e driveEntry) error {
		if e.ID == "" || len(e.ID) > maxDriveID || collect.Valid(e.ID) != e.ID || strings.ContainsAny(e.ID, "/\x00") || e.Size < 0 {
			return errDriveNonsense
		}
		found[e.ID] = &e
		return nil
	})
}

// placed gives each entry its path, and says what is wrong: an entry whose folder
// is not there, or a folder that counts other than what was listed.
func placed(found map[string]*driveEntry) string {
	children := map[string]int{}
	for _, e := range found {
		if e.Deleted == nil && e.Root == nil {
			children[e.Parent.ID]++
		}
		names := []string{e.Name}
		at := e
		for ; at.Root == nil && e.Deleted == nil; names = append(names, at.Name) {
			if at = found[at.Parent.ID]; at == nil || len(names) > maxDriveDepth {
				return "an entry lies in a folder that is not listed"
			}
			if at.Root != nil {
				break
			}
		}
		slices.Reverse(names)
		e.path = strings.Join(names, "/")
	}
	for id, e := range found {
		if e.folder() && e.Folder != nil && e.Folder.Children != nil && *e.Folder.Children != children[id] {
			return fmt.Sprintf("a folder counts %d entries, and %d are listed", *e.Folder.Children, children[id])
		}
	}
	return ""
}

func driveListed(found map[string]*driveEntry) *driveListing {
	l := &driveListing{}
	h := sha256.New()
	for _, id := range slices.Sorted(maps.Keys(found)) {
		e := found[id]
		if e.folder() {
			continue
		}
		l.entries = append(l.entries, e)
		if e.File != nil {
			l.size += e.Size
		}
		io.WriteString(h, fmt.Sprintf("%s\x00%s\x00%s\x00%d\x00%s\x00%t\x00", e.ID, e.path, e.Content, e.Size, e.Modified, e.Deleted != nil))
	}
	l.state = fmt.Sprintf("items=%d ids=%s", len(l.entries), hex.EncodeToString(h.Sum(nil)[:16]))
	return l
}
