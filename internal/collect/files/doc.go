// Package files reads directory trees and file servers as sources of collection.
package files
