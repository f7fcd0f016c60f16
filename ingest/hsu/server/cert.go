package server

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"
)

// certYears is how long a certificate lasts that a server makes for itself: clients know it by its fingerprint, which must stay.
const certYears = 20

// Certificate reads the certificate and the key of a server from PEM files, and returns it with the fingerprint by which clients
// may know it: the SHA-256 of its first certificate, in hex.
func Certificate(certFile, keyFile string) (tls.Certificate, string, error) {
	c, err := tls.LoadX509KeyPair(certFile, keyFile)
	if err != nil {
		return c, "", err
	}
	sum := sha256.Sum256(c.Certificate[0])
	return c, hex.EncodeToString(sum[:]), nil
}

// OwnCertificate is Certificate for files in a folder, which are made when they are not there: one that no authority vouches for.
func OwnCertificate(dir string) (tls.Certificate, string, error) {
	certFile, keyFile := filepath.Join(dir, "upload.crt"), filepath.Join(dir, "upload.key")
	c, fingerprint, err := Certificate(certFile, keyFile)
	if !errors.Is(err, os.ErrNotExist) {
		return c, fingerprint, err
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return c, "", err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return c, "", err
	}
	now := time.Now()
	leaf := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: "sluice"}, NotBefore: now.Add(-time.Hour), NotAfter: now.AddDate(certYears, 0, 0),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}, BasicConstraintsValid: true,
		DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback},
	}
	der, err := x509.CreateCertificate(rand.Reader, leaf, leaf, key.Public(), key)
	if err != nil {
		return c, "", err
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return c, "", err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return c, "", err
	}
	// The key first: a certificate without its key would be used for nothing, and never be made anew.
	err = errors.Join(writePEM(keyFile, "PRIVATE KEY", secret), writePEM(certFile, "CERTIFICATE", der))
	if err != nil {
		return c, "", fmt.Errorf("keep the certificate: %w", err)
	}
	return Certificate(certFile, keyFile)
}

func writePEM(path, kind string, der []byte) error {
	temp := path + ".new"
	if err := os.WriteFile(temp, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		return err
	}
	return os.Rename(temp, path)
}
