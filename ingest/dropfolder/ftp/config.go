package ftp

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"net"
	"strconv"
	"strings"

	"sluice/catalog"
	"sluice/ingest/dropfolder"
	"sluice/ingest/dropfolder/remote"
)

// Modes of TLS.
const (
	Clear    = ""
	Explicit = "explicit"
	Implicit = "implicit"
)

// Config of a store.
type Config struct {
	Host string
	Port int // 0 is 21, or 990 with implicit TLS
	// User is "anonymous" when there is none.
	User, Password string
	// TLS is Clear, Explicit or Implicit.
	TLS string
	// Certificates, when set, says how the server's certificate is checked; nil wants one that is good for the host.
	Certificates *tls.Config
	Path         string // "" is where the login leads
	Flat         bool   // leaves sub-folders out
	Dial         remote.Dial
	// DialData connects to further ports of the machine that Dial connected to; nil asks nobody.
	DialData remote.Dial
	Log      *slog.Logger
}

// Opener returns the opener of FTP folders. Certificates, which may be nil, says how the servers' certificates are checked.
func Opener(dial remote.Dial, certificates *tls.Config, log *slog.Logger) dropfolder.Opener {
	return func(ctx context.Context, f catalog.DropFolder) (dropfolder.Store, error) {
		cfg := Config{
			Host: f.Options.Host, Port: f.Options.Port, User: f.Options.Username, TLS: f.Options.TLS, Path: f.Path, Flat: f.Options.Flat,
			Certificates: certificates, Dial: dial, Log: log.With("folder", f.ID),
		}
		if f.Secrets != nil {
			cfg.Password = f.Secrets.Password
		}
		return Open(ctx, cfg)
	}
}

func (c *Config) check() error {
	config := func(format string, args ...any) error {
		return &dropfolder.Error{Code: dropfolder.ErrConfig, Text: fmt.Sprintf(format, args...)}
	}
	switch {
	case c.Host == "":
		return config("The folder has no host.")
	case c.TLS != Clear && c.TLS != Explicit && c.TLS != Implicit:
		return config("The folder's TLS is %q: it may be empty, explicit or implicit.", c.TLS)
	case strings.ContainsAny(c.Path+c.User+c.Password, "\r\n\x00"):
		return config("The folder's path, user name or password has a line break.")
	}
	return nil
}

func (c *Config) addr() string {
	port := c.Port
	switch {
	case port != 0:
	case c.TLS == Implicit:
		port = 990
	default:
		port = 21
	}
	return net.JoinHostPort(c.Host, strconv.Itoa(port))
}

// tls is how connections of a login are secured: those for data go on with the session of the one for commands, which servers
// ask for.
func (c *Config) tls() *tls.Config {
	cfg := &tls.Config{}
	if c.Certificates != nil {
		cfg = c.Certificates.Clone()
	}
	if cfg.ServerName == "" {
		cfg.ServerName = c.Host
	}
	cfg.MinVersion = tls.VersionTLS12
	cfg.ClientSessionCache = tls.NewLRUClientSessionCache(4)
	return cfg
}
