//go:build linux

package main

import (
	"context"
	"fmt"
	"os"
	"slices"

	"golang.org/x/sync/errgroup"

	"sluice/catalog"
	"sluice/ingest/complete"
	"sluice/ingest/dropfolder"
	"sluice/ingest/dropfolder/ftp"
	"sluice/ingest/dropfolder/s3"
	"sluice/ingest/dropfolder/sftp"
	"sluice/ingest/fetch"
	"sluice/ingest/gateway"
	"sluice/internal/config"
)

// hasGateway says whether a server of files is configured.
func (s *system) hasGateway() bool {
	return s.cfg.Text("gateway.sftp_listen") != "" || s.cfg.Text("gateway.ftps_listen") != "" || s.cfg.Text("gateway.ftps_implicit_listen") != ""
}

// startGateway runs the SFTP and FTPS servers that are configured until ctx ends.
func (s *system) startGateway(ctx context.Context, g *errgroup.Group) error {
	from, to := config.Ports(s.cfg.Text("gateway.passive_ports"))
	gw, err := gateway.New(gateway.Config{
		Users: s.catalog, Transfers: dropfolder.Announcer{Catalog: s.catalog}, Folders: s.homeOf, All: s.localFolders, Keys: s.cfg.Data("keys", "gateway"),
		SFTP: s.cfg.Text("gateway.sftp_listen"), FTPS: s.cfg.Text("gateway.ftps_listen"), Implicit: s.cfg.Text("gateway.ftps_implicit_listen"),
		UserCA: s.cfg.Text("gateway.user_ca"), PlainFTP: s.cfg.Bool("gateway.plain_ftp"), Certificate: s.cfg.Text("gateway.certificate"), CertificateKey: s.cfg.Text("gateway.certificate_key"),
		PassiveFrom: from, PassiveTo: to, PublicIP: s.cfg.Text("gateway.public_ip"), MaxConnections: int(s.cfg.Int("gateway.max_connections")),
		Idle: s.cfg.Duration("gateway.idle"), Lifetime: s.cfg.Duration("upload.lifetime"), Incomplete: complete.CutOff, Log: s.log,
		Reserve: s.limits.Reserve, Throttle: s.limits.Reader,
	})
	if err != nil {
		return usageError{err}
	}
	g.Go(func() error { return gw.Run(ctx) })
	return nil
}

// localFolders returns the local drop folders that are watched.
func (s *system) localFolders(ctx context.Context) ([]gateway.Folder, error) {
	list, err := s.catalog.WatchedDropFolders(ctx)
	if err != nil {
		return nil, err
	}
	return homes(list, nil), nil
}

// homeOf returns the folders that a user of the gateways sees.
func (s *system) homeOf(ctx context.Context, u catalog.GatewayUser) ([]gateway.Folder, error) {
	list, err := s.catalog.WatchedDropFolders(ctx)
	if err != nil {
		return nil, err
	}
	return homes(list, func(f catalog.DropFolder) bool {
		return f.Account == u.Account && (len(u.Folders) == 0 || slices.Contains(u.Folders, f.ID))
	}), nil
}

// homes are the local ones of folders that are wanted. Their directories are made: whoever logs in before a folder was looked at
// for the first time finds it.
func homes(list []catalog.DropFolder, want func(catalog.DropFolder) bool) []gateway.Folder {
	var out []gateway.Folder
	for _, f := range list {
		if !f.Local() || want != nil && !want(f) {
			continue
		}
		_ = os.MkdirAll(f.Path, 0o770) // opening it says why it cannot be used
		out = append(out, gateway.Folder{ID: f.ID, Name: f.Name, Dir: f.Path, MaxFile: f.Options.MaxFileSize})
	}
	return out
}

// remoteOpeners open the drop folders on other machines, by their types. Where they may connect to is the fetcher's guard's to say.
func (s *system) remoteOpeners() map[catalog.DropFolderType]dropfolder.Opener {
	dial := s.content.Fetcher.Guard.DialContext
	ssh, bucket := sftp.Opener(s.catalog, dial, s.log), s3.Opener(dial, s.log)
	return map[catalog.DropFolderType]dropfolder.Opener{
		catalog.DropFolderFTP: ftp.Opener(dial, nil, s.log), catalog.DropFolderSCP: ssh, catalog.DropFolderSFTP: ssh,
		catalog.DropFolderS3: bucket, catalog.DropFolderS3Old: bucket,
	}
}

// remoteFiles open the files at URLs that are not HTTP's.
func remoteFiles() map[string]fetch.Remote {
	plain := ftp.URL(nil)
	return map[string]fetch.Remote{"ftp": plain, "ftps": plain, "sftp": sftp.URL, "scp": sftp.URL, "s3": s3.URL}
}

// gatewayUser finds a user of an account.
func (s *system) gatewayUser(ctx context.Context, account catalog.AccountID, name string) (catalog.GatewayUser, error) {
	u, err := s.catalog.GatewayUser(ctx, account, name)
	if err != nil {
		return u, fmt.Errorf("account %d: %w", account, err)
	}
	return u, nil
}
