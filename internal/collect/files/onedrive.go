package files

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/internal/collect"
	"github.com/vitrine-project/vitrine/internal/graph"
)

// KindOneDrive is the kind of a source of OneDrive and SharePoint drives.
const KindOneDrive = "onedrive"

// OneDrive is an organisation's drives as the provider's config has them. It
// was tried against a server of Graph's documented behaviour, and never against
// the live service. It reaches every file of every drive of an account, with
// the versions that the drive keeps; not what lies in a recycle bin, which Graph
// does not list, and not what other accounts' drives share with this one.
type OneDrive struct {
	// URL is the address of Graph, with its version; empty: the worldwide
	// cloud's. Trusted: the server shows every file, and decides when each
	// version was written.
	URL string `toml:"url"`
	// Login is the address that hands out tokens; empty: the worldwide cloud's.
	// Trusted: it gets the secret.
	Login string `toml:"login"`
	// Tenant is the organisation's identifier. Trusted: whoever runs it.
	Tenant string `toml:"tenant"`
	// Client is the application's identifier. Trusted: whoever decides which
	// permissions the application has; Files.Read.All is enough.
	Client string `toml:"client"`
	// User is what Graph calls an account's user, with {account} in it, such as
	// {account}@example.org; empty: {account} alone. Trusted: it decides whose
	// drives are read.
	User string `toml:"user"`
	// Secret is a file with the application's secret that only its owner can
	// read. Trusted: whoever has it reads all drives.
	Secret string `toml:"secret"`
	// CertificateKey is, instead, a file with the application's certificate and
	// its RSA key, both in PEM. Trusted: as the secret.
	CertificateKey string `toml:"certificate_key"`
	// Authorities is a PEM file of the certificates that vouch for all these
	// hosts; empty: the machine's. Trusted: whoever holds their keys can pretend
	// to be the server.
	Authorities string `toml:"authorities"`
	// Downloads are hosts, or domains with a dot in front, that hand out the
	// bytes besides Microsoft's own. Trusted: they decide what the bytes are.
	Downloads []string `toml:"downloads"`
}

// Open returns the source; it connects when it is first asked something.
func (o OneDrive) Open(name string, resolve func(path string) string) (collect.Source, error) {
	c := graph.Config{Base: o.URL, Login: o.Login, Tenant: o.Tenant, Client: o.Client, CA: o.Authorities, Downloads: o.Downloads}
	if c.CA != "" {
		c.CA = resolve(c.CA)
	}
	if o.Secret != "" {
		c.Secret = func() (string, error) { return collect.Secret(resolve(o.Secret)) }
	}
	if o.CertificateKey != "" {
		c.Key = func() (string, error) { return collect.Secret(resolve(o.CertificateKey)) }
	}
	client, err := graph.New(c)
	if err != nil {
		return nil, err
	}
	p, err := graph.ParsePattern(o.User)
	if err != nil {
		return nil, err
	}
	return &drives{declaration: vitrine.Source{Name: name, Kind: KindOneDrive, Path: client.Address() + " user=" + p.String()}, client: client, users: p}, nil
}

// drives is a source of the drives of each account.
type drives struct {
	declaration vitrine.Source
	client      *graph.Client
	users       graph.Pattern
	kept        graph.Kept[*driveListing]
}

func (d *drives) Declaration() vitrine.Source { return d.declaration }

func (d *drives) Family() collect.Family { return collect.Files }

func (d *drives) Holds() []vitrine.Category { return []vitrine.Category{Category} }

// Probe looks at the permissions that the token names, which are Microsoft's own
// statement.
func (d *drives) Probe(ctx context.Context) (collect.Access, error) {
	writes, shown, err := d.client.Access(ctx, "Files.Read.All", "Sites.Read.All")
	return collect.Access{Writes: writes, Shown: shown}, driveFault(err)
}

// driveFault is what an error of Graph's means to a run.
func driveFault(err error) error {
	var broken *graph.Broken
	if errors.As(err, &broken) {
		return &collect.Interrupted{Err: broken}
	}
	var status *graph.Status
	if errors.As(err, &status) {
		return vitrine.Refusef(vitrine.Failed, "%v: nothing was kept; see that the application has the permission and that an administrator has consented", status)
	}
	return err
}

// Inventory lists the account's drives.
func (d *drives) Inventory(ctx context.Context, a vitrine.Account) ([]collect.Container, error) {
	user, ok := d.users.User(a)
	if !ok {
		return nil, nil
	}
	type drive struct {
		ID   string `json:"id"`
		Name string `json:"name"`
	}
	var all []drive
	err := graph.List(ctx, d.client, graph.Listing{Path: graph.Path("users", user, "drives"), Query: url.Values{"$select": {"id,name"}}}, func(v drive) error {
		if v.ID == "" || len(v.ID) > maxDriveID || collect.Valid(v.ID) != v.ID {
			return errDriveNonsense
		}
		if !slices.Contains(all, v) {
			all = append(all, v)
		}
		return nil
	})
	if s, gone := graph.Refused(err, http.StatusNotFound); gone && slices.Contains([]string{"Request_ResourceNotFound", "ResourceNotFound", "itemNotFound"}, s.Reason) {
		return nil, nil
	}
	if err != nil {
		return nil, driveFault(err)
	}
	var containers []collect.Container
	for _, v := range all {
		c := collect.Container{Account: a, Name: collect.Valid(v.Name), Kind: KindOneDrive, Count: collect.NoCount, Key: v.ID}
		if slices.ContainsFunc(all, func(o drive) bool { return o.Name == v.Name && o.ID != v.ID }) || c.Name == "" {
			c.Name += " (" + v.ID + ")"
		}
		l, err := d.list(ctx, v.ID)
		if err != nil {
			return nil, driveFault(err)
		}
		c.State, c.Size = l.state, l.size
		d.kept.Keep(string(a), v.ID, l.state, l)
		containers = append(containers, c)
	}
	return containers, nil
}

// Close returns the number of entries and a digest of what they are.
func (d *drives) Close(ctx context.Context, c collect.Container) (string, error) {
	l, err := d.list(ctx, c.Key)
	if err != nil {
		return "", driveFault(err)
	}
	d.kept.Drop(string(c.Account), c.Key)
	return l.state, nil
}
