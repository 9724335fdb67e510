package law

// After lists the steps that may follow s, for the test that compares them with
// a table of its own.
func After(s Step) []Step { return follows[s] }
