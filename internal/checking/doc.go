// Package checking checks what a provider published or handed out, for whoever
// was given it: a published directory or its address, receipts, promises, what
// became of a submission, an auditor's list, a sealed package. It needs no
// config, writes nothing, and fetches only below an address that it was given.
// Both commands that verify are fronts of it.
package checking
