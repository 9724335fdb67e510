// Package files reads directory trees and file servers as sources of
// collection. It promises every file below an account's directory, under each
// of its names, with its bytes exactly as stored, in memory that does not grow
// with the number of files, and as evidence the store's own record of when it
// was written. It never writes, never follows a symbolic link, never opens what
// is no regular file, never leaves the account's directory or the mount that it
// lies on, never builds a path from the text of a demand, and never decides. A
// directory tells what is there now: it cannot answer for what was overwritten
// or removed before. spec/production.md has the rules by name.
package files
