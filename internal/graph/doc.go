// Package graph speaks with Microsoft Graph over plain HTTPS, for the sources of
// mail and of files. It promises to ask only (no request but the one for a token
// is other than a GET), to show its token to the configured host alone, to follow
// a link only below the configured address and, for a file's bytes, one
// redirection to a configured host without the token, to bound every answer and
// every wait, and to say of each failure whether the same request may be made
// again (Broken), was refused (Status), or was answered with nonsense.
package graph
