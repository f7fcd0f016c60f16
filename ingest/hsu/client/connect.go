package client

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"syscall"
	"time"
)

const (
	dialTimeout = 15 * time.Second
	keepAlive   = 15 * time.Second
)

// transport connects to the server: by the proxies of the environment, with TLS 1.3 or 1.2, and with the congestion control that
// serves a single sender best. The other result makes connections for it.
func (o *Options) transport() (*http.Transport, *early, error) {
	conf := &tls.Config{
		MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"},
		// Records that begin small help pages, not files.
		DynamicRecordSizingDisabled: true,
	}
	if o.Fingerprint != "" {
		want, err := hex.DecodeString(strings.ReplaceAll(o.Fingerprint, ":", ""))
		if err != nil || len(want) != sha256.Size {
			return nil, nil, fmt.Errorf("%w: the fingerprint is not 64 hex digits", ErrUsage)
		}
		conf.InsecureSkipVerify = true // the fingerprint says more than a name
		conf.VerifyConnection = func(s tls.ConnectionState) error {
			if got := sha256.Sum256(s.PeerCertificates[0].Raw); string(got[:]) != string(want) {
				return fmt.Errorf("%w: the server's certificate has the fingerprint %x", errStranger, got)
			}
			return nil
		}
	}
	d := &net.Dialer{Timeout: dialTimeout, KeepAlive: keepAlive, Control: func(_, _ string, c syscall.RawConn) error {
		setUnsent(c)
		return setCongestion(c, o.Congestion)
	}}
	e := &early{dial: &tls.Dialer{NetDialer: d, Config: conf}}
	return &http.Transport{
		Proxy: http.ProxyFromEnvironment, DialContext: d.DialContext, DialTLSContext: e.get, TLSClientConfig: conf, TLSHandshakeTimeout: dialTimeout,
		MaxIdleConnsPerHost: maxStreams, IdleConnTimeout: time.Minute, WriteBufferSize: 64 << 10, ReadBufferSize: 16 << 10,
		TLSNextProto: map[string]func(string, *tls.Conn) http.RoundTripper{}, ExpectContinueTimeout: time.Second,
	}, e, nil
}

// errStranger says that the server is not the one that was meant.
var errStranger = errors.New("not the server that was meant")

// trusted makes an error about the server's certificate one that ends the upload, with what to do.
func trusted(err error) error {
	var unknown x509.UnknownAuthorityError
	var name x509.HostnameError
	var wrong x509.CertificateInvalidError
	switch {
	case errors.As(err, &unknown):
		return fmt.Errorf("%w: %w; if its fingerprint SHA-256 %x is what the server printed, pass it with --fingerprint", ErrAuth, err, sha256.Sum256(unknown.Cert.Raw))
	case errors.As(err, &name), errors.As(err, &wrong), errors.Is(err, errStranger):
		return fmt.Errorf("%w: %w", ErrAuth, err)
	}
	return err
}

// sleep waits, or returns ctx's error.
func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// slept waits, and says whether ctx did not end meanwhile.
func slept(ctx context.Context, d time.Duration) bool { return sleep(ctx, d) == nil }
