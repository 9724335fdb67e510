package casework

// Points are the places at which a test kills the process: before and after
// everything that a step writes. The list is checked against what a whole
// answer, and the destruction of a key, really pass.
var Points = []string{
	"receive: document kept",
	"collect: items held",
	"collect: piece kept",
	"collect: hold kept",
	"seal: items sealed",
	"seal: volume kept",
	"deliver: volumes placed",
	"deliver: recorded",
	"blob: written", "blob: synced", "blob: renamed",
	"place: written", "place: synced", "place: renamed",
	"store: before commit", "store: after commit",
	"count: published",
	"key: recorded",
}
