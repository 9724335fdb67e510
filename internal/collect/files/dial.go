package files

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/internal/collect"
)

// answerWithin is how long a server may take for an answer.
const answerWithin = 60 * time.Second

// line is the connection to one server, made when it is needed and anew after
// it broke.
type line struct {
	address, user string
	hostKey       ssh.PublicKey
	secret        func() (ssh.Signer, error)
	wait          time.Duration

	mu  sync.Mutex
	now *session
}

// session is the conversation to use now.
func (l *line) session(ctx context.Context) (*session, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.now != nil && l.now.alive() {
		return l.now, nil
	}
	s, err := l.dial(ctx)
	if err != nil {
		return nil, err
	}
	l.now = s
	return s, nil
}

func (s *session) alive() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.broken == nil
}

// dial connects, in time, and begins a conversation.
func (l *line) dial(ctx context.Context) (*session, error) {
	signer, err := l.secret()
	if err != nil {
		return nil, err
	}
	timed, cancel := context.WithTimeout(ctx, l.wait)
	defer cancel()
	conn, err := (&net.Dialer{}).DialContext(timed, "tcp", l.address)
	if err != nil {
		return nil, l.interrupted(ctx, err)
	}
	stop := context.AfterFunc(timed, func() { conn.Close() })
	wrong := error(nil)
	c, channels, requests, err := ssh.NewClientConn(conn, l.address, &ssh.ClientConfig{
		User: l.user, Auth: []ssh.AuthMethod{ssh.PublicKeys(signer)}, HostKeyAlgorithms: algorithms(l.hostKey),
		HostKeyCallback: func(_ string, _ net.Addr, k ssh.PublicKey) error {
			if string(k.Marshal()) != string(l.hostKey.Marshal()) {
				wrong = vitrine.Refusef(vitrine.Failed, "%s shows the host key %s, not %s that the config names: nothing was read; find out which server this is before you correct host_key",
					l.address, ssh.FingerprintSHA256(k), ssh.FingerprintSHA256(l.hostKey))
			}
			return wrong
		},
	})
	if err != nil {
		conn.Close()
		if stop(); wrong != nil {
			return nil, wrong
		}
		return nil, l.refused(ctx, err)
	}
	client := ssh.NewClient(c, channels, requests)
	s, err := l.subsystem(ctx, client)
	if !stop() && err == nil {
		err = l.interrupted(ctx, timed.Err())
	}
	if err != nil {
		client.Close()
		return nil, err
	}
	return s, nil
}

// subsystem begins the conversation.
func (l *line) subsystem(ctx context.Context, client *ssh.Client) (*session, error) {
	ch, err := client.NewSession()
	if err != nil {
		return nil, l.refused(ctx, err)
	}
	out, err := ch.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("speak SFTP: %w", err)
	}
	in, err := ch.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("speak SFTP: %w", err)
	}
	if err := ch.RequestSubsystem("sftp"); err != nil {
		return nil, l.refused(ctx, err)
	}
	return hello(ctx, out, in, func() { client.Close() }, l.wait)
}

// refused sorts why a connection did not come about: what another attempt can
// not mend is final.
func (l *line) refused(ctx context.Context, err error) error {
	var none *ssh.AlgorithmNegotiationError
	switch {
	case errors.As(err, &none):
		return vitrine.Refusef(vitrine.Failed, "%s has no host key of the kind %s, or no common algorithm (%v): nothing was read; correct host_key", l.address, l.hostKey.Type(), err)
	case strings.Contains(err.Error(), "unable to authenticate"):
		return vitrine.Refusef(vitrine.Failed, "%s does not let %s in with this key: nothing was read; add its public half to the server, or correct the config", l.address, l.user)
	case strings.Contains(err.Error(), "subsystem request failed"):
		return vitrine.Refusef(vitrine.Failed, "%s offers no SFTP to %s: nothing was read; switch it on", l.address, l.user)
	}
	return l.interrupted(ctx, err)
}

func (l *line) interrupted(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return &collect.Interrupted{Err: fmt.Errorf("connect to %s: %w", l.address, err)}
}

// algorithms are those with which a host key of that kind is shown.
func algorithms(k ssh.PublicKey) []string {
	if k.Type() == ssh.KeyAlgoRSA {
		return []string{ssh.KeyAlgoRSASHA512, ssh.KeyAlgoRSASHA256}
	}
	return []string{k.Type()}
}
