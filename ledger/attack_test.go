package ledger

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"testing"
)

// An attack changes a good directory in one way. The audit must refuse it, with
// an error that holds the words. The same attacks stand in spec/vectors/report,
// each with its class, for every other verifier.
type attack struct {
	name  string // that of its vector
	class string // what is wrong
	base  string // of bases
	words string
	do    func(w *world)
}

// bases are the good directories that attacks begin with.
var bases = map[string]func() *world{"whole": whole, "half": half, "untold": untold, "tiny": tiny}

func attacks() []attack {
	var list []attack
	for _, some := range [][]attack{leafAttacks(), bundleAttacks(), treeAttacks(), headerAttacks(), reportAttacks(), bandAttacks(), versionAttacks(), closedAttacks(), siteAttacks()} {
		list = append(list, some...)
	}
	return list
}

// isVector reports whether the directory is the committed vector of the attack.
func (w *world) isVector(a attack) bool {
	var v directoryVector
	b, err := os.ReadFile(filepath.Join(reportVectors, a.name+".json"))
	if err != nil || json.Unmarshal(b, &v) != nil {
		return false
	}
	base := vectorBases()[v.Base]
	return base != nil && reflect.DeepEqual(v.Files, difference(base.dir, w.dir))
}

func TestAttacks(t *testing.T) {
	names := map[string]bool{}
	for _, a := range attacks() {
		t.Run(a.name, func(t *testing.T) {
			if names[a.name] {
				t.Fatal("another attack has this name")
			}
			names[a.name] = true
			w := bases[a.base]().branch(t, a.name)
			a.do(w)
			if !w.isVector(a) { // else TestReportVectors audits it
				w.refused(a.words)
			}
		})
	}
}
