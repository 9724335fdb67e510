package mail_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/vitrine-project/vitrine/internal/collect"
	"github.com/vitrine-project/vitrine/internal/collect/mail"
	"github.com/vitrine-project/vitrine/internal/graph"
	"github.com/vitrine-project/vitrine/internal/vitrinetest/conform"
	"github.com/vitrine-project/vitrine/internal/vitrinetest/graphserver"
	"github.com/vitrine-project/vitrine/internal/vitrinetest/truth"
)

// TestConformGraph: the suite over Exchange Online's stand-in, which pages by
// seven.
func TestConformGraph(t *testing.T) {
	open := func(roles ...string) (*graphserver.Server, func(testing.TB) collect.Source) {
		s := graphserver.New(t, roles...)
		s.Set(func(f *graphserver.Faults) { f.PageSize = 7 })
		return s, func(t testing.TB) collect.Source {
			c := mail.Graph{Organisation: graph.Organisation{URL: s.URL, Login: s.Login, Tenant: graphserver.Tenant, Client: graphserver.Client, User: "{account}@example.org", Secret: s.SecretFile, Authorities: s.Authorities}}
			return opened(t)(c.Open("g", func(p string) string { return p }))
		}
	}
	reading, source := open("Mail.Read")
	writing, writable := open("Mail.ReadWrite")
	user := func(s *graphserver.Server, it truth.Item) (*graphserver.User, *graphserver.Folder) {
		u := s.User(it.Account + "@example.org")
		return u, u.Folder(strings.Split(it.Container, "/")...)
	}
	plant := func(t testing.TB, items []truth.Item) {
		for _, it := range items {
			for _, s := range []*graphserver.Server{reading, writing} {
				u, f := user(s, it)
				m := graphserver.Message{Raw: it.Raw, Received: it.Received.From, Draft: it.Mark == truth.Draft, Name: it.Label}
				if m.Draft {
					m.Created, m.Received = m.Received, m.Received.AddDate(5, 0, 0)
				}
				s.Do(func(map[string]*graphserver.User) { u.Add(f, m) })
			}
		}
	}
	conform.Run(t, conform.Stage{
		Family: truth.Mail, Plant: plant, Source: source, Writable: writable,
		Has: []truth.Feature{truth.Containers, truth.Scripts, truth.Correspondents, truth.Dates, truth.Duplicate, truth.Draft, truth.Quoted, truth.Encrypted,
			truth.Malformed, truth.NUL, truth.BareCR, truth.EightBit, truth.Empty, truth.Large, truth.Traffic},
		Meddle: func(t testing.TB, gone, come []truth.Item) {
			for _, it := range gone {
				_, f := user(reading, it)
				reading.Do(func(map[string]*graphserver.User) {
					f.Messages = slices.DeleteFunc(f.Messages, func(m *graphserver.Message) bool { return m.Name == it.Label })
				})
			}
			plant(t, come)
		},
	})
}
