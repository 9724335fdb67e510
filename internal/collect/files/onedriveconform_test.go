package files_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/vitrine-project/vitrine/internal/collect"
	"github.com/vitrine-project/vitrine/internal/collect/files"
	"github.com/vitrine-project/vitrine/internal/graph"
	"github.com/vitrine-project/vitrine/internal/vitrinetest/conform"
	"github.com/vitrine-project/vitrine/internal/vitrinetest/graphserver"
	"github.com/vitrine-project/vitrine/internal/vitrinetest/truth"
)

// TestConformOneDrive: the suite over OneDrive's stand-in, which pages by seven.
func TestConformOneDrive(t *testing.T) {
	open := func(roles ...string) (*graphserver.Server, func(testing.TB) collect.Source) {
		s := graphserver.New(t, roles...)
		s.Set(func(f *graphserver.Faults) { f.PageSize = 7 })
		return s, func(t testing.TB) collect.Source {
			c := files.OneDrive{Organisation: graph.Organisation{URL: s.URL, Login: s.Login, Tenant: graphserver.Tenant, Client: graphserver.Client, User: "{account}@example.org", Secret: s.SecretFile, Authorities: s.Authorities}, Downloads: []string{s.Downloads}}
			return opened(t)(c.Open("o", asIs))
		}
	}
	reading, source := open("Files.Read.All")
	writing, writable := open("Files.ReadWrite.All")
	path := func(it truth.Item) string { return strings.TrimPrefix(pathOf(it), it.Account+"/") }
	drive := func(s *graphserver.Server, it truth.Item) *graphserver.Drive {
		u := s.User(it.Account + "@example.org")
		if len(u.Drives) == 0 {
			u.Drive("b!"+it.Account, "OneDrive")
		}
		return u.Drives[0]
	}
	plant := func(t testing.TB, items []truth.Item) {
		for _, it := range items {
			for _, s := range []*graphserver.Server{reading, writing} {
				d := drive(s, it)
				s.Do(func(map[string]*graphserver.User) {
					v := graphserver.Version{Modified: it.Received.From, Raw: it.Raw}
					if e := d.Find(path(it)); e != nil {
						e.Write(v)
					} else {
						d.Add("file", path(it), v)
					}
				})
			}
		}
	}
	conform.Run(t, conform.Stage{
		Family: truth.Files, Plant: plant, Source: source, Writable: writable,
		Has: []truth.Feature{truth.Containers, truth.Scripts, truth.Duplicate, truth.Quoted, truth.Version, truth.Encrypted, truth.Empty, truth.Large, truth.Undated, truth.Traffic},
		Stored: func(it truth.Item) truth.Item {
			it.Container = "OneDrive"
			return it
		},
		Meddle: func(t testing.TB, gone, come []truth.Item) {
			for _, it := range gone {
				d := drive(reading, it)
				reading.Do(func(map[string]*graphserver.User) {
					e := d.Find(path(it))
					d.Entries = slices.DeleteFunc(d.Entries, func(o *graphserver.Entry) bool { return o == e })
				})
			}
			plant(t, come)
		},
	})
}
