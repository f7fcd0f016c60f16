//go:build linux

package main

import (
	"context"
	"net/netip"

	"github.com/prometheus/client_golang/prometheus"

	"sluice/api/account"
	"sluice/api/annotate"
	"sluice/api/asset"
	"sluice/api/bulk"
	"sluice/api/category"
	"sluice/api/dropfolder"
	"sluice/api/media"
	"sluice/api/metadata"
	"sluice/api/notify"
	"sluice/api/profile"
	"sluice/api/rpc"
	"sluice/api/upload"
)

// api is the server of the API's calls, with the services that it has. What its clients follow ends with ctx.
func (s *system) api(ctx context.Context, sessions *account.Sessions, who *playback, drawn *pictures) (*rpc.Server, error) {
	reg := rpc.NewRegistry()
	(&account.Service{Catalog: s.catalog, Sessions: sessions}).Register(reg)
	playback := &media.Playback{Catalog: s.catalog, Guard: who.guard, Sessions: sessions}
	(&media.Service{Catalog: s.catalog, Content: s.content, Uploads: s.content.Uploads, Playback: playback, Pictures: drawn}).Register(reg)
	(&asset.Service{
		Catalog: s.catalog, Store: s.store, Content: s.content, Guard: who.guard, Signer: who, Pictures: drawn, Log: s.log,
	}).Register(reg)
	(&upload.Service{Catalog: s.catalog, Engine: s.content.Uploads}).Register(reg)
	(&profile.Access{Catalog: s.catalog}).Register(reg)
	(&profile.Conversion{Catalog: s.catalog}).Register(reg)
	responses := &profile.Responses{Catalog: s.catalog}
	responses.Register(reg)
	(&annotate.Service{Catalog: s.catalog}).Register(reg)
	(&dropfolder.Service{Catalog: s.catalog, Roots: s.folderRoots()}).Register(reg)
	(&category.Service{Catalog: s.catalog}).Register(reg)
	(&bulk.Service{Catalog: s.catalog, Jobs: s.bulk, Log: s.log, Done: ctx.Done()}).Register(reg)
	(&metadata.Service{Catalog: s.catalog}).Register(reg)
	(&notify.Service{Catalog: s.catalog, Engine: s.notify}).Register(reg)
	var proxies []netip.Prefix
	for _, p := range s.cfg.List("http.trusted_proxies") {
		proxies = append(proxies, netip.MustParsePrefix(p)) // checked when the configuration was read
	}
	temp, err := s.tempDir()
	if err != nil {
		return nil, err
	}
	return rpc.NewServer(rpc.Config{
		Registry: reg, Profiles: responses, Sessions: sessions, Accounts: sessions, Logger: s.log, Registerer: prometheus.DefaultRegisterer,
		PublicURL: s.cfg.Text("http.public_url"), TrustedProxies: proxies, TempDir: temp,
		MaxBody: s.cfg.Int("api.max_body_bytes"), MaxUpload: s.cfg.Int("api.max_upload_bytes"),
		MaxCalls: int(s.cfg.Int("api.max_calls")), Timeout: s.cfg.Duration("api.timeout"),
	})
}

// newNotify makes what tells other systems of events. Where URLs may be fetched from, notifications may be sent to.
func (s *system) newNotify() *notify.Engine {
	return notify.NewEngine(notify.Config{Catalog: s.catalog, Guard: s.content.Fetcher.Guard, Base: baseURL(s.cfg), Logger: s.log})
}

// replace puts new content of entries in place when it is ready.
func (s *system) splitCaptions(ctx context.Context) error {
	return (&asset.Splitter{Catalog: s.catalog, Store: s.store, Content: s.content, Log: s.log}).Run(ctx)
}

func (s *system) replace(ctx context.Context) error {
	return (&media.Replacer{Catalog: s.catalog, Log: s.log}).Run(ctx)
}
