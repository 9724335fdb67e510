// Package search looks for keywords in what an item says.
package search
