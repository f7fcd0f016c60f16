package main

import (
	"context"
	"fmt"
	"net/netip"
	"os"

	"github.com/prometheus/client_golang/prometheus"

	"sluice/api/rpc"
	"sluice/api/rpc/ks"
	"sluice/api/upload"
)

// api is the server of the API's calls, with the services that it has.
func (s *system) api() (*rpc.Server, error) {
	reg := rpc.NewRegistry()
	(&upload.Service{Catalog: s.catalog, Engine: s.content.Uploads}).Register(reg)
	var proxies []netip.Prefix
	for _, p := range s.cfg.List("http.trusted_proxies") {
		proxies = append(proxies, netip.MustParsePrefix(p)) // checked when the configuration was read
	}
	temp := s.cfg.Data("tmp")
	if err := os.MkdirAll(temp, 0o700); err != nil {
		return nil, fmt.Errorf("api: %w", err)
	}
	return rpc.NewServer(rpc.Config{
		Registry: reg, Sessions: noSessions{}, Accounts: s.catalog, Logger: s.log, Registerer: prometheus.DefaultRegisterer,
		PublicURL: s.cfg.Text("http.public_url"), TrustedProxies: proxies, TempDir: temp,
		MaxBody: s.cfg.Int("api.max_body_bytes"), MaxUpload: s.cfg.Int("api.max_upload_bytes"),
		MaxCalls: int(s.cfg.Int("api.max_calls")), Timeout: s.cfg.Duration("api.timeout"),
	})
}

// noSessions refuses every token.
type noSessions struct{}

func (noSessions) Open(_ context.Context, token string, _ ks.Origin) (*ks.Session, error) {
	return nil, rpc.E("INVALID_KS", "KSID", token, "ERR_CODE", "-1", "ERR_DESC", "INVALID_STR")
}

func (noSessions) Count(context.Context, *ks.Session) error { return nil }

func (noSessions) Permits(context.Context, *ks.Session, string, string) (bool, error) {
	return false, nil
}
