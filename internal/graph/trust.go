package graph

import (
	"crypto/tls"
	"errors"

	"github.com/vitrine-project/vitrine"
)

// distrusted reports whether an error says that the host could not prove who it
// is. Trying again would help nobody but an impostor.
func distrusted(err error) (error, bool) {
	var cert *tls.CertificateVerificationError
	if !errors.As(err, &cert) {
		return nil, false
	}
	return vitrine.Refusef(vitrine.Failed, "the host's certificate is not to be trusted (%v): nothing was sent to it; see that the address is right, and that no one stands in between", cert), true
}
