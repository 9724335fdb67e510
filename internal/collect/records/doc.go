// Package records reads declared tables as sources of collection.
package records
