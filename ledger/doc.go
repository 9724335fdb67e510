// Package ledger is what the public sees of a provider's demands: headers,
// bundles of leaves that show nothing, zero-knowledge proofs that no leaf holds
// a negative number, receipts, and reports whose totals follow from the leaves.
// It makes and checks all of these as bytes; it touches no file and no network,
// and whoever reads a ledger hands it a function that fetches. It follows
// spec/ledger.md and spec/report.md.
package ledger
