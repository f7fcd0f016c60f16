//go:build linux

package main

import (
	"context"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"sluice/api/console"
	"sluice/api/delivery"
	"sluice/api/play"
	"sluice/api/rpc"
	"sluice/api/rpc/access"
	"sluice/catalog"
	"sluice/packager/origin"
)

// playback decides who may have the media of entries, and signs the URLs of what not everybody may have.
type playback struct {
	guard  *access.Guard
	tokens *origin.Tokens
	// open says that what everybody may have needs no signed URL.
	open bool
}

// playback uses the keys of play.token_keys, and then signs all URLs; else it has keys of its own and signs those of
// restricted entries.
func (s *system) playback() (*playback, error) {
	keys, err := s.tokenKeys()
	if err != nil {
		return nil, err
	}
	open := len(keys) == 0
	if open {
		if keys, err = s.ownTokenKeys(); err != nil {
			return nil, err
		}
	}
	tokens, err := origin.NewTokens(keys[0], keys[1:]...)
	if err != nil {
		return nil, usageError{fmt.Errorf("play.token_keys: %w", err)}
	}
	return &playback{guard: &access.Guard{Catalog: s.catalog, Always: !open}, tokens: tokens, open: open}, nil
}

// tokenKeys are the configured keys that sign playback URLs; none when playback is open.
func (s *system) tokenKeys() ([]origin.Key, error) {
	var keys []origin.Key
	for _, k := range s.cfg.List("play.token_keys") {
		id, secret, ok := strings.Cut(k, ":")
		if !ok {
			return nil, usageError{errors.New("play.token_keys: want id:secret")}
		}
		keys = append(keys, origin.Key{ID: id, Secret: []byte(secret)})
	}
	return keys, nil
}

// ownTokenKeys derives keys from those of the accounts' secrets, which all servers of one catalog share.
func (s *system) ownTokenKeys() ([]origin.Key, error) {
	secrets, err := s.accountKeys()
	if err != nil {
		return nil, err
	}
	var keys []origin.Key
	for _, secret := range secrets {
		key, err := hkdf.Key(sha256.New, []byte(secret), nil, "sluice playback tokens", sha256.Size)
		if err != nil {
			return nil, fmt.Errorf("keys of playback: %w", err)
		}
		id := sha256.Sum256(key)
		keys = append(keys, origin.Key{ID: hex.EncodeToString(id[:4]), Secret: key})
	}
	return keys, nil
}

// Sign implements sources.Signer.
func (p *playback) Sign(prefix string, lifetime time.Duration) (string, error) {
	return p.tokens.Issue(origin.Grant{Prefix: prefix, Expires: time.Now().Add(lifetime)})
}

// linkLifetime is how long the console's signed links work.
const linkLifetime = 12 * time.Hour

// links are the console's links to the outputs of an entry, signed where they must be, each for its entry.
func (p *playback) links(e catalog.Entry, assets []catalog.Asset) []console.Link {
	links := console.LocalLinks(e, assets)
	ctx, cancel := context.WithTimeout(context.Background(), probeReadTimeout)
	defer cancel()
	if restricted, err := p.guard.Restricted(ctx, e); err == nil && !restricted {
		return links
	}
	for i, l := range links {
		parts := strings.SplitN(l.URL, "/", 4) // "", location, entry, rest
		if len(parts) < 4 {
			continue
		}
		token, err := p.Sign("/"+parts[1]+"/"+parts[2], linkLifetime)
		if err != nil {
			continue // such a link is refused when it is used
		}
		links[i].URL = "/t/" + token + l.URL
	}
	return links
}

// delivery is the API's delivery URLs, before the origin.
func (s *system) delivery(lib *play.Library, p *playback, media http.Handler, sessions rpc.Sessions, calls *rpc.Server) (*delivery.Service, error) {
	return delivery.New(delivery.Config{
		Entry: func(ctx context.Context, id catalog.EntryID) (catalog.Entry, []catalog.Asset, error) {
			t, err := lib.Acquire(ctx, id)
			if err != nil {
				return catalog.Entry{}, nil, err
			}
			defer t.Release()
			f := t.Facts()
			return f.Entry, f.Assets, nil
		},
		Upload: func(ctx context.Context, account catalog.AccountID, id catalog.UploadTokenID) (string, error) {
			t, err := s.catalog.UploadToken(ctx, account, id)
			if err != nil {
				return "", err
			}
			if t.Status != catalog.UploadFull {
				return "", fmt.Errorf("upload token %s: %w: it has no complete file", id, catalog.ErrNotFound)
			}
			return s.content.Uploads.Path(t), nil
		},
		Guard: p.guard, Sessions: sessions, Store: s.store, Media: media, Signer: p, Base: calls.Base, ClientIP: calls.ClientIP,
	})
}

// tempDir is where files without a name lie: what API requests bring, and kept segments.
func (s *system) tempDir() (string, error) {
	dir := s.cfg.Data("tmp")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", fmt.Errorf("temporary files: %w", err)
	}
	return dir, nil
}

// origin is the handler of everything that players ask for.
func (s *system) origin(lib *play.Library, p *playback, cors []string) (*origin.Origin, error) {
	keep, err := s.tempDir()
	if err != nil {
		return nil, err
	}
	return origin.New(origin.Config{
		KeepBytes: s.cfg.Int("play.keep_bytes"), KeepDir: keep,
		Resolver: play.Resolver{Library: lib}, Thumbs: play.Frames{Engine: s.framePool()}, Tokens: p.tokens, Open: p.open, CacheBytes: s.cfg.Int("play.cache_bytes"), CORSOrigins: cors,
		ManifestTTL: s.cfg.Duration("play.ttl"), MediaTTL: s.cfg.Duration("play.ttl"), Registerer: prometheus.DefaultRegisterer, Refused: delivery.Refused,
	})
}
