// Command vitrine-verify checks what a provider that uses Vitrine published or
// handed out: a transparency report against its ledger, a receipt, a promise, a
// tally, a sealed package. It needs no config, writes no file, and fetches
// nothing but the published directory that it is pointed at; in a browser it is
// the same program without files and network. It follows spec/ledger.md,
// spec/report.md and spec/production.md.
package main
