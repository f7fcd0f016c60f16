package gateway

import (
	"crypto/tls"
	"fmt"
	"os"
	"sync"
	"time"
)

// certificate is one in files that somebody may renew.
type certificate struct {
	cert, key string

	mu     sync.Mutex // guards what follows
	loaded *tls.Certificate
	stamp  time.Time
}

// get returns the certificate as it is now; one that was renewed badly does not replace the one that works.
func (c *certificate) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	info, err := os.Stat(c.cert)
	if err == nil && c.loaded != nil && info.ModTime().Equal(c.stamp) {
		return c.loaded, nil
	}
	var pair tls.Certificate
	if err == nil {
		pair, err = tls.LoadX509KeyPair(c.cert, c.key)
	}
	if err != nil {
		if c.loaded != nil {
			return c.loaded, nil
		}
		return nil, fmt.Errorf("certificate: %w", err)
	}
	c.loaded, c.stamp = &pair, info.ModTime()
	return c.loaded, nil
}
