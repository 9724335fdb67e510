package graphserver

import (
	"fmt"
	"net/http"
	"time"
)

// User is a person with a mailbox and, perhaps, a drive.
type User struct {
	Name   string
	Root   *Folder
	Hidden map[string]*Folder // by well-known name: recoverable items
	Drives []*Drive
	NoMail bool // the mailbox is elsewhere
	made   int
}

// Folder is a mail folder.
type Folder struct {
	ID, Name       string
	Hidden, Search bool
	Messages       []*Message
	Folders        []*Folder
}

// Message is a message as it was planted.
type Message struct {
	ID                      string
	Raw                     []byte
	Received, Sent, Created time.Time
	Draft, Read             bool
	Change                  int
	Name                    string // for the test alone
	Broken                  string // Graph's code: it cannot be handed out
}

func newUser(name string) *User {
	u := &User{Name: name, Hidden: map[string]*Folder{}}
	u.Root = &Folder{ID: u.id("folder"), Name: "Top of Information Store"}
	return u
}

// id makes an identifier such as Graph's, in no order of their making.
func (u *User) id(kind string) string {
	u.made++
	return fmt.Sprintf("AAkALg%08xAA-%s_%d=", uint32(u.made)*2654435761, kind, u.made)
}

// Folder returns the folder at a path of names below the root, made as needed.
func (u *User) Folder(path ...string) *Folder {
	at := u.Root
	for _, name := range path {
		var next *Folder
		for _, f := range at.Folders {
			if f.Name == name {
				next = f
			}
		}
		if next == nil {
			next = &Folder{ID: u.id("folder"), Name: name}
			at.Folders = append(at.Folders, next)
		}
		at = next
	}
	return at
}

// Recoverable returns the folder of a well-known name outside the root.
func (u *User) Recoverable(name, display string) *Folder {
	if u.Hidden[name] == nil {
		u.Hidden[name] = &Folder{ID: u.id("folder"), Name: display}
	}
	return u.Hidden[name]
}

// Add puts a message into a folder.
func (u *User) Add(f *Folder, m Message) *Message {
	if m.ID == "" {
		m.ID = u.id("message")
	}
	f.Messages = append(f.Messages, &m)
	return &m
}

func (u *User) find(f *Folder, id string) *Folder {
	if f.ID == id {
		return f
	}
	for _, c := range f.Folders {
		if found := u.find(c, id); found != nil {
			return found
		}
	}
	return nil
}

func (u *User) folder(id string) *Folder {
	if id == "msgfolderroot" {
		return u.Root
	}
	if f := u.Hidden[id]; f != nil {
		return f
	}
	if f := u.find(u.Root, id); f != nil {
		return f
	}
	for _, h := range u.Hidden {
		if f := u.find(h, id); f != nil {
			return f
		}
	}
	return nil
}

func (u *User) message(f *Folder, id string) *Message {
	for _, m := range f.Messages {
		if m.ID == id {
			return m
		}
	}
	for _, c := range f.Folders {
		if m := u.message(c, id); m != nil {
			return m
		}
	}
	return nil
}

// user answers what is asked below /users/NAME.
func (s *Server) user(w http.ResponseWriter, r *http.Request, u *User, p []string) {
	switch {
	case len(p) == 1 && p[0] == "drives":
		var list []object
		for _, d := range u.Drives {
			list = append(list, object{"id": d.ID, "name": d.Name, "driveType": "business"})
		}
		s.paged(w, r, list, false)
	case u.NoMail:
		refuse(w, http.StatusNotFound, "MailboxNotEnabledForRESTAPI")
	case p[0] == "mailFolders" && len(p) > 1:
		f := u.folder(p[1])
		if f == nil {
			refuse(w, http.StatusNotFound, "ErrorItemNotFound")
			return
		}
		s.folder(w, r, f, p[2:])
	case len(p) == 3 && p[0] == "messages" && p[2] == "$value":
		m := u.message(u.Root, p[1])
		for _, h := range u.Hidden {
			if m == nil {
				m = u.message(h, p[1])
			}
		}
		s.value(w, r, m)
	default:
		refuse(w, http.StatusNotFound, "ResourceNotFound")
	}
}

func (s *Server) value(w http.ResponseWriter, r *http.Request, m *Message) {
	switch {
	case m == nil:
		refuse(w, http.StatusNotFound, "ErrorItemNotFound")
	case m.Broken != "":
		refuse(w, http.StatusInternalServerError, m.Broken)
	case s.Unstable:
		m.Change++
		s.bytes(w, r, fmt.Appendf(append([]byte(nil), m.Raw...), "%d", m.Change), false)
	default:
		s.bytes(w, r, m.Raw, false)
	}
}

func (s *Server) folder(w http.ResponseWriter, r *http.Request, f *Folder, p []string) {
	switch {
	case len(p) == 0:
		answer(w, http.StatusOK, s.describe(f))
	case p[0] == "childFolders":
		var list []object
		for _, c := range f.Folders {
			if !c.Hidden || r.URL.Query().Get("includeHiddenFolders") == "true" {
				list = append(list, s.describe(c))
			}
		}
		s.paged(w, r, list, false)
	case p[0] == "messages":
		var list []object
		for _, m := range f.Messages {
			id := m.ID
			if !immutable(r) {
				id = f.ID + m.ID // one that changes with the folder
			}
			list = append(list, object{"id": id, "changeKey": fmt.Sprint("CQ", m.Change), "receivedDateTime": stamp(m.Received), "sentDateTime": stamp(m.Sent), "createdDateTime": stamp(m.Created), "isDraft": m.Draft, "isRead": m.Read})
		}
		delta := len(p) > 1 && p[1] == "delta"
		if s.Stale && !delta && len(list) > 0 {
			list[0]["id"] = "gone="
		}
		s.paged(w, r, list, delta)
	default:
		refuse(w, http.StatusNotFound, "ResourceNotFound")
	}
}

func immutable(r *http.Request) bool {
	for _, p := range r.Header.Values("Prefer") {
		if p == `IdType="ImmutableId"` {
			return true
		}
	}
	return false
}

func (s *Server) describe(f *Folder) object {
	visible := 0
	for _, c := range f.Folders {
		if !c.Hidden {
			visible++
		}
	}
	o := object{"id": f.ID, "displayName": f.Name, "childFolderCount": visible, "totalItemCount": int64(len(f.Messages)) + s.Miscount}
	if f.Search {
		o["@odata.type"] = "#microsoft.graph.mailSearchFolder"
	}
	return o
}
