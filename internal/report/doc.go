// Package report makes the public pages of a provider's transparency reports:
// the tables of a signed statement, charts with their data beside them, and the
// same rows as CSV and JSON. A page never says more than its statement does: a
// number in a band, a suppressed or a hidden one is nowhere in any file, and no
// sum, share or count of files rests on one. It reads what the ledger shows to
// everybody and nothing else, and the same input makes the same bytes. It
// follows spec/report.md.
package report
