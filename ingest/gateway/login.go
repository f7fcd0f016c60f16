package gateway

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"

	"golang.org/x/crypto/ssh"

	"sluice/catalog"
)

// ParseKeys reads lines of an authorized_keys file and returns them one by one, without comments and empty lines.
func ParseKeys(text []byte) ([]string, error) {
	var out []string
	for len(bytes.TrimSpace(text)) > 0 {
		key, comment, options, rest, err := ssh.ParseAuthorizedKey(text)
		if err != nil {
			return nil, fmt.Errorf("not a line of an authorized_keys file: %w", err)
		}
		if len(options) > 0 {
			return nil, fmt.Errorf("key %s: options are not supported", ssh.FingerprintSHA256(key))
		}
		if err := keyAllowed(key); err != nil {
			return nil, err
		}
		line := string(bytes.TrimSpace(ssh.MarshalAuthorizedKey(key)))
		if comment != "" {
			line += " " + comment
		}
		out, text = append(out, line), rest
	}
	return out, nil
}

// keyAllowed refuses kinds of keys that are too weak.
func keyAllowed(key ssh.PublicKey) error {
	switch key.Type() {
	case ssh.KeyAlgoED25519, ssh.KeyAlgoECDSA256, ssh.KeyAlgoECDSA384, ssh.KeyAlgoECDSA521, ssh.KeyAlgoRSA, ssh.KeyAlgoSKED25519, ssh.KeyAlgoSKECDSA256:
		return nil
	}
	return fmt.Errorf("key %s: kind %s is not accepted", ssh.FingerprintSHA256(key), key.Type())
}

// account is who asks to come in, and from where.
type attempt struct {
	protocol string
	name     string
	addr     net.Addr
}

// braked says whether an attempt is refused before it is looked at.
func (g *Gateway) braked(a attempt) error {
	if g.brake.blocked(addressKey(a.addr)) {
		logins.WithLabelValues(a.protocol, "braked").Inc()
		return fmt.Errorf("%w failed logins: try again in some minutes", ErrTooMany)
	}
	return nil
}

// failed counts a wrong login.
func (g *Gateway) failed(a attempt, why string) error {
	g.brake.failed(addressKey(a.addr))
	logins.WithLabelValues(a.protocol, "wrong").Inc()
	g.cfg.Log.Info("gateway: login refused", "protocol", a.protocol, "user", a.name, "remote", a.addr.String(), "reason", why)
	return ErrLogin
}

// password lets a user in by password. What it returns says nothing about what was wrong.
func (g *Gateway) password(ctx context.Context, a attempt, password string) (catalog.GatewayUser, error) {
	if err := g.braked(a); err != nil {
		return catalog.GatewayUser{}, err
	}
	// The brake on a name is for passwords only: nobody shuts a user out who has a key.
	if g.brake.blocked(userKey(a.name)) {
		logins.WithLabelValues(a.protocol, "braked").Inc()
		return catalog.GatewayUser{}, fmt.Errorf("%w failed logins of this user: try again in some minutes", ErrTooMany)
	}
	u, err := g.cfg.Users.GatewayLogin(ctx, a.name)
	hash := u.PasswordHash
	switch {
	case err != nil && !errors.Is(err, catalog.ErrNotFound):
		return catalog.GatewayUser{}, g.loginError(a, err)
	case err != nil || hash == "":
		hash = noHash
	}
	select {
	case g.hash <- struct{}{}:
	case <-ctx.Done():
		return catalog.GatewayUser{}, context.Cause(ctx)
	}
	ok, verr := verifyPassword(hash, password)
	<-g.hash
	if verr != nil {
		return catalog.GatewayUser{}, g.loginError(a, verr)
	}
	if !ok || err != nil || u.PasswordHash == "" {
		g.brake.failed(userKey(a.name))
		return catalog.GatewayUser{}, g.failed(a, "password")
	}
	g.brake.passed(userKey(a.name))
	g.brake.passed(addressKey(a.addr))
	return u, nil
}

// loginError hides what went wrong on this side.
func (g *Gateway) loginError(a attempt, err error) error {
	logins.WithLabelValues(a.protocol, "error").Inc()
	g.cfg.Log.Error("gateway: login failed", "protocol", a.protocol, "user", a.name, "error", err)
	return errors.New("the server cannot check logins now")
}

// key lets a user in by a public key, whose possession the protocol proves. A key that is not the user's is no failed login yet:
// clients offer one after the other.
func (g *Gateway) key(ctx context.Context, a attempt, key ssh.PublicKey) (catalog.GatewayUser, error) {
	if err := g.braked(a); err != nil {
		return catalog.GatewayUser{}, err
	}
	cert, vouched := key.(*ssh.Certificate)
	var err error
	if vouched {
		err = g.vouched(a, cert)
	} else {
		err = keyAllowed(key)
	}
	if err != nil {
		return catalog.GatewayUser{}, err
	}
	u, err := g.cfg.Users.GatewayLogin(ctx, a.name)
	if err != nil && !errors.Is(err, catalog.ErrNotFound) {
		return catalog.GatewayUser{}, g.loginError(a, err)
	}
	if vouched && err == nil {
		return u, nil
	}
	offered := key.Marshal()
	for _, line := range u.Keys {
		own, _, _, _, err := ssh.ParseAuthorizedKey([]byte(line))
		if err == nil && bytes.Equal(own.Marshal(), offered) {
			return u, nil
		}
	}
	return catalog.GatewayUser{}, ErrLogin
}

// vouched says why a certificate does not let its holder in as the user: it must name the user, be valid now, and come from a key that is
// configured for that.
func (g *Gateway) vouched(a attempt, cert *ssh.Certificate) error {
	if g.cfg.UserCA == "" || cert.CertType != ssh.UserCert || len(cert.ValidPrincipals) == 0 {
		return ErrLogin
	}
	if err := errors.Join(keyAllowed(cert.Key), keyAllowed(cert.SignatureKey)); err != nil {
		return err
	}
	authorities, err := readAuthorities(g.cfg.UserCA)
	if err != nil {
		return g.loginError(a, err)
	}
	by := cert.SignatureKey.Marshal()
	if !slices.ContainsFunc(authorities, func(k ssh.PublicKey) bool { return bytes.Equal(k.Marshal(), by) }) {
		return ErrLogin
	}
	checker := ssh.CertChecker{Clock: g.now, SupportedCriticalOptions: []string{"source-address"}}
	if err := checker.CheckCert(a.name, cert); err != nil {
		return fmt.Errorf("%w: %w", ErrLogin, err)
	}
	return nil
}

// readAuthorities reads the keys that vouch for others.
func readAuthorities(path string) ([]ssh.PublicKey, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	lines, err := ParseKeys(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	var keys []ssh.PublicKey
	for _, l := range lines {
		key, _, _, _, err := ssh.ParseAuthorizedKey([]byte(l))
		if err != nil {
			return nil, err
		}
		keys = append(keys, key)
	}
	if len(keys) == 0 {
		return nil, fmt.Errorf("%s has no keys", path)
	}
	return keys, nil
}
