package graphserver

import (
	"fmt"
	"net/http"
	"strings"
	"time"
)

// Drive is a drive with what was planted in it.
type Drive struct {
	ID, Name string
	Entries  []*Entry
	Miscount int // is added to each folder's childCount
	made     int
}

// Entry is a file, a folder or another thing in a drive.
type Entry struct {
	ID, Name string
	Parent   *Entry // nil: the root
	Kind     string // "file", "folder", "package", "remoteItem", "deleted", "malware"
	Versions []Version
	Client   time.Time // fileSystemInfo
	Unlisted bool      // its newest version is missing among its versions
}

// Version is one version of a file; the last is the newest.
type Version struct {
	Modified time.Time
	Raw      []byte
}

// Drive gives the user a further drive.
func (u *User) Drive(id, name string) *Drive {
	d := &Drive{ID: id, Name: name}
	u.Drives = append(u.Drives, d)
	return d
}

// Add puts an entry at a path of names, its folders made as needed.
func (d *Drive) Add(kind, path string, versions ...Version) *Entry {
	var parent *Entry
	names := strings.Split(path, "/")
	for _, name := range names[:len(names)-1] {
		next := d.child(parent, name)
		if next == nil {
			next = d.put(&Entry{Name: name, Parent: parent, Kind: "folder", Versions: []Version{{Modified: time.Unix(1, 0)}}})
		}
		parent = next
	}
	return d.put(&Entry{Name: names[len(names)-1], Parent: parent, Kind: kind, Versions: versions})
}

func (d *Drive) child(parent *Entry, name string) *Entry {
	for _, e := range d.Entries {
		if e.Parent == parent && e.Name == name {
			return e
		}
	}
	return nil
}

func (d *Drive) put(e *Entry) *Entry {
	d.made++
	e.ID = fmt.Sprintf("01%08X!%d", uint32(d.made)*2654435761, d.made)
	d.Entries = append(d.Entries, e)
	return e
}

// Write adds a version to a file.
func (e *Entry) Write(v Version) { e.Versions = append(e.Versions, v) }

func (e *Entry) newest() Version {
	if len(e.Versions) == 0 {
		return Version{}
	}
	return e.Versions[len(e.Versions)-1]
}

func (d *Drive) children(parent *Entry) (n int) {
	for _, e := range d.Entries {
		if e.Parent == parent && e.Kind != "deleted" {
			n++
		}
	}
	return n + d.Miscount
}

func (d *Drive) rootID() string { return "01ROOT-" + d.ID }

func (d *Drive) describe(e *Entry) object {
	parent := d.rootID()
	if e.Parent != nil {
		parent = e.Parent.ID
	}
	o := object{"id": e.ID, "name": e.Name, "parentReference": object{"id": parent, "driveId": d.ID}, "cTag": fmt.Sprintf(`"c:{%s},%d"`, e.ID, len(e.Versions)), "eTag": "e"}
	v := e.newest()
	if o["size"] = len(v.Raw); !v.Modified.IsZero() {
		o["lastModifiedDateTime"], o["createdDateTime"] = stamp(v.Modified), stamp(e.Versions[0].Modified)
	}
	if !e.Client.IsZero() {
		o["fileSystemInfo"] = object{"lastModifiedDateTime": stamp(e.Client)}
	}
	switch e.Kind {
	case "file":
		o["file"] = object{"mimeType": "application/octet-stream", "hashes": object{"quickXorHash": "AAAA"}}
	case "malware":
		o["file"], o["malware"] = object{}, object{"description": "EICAR"}
	case "folder":
		o["folder"] = object{"childCount": d.children(e)}
	case "package":
		o["package"] = object{"type": "oneNote"}
	case "remoteItem":
		o["remoteItem"] = object{"id": "elsewhere", "parentReference": object{"driveId": "somebody's"}}
	case "deleted":
		o["deleted"] = object{"state": "deleted"}
	}
	return o
}

func (s *Server) find(id string) *Drive {
	for _, u := range s.users {
		for _, d := range u.Drives {
			if d.ID == id {
				return d
			}
		}
	}
	return nil
}

// drive answers what is asked below /drives/ID.
func (s *Server) drive(w http.ResponseWriter, r *http.Request, id string, p []string) {
	d := s.find(id)
	switch {
	case d == nil:
		refuse(w, http.StatusNotFound, "itemNotFound")
	case len(p) == 2 && p[0] == "root" && p[1] == "delta":
		list := []object{{"id": d.rootID(), "name": "root", "root": object{}, "folder": object{"childCount": d.children(nil)}, "lastModifiedDateTime": "2020-01-01T00:00:00Z"}}
		for _, e := range d.Entries {
			list = append(list, d.describe(e))
		}
		s.paged(w, r, list, true)
	case len(p) >= 2 && p[0] == "items":
		for _, e := range d.Entries {
			if e.ID == p[1] && e.Kind != "deleted" {
				s.entry(w, r, d, e, p[2:])
				return
			}
		}
		refuse(w, http.StatusNotFound, "itemNotFound")
	default:
		refuse(w, http.StatusNotFound, "itemNotFound")
	}
}

func (s *Server) entry(w http.ResponseWriter, r *http.Request, d *Drive, e *Entry, p []string) {
	n := 0
	switch {
	case len(p) == 0:
		answer(w, http.StatusOK, d.describe(e))
	case len(p) == 1 && p[0] == "versions":
		var list []object
		for i := len(e.Versions); i > 0; i-- {
			if e.Unlisted && i == len(e.Versions) {
				continue
			}
			v := e.Versions[i-1]
			list = append(list, object{"id": fmt.Sprintf("%d.0", i), "lastModifiedDateTime": stamp(v.Modified), "size": len(v.Raw)})
		}
		s.paged(w, r, list, false)
	case len(p) == 1 && p[0] == "content":
		if e.Kind == "malware" {
			refuse(w, http.StatusForbidden, "malwareDetected")
			return
		}
		s.elsewhere(w, r, d, e, len(e.Versions))
	case len(p) == 3 && p[0] == "versions" && p[2] == "content":
		fmt.Sscanf(p[1], "%d.0", &n)
		switch {
		case n == len(e.Versions):
			refuse(w, http.StatusBadRequest, "invalidRequest") // "You cannot get the content of the current version."
		case n < 1 || n > len(e.Versions):
			refuse(w, http.StatusNotFound, "itemNotFound")
		default:
			s.elsewhere(w, r, d, e, n)
		}
	default:
		refuse(w, http.StatusNotFound, "itemNotFound")
	}
}

func (s *Server) elsewhere(w http.ResponseWriter, r *http.Request, d *Drive, e *Entry, n int) {
	host := "https://" + s.Downloads
	if s.Elsewhere != "" {
		host = s.Elsewhere
	}
	w.Header().Set("Location", fmt.Sprintf("%s/%s/%s/%d?tempauth=1", host, d.ID, e.ID, n))
	w.WriteHeader(http.StatusFound)
}

// download hands out a file's bytes to whoever has the address, and to nobody
// with a token.
func (s *Server) download(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked = append(s.asked, r.Method+" "+r.URL.Path)
	if r.Header.Get("Authorization") != "" {
		s.leaks = append(s.leaks, r.URL.Path)
	}
	p := strings.Split(strings.TrimPrefix(r.URL.Path, "/"), "/")
	if len(p) != 3 || r.URL.Query().Get("tempauth") != "1" {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	n := 0
	fmt.Sscan(p[2], &n)
	if d := s.find(p[0]); d != nil {
		for _, e := range d.Entries {
			if e.ID == p[1] && n >= 1 && n <= len(e.Versions) {
				s.bytes(w, r, e.Versions[n-1].Raw, true)
				return
			}
		}
	}
	w.WriteHeader(http.StatusNotFound)
}

// Find returns the entry at a path, or nil.
func (d *Drive) Find(path string) *Entry {
	var at *Entry
	for name := range strings.SplitSeq(path, "/") {
		if at = d.child(at, name); at == nil {
			return nil
		}
	}
	return at
}
