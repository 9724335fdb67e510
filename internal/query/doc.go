// Package query reads a provider's own databases by declared, read-only SQL.
package query
