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
	graph.Organisation // Files.Read.All is enough of a permission
	// Downloads are hosts, or domains with a dot in front, that hand out the
	// bytes besides Microsoft's own. Trusted: they decide what the bytes are.
	Downloads []string `toml:"downloads"`
}

// Open returns the source; it connects when it is first asked something.
func (o OneDrive) Open(name string, resolve func(path string) string) (collect.Source, error) {
	client, p, err := o.Organisation.Open(resolve, collect.Secret, o.Downloads...)
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
		return status.Refuse()
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
