package graph

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/vitrine-project/vitrine"
)

const (
	maxToken = 256 << 10 // bytes of an answer with a token
	early    = 2 * time.Minute
)

// token is a right to ask that ends by itself.
type token struct {
	text string
	ends time.Time
}

// bearer returns a token that still holds, and asks for a new one where old is
// the one that was refused.
func (c *Client) bearer(ctx context.Context, old string) (string, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.token.text != "" && c.token.text != old && c.now().Before(c.token.ends) {
		return c.token.text, nil
	}
	t, err := c.ask(ctx)
	if err != nil {
		return "", err
	}
	c.token = t
	return t.text, nil
}

// ask asks for a token, as RFC 6749 section 4.4 has it.
func (c *Client) ask(ctx context.Context) (token, error) {
	address := c.login.String() + "/" + c.config.Tenant + "/oauth2/v2.0/token"
	form := url.Values{"client_id": {c.config.Client}, "grant_type": {"client_credentials"}, "scope": {c.base.Scheme + "://" + c.base.Host + "/.default"}}
	if err := c.credential(form, address); err != nil {
		return token{}, err
	}
	var got struct {
		Type    string `json:"token_type"`
		Token   string `json:"access_token"`
		Expires int64  `json:"expires_in"`
	}
	asked := c.now()
	err := c.patiently(ctx, func() error {
		r, err := http.NewRequestWithContext(ctx, http.MethodPost, address, strings.NewReader(form.Encode()))
		if err != nil {
			return err
		}
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		a, err := c.send(r)
		if err != nil {
			return err
		}
		defer a.Close()
		if a.StatusCode != http.StatusOK {
			return loginRefused(a)
		}
		return a.json(&got, maxToken)
	})
	if err != nil {
		return token{}, err
	}
	if !strings.EqualFold(got.Type, "bearer") || !printable(got.Token) || got.Expires < 1 || got.Expires > 7*24*3600 {
		return token{}, nonsense("a token of type %q for %d seconds", got.Type, got.Expires)
	}
	life := time.Duration(got.Expires) * time.Second
	return token{got.Token, asked.Add(life - min(early, life/2))}, nil
}

// loginRefused is why no token was given, in the login server's own words.
func loginRefused(a *answer) error {
	var why struct {
		Reason string `json:"error"`
		Text   string `json:"error_description"`
	}
	if a.StatusCode >= 500 || a.StatusCode == http.StatusTooManyRequests {
		return a.refused()
	}
	if err := a.json(&why, maxToken); err != nil {
		return err
	}
	text, _, _ := strings.Cut(why.Text, "\n")
	return vitrine.Refusef(vitrine.Failed, "the login of the application is refused (%s, %q): see that tenant, client and credential belong together and that the credential has not expired", cut(why.Reason), cut(text))
}

func printable(s string) bool {
	for _, b := range []byte(s) {
		if b <= ' ' || b >= 0x7f {
			return false
		}
	}
	return s != ""
}

// credential puts into the form by what the application proves itself.
func (c *Client) credential(form url.Values, audience string) error {
	if c.config.Secret != nil {
		secret, err := c.config.Secret()
		form.Set("client_secret", secret)
		return err
	}
	text, err := c.config.Key()
	if err != nil {
		return err
	}
	signed, err := assertion(text, c.config.Client, audience, c.now())
	form.Set("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer")
	form.Set("client_assertion", signed)
	return err
}

// assertion is a JSON Web Token by which a certificate's key vouches for the
// application, as Microsoft's login wants it.
func assertion(text, client, audience string, now time.Time) (string, error) {
	cert, key, err := pair(text)
	if err != nil {
		return "", err
	}
	thumb := sha256.Sum256(cert)
	head, err := json.Marshal(map[string]string{"alg": "PS256", "typ": "JWT", "x5t#S256": base64.RawURLEncoding.EncodeToString(thumb[:])})
	if err != nil {
		return "", err
	}
	body, err := json.Marshal(map[string]any{"aud": audience, "iss": client, "sub": client, "jti": rand.Text(), "nbf": now.Add(-time.Minute).Unix(), "exp": now.Add(5 * time.Minute).Unix()})
	if err != nil {
		return "", err
	}
	signing := base64.RawURLEncoding.EncodeToString(head) + "." + base64.RawURLEncoding.EncodeToString(body)
	sum := sha256.Sum256([]byte(signing))
	sig, err := key.Sign(rand.Reader, sum[:], &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: crypto.SHA256})
	return signing + "." + base64.RawURLEncoding.EncodeToString(sig), err
}

// pair finds certificate and key in a PEM text.
func pair(text string) (cert []byte, key *rsa.PrivateKey, err error) {
	for rest := []byte(text); ; {
		var b *pem.Block
		if b, rest = pem.Decode(rest); b == nil {
			break
		}
		switch b.Type {
		case "CERTIFICATE":
			if cert == nil {
				cert = b.Bytes
			}
		case "PRIVATE KEY":
			k, _ := x509.ParsePKCS8PrivateKey(b.Bytes)
			key, _ = k.(*rsa.PrivateKey)
		case "RSA PRIVATE KEY":
			key, _ = x509.ParsePKCS1PrivateKey(b.Bytes)
		}
	}
	if cert == nil || key == nil {
		return nil, nil, vitrine.Refusef(vitrine.Usage, "certificate_key holds no certificate, or no RSA key without a passphrase: put both into it, in PEM")
	}
	return cert, key, nil
}
