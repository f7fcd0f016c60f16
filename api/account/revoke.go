package account

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"sluice/api/rpc/ks"
	"sluice/catalog"
)

// Names in Redis. The marker says that all revocations of the catalog are there; it goes away with them when Redis is
// emptied, and by itself now and then, so that whatever was lost in another way comes back.
const (
	revokedPrefix = "sluice:session:revoked:"
	revokedMarker = "sluice:session:revocations"
	markerTTL     = time.Hour
	loadPage      = 1000
)

// revocations are those of the catalog, with Redis before it.
type revocations struct {
	db    *catalog.DB
	redis redis.UniversalClient
	now   func() time.Time
	log   *slog.Logger
	// loading is held by the one that fills Redis; the others ask the catalog meanwhile.
	loading sync.Mutex
}

// add records revocations, first where they last. When it fails, it is to be tried again.
func (r *revocations) add(ctx context.Context, list ...catalog.Revocation) error {
	if err := r.db.Revoke(ctx, list...); err != nil {
		return err
	}
	pipe := r.redis.Pipeline()
	r.put(ctx, pipe, list)
	_, err := pipe.Exec(ctx)
	return err
}

// put adds to the pipe what Redis is to know.
func (r *revocations) put(ctx context.Context, pipe redis.Pipeliner, list []catalog.Revocation) {
	for _, v := range list {
		if ttl := v.ExpiresAt.Time().Sub(r.now()); ttl > 0 {
			pipe.Set(ctx, revokedPrefix+v.Key, 1, ttl)
		}
	}
}

// any says whether one of the keys is revoked. Without an answer of Redis the catalog gives it.
func (r *revocations) any(ctx context.Context, keys ...string) (bool, error) {
	pipe := r.redis.Pipeline()
	complete := pipe.Exists(ctx, revokedMarker)
	found := make([]*redis.IntCmd, len(keys))
	for i, k := range keys {
		found[i] = pipe.Exists(ctx, revokedPrefix+k)
	}
	if _, err := pipe.Exec(ctx); err != nil {
		if ctx.Err() != nil {
			return false, ctx.Err()
		}
		revocationFallbacks.Inc()
		return r.db.Revoked(ctx, keys...)
	}
	for _, f := range found {
		if f.Val() > 0 {
			return true, nil
		}
	}
	if complete.Val() > 0 {
		return false, nil
	}
	revocationFallbacks.Inc()
	if err := r.fill(ctx); err != nil {
		r.log.Warn("revocations are not in Redis; the catalog is asked", "error", err)
	}
	return r.db.Revoked(ctx, keys...)
}

// fill tells Redis all revocations of the catalog, unless someone in this process is at it.
func (r *revocations) fill(ctx context.Context) error {
	if !r.loading.TryLock() {
		return nil
	}
	defer r.loading.Unlock()
	for after := ""; ; {
		list, err := r.db.Revocations(ctx, after, loadPage)
		if err != nil {
			return err
		}
		pipe := r.redis.Pipeline()
		r.put(ctx, pipe, list)
		if len(list) < loadPage {
			pipe.Set(ctx, revokedMarker, 1, markerTTL)
		}
		if _, err := pipe.Exec(ctx); err != nil || len(list) < loadPage {
			return err
		}
		after = list[len(list)-1].Key
	}
}

// End revokes a session, and with it those that share its sessionid: a client that carries one logs out of all of them.
// Sessions of an app token share one too, but each ends alone; the token is what ends them all.
func (s *Sessions) End(ctx context.Context, session *ks.Session) error {
	list := []catalog.Revocation{{Key: session.ID, Account: session.Account, ExpiresAt: catalog.StampOf(session.Expires)}}
	if group := session.GroupID(); group != "" && !ofAppToken(session) {
		account, err := s.Account(ctx, session.Account)
		if err != nil {
			return err
		}
		last := s.now().Add(account.Details.LongestSession())
		if session.Expires.After(last) {
			last = session.Expires
		}
		list = append(list, catalog.Revocation{Key: group, Account: session.Account, ExpiresAt: catalog.StampOf(last)})
	}
	return s.revoked.add(ctx, list...)
}

func ofAppToken(session *ks.Session) bool {
	id, _ := session.Value("sessionid")
	token, ok := session.Value("apptoken")
	return ok && len(id) == 1 && len(token) == 1 && id[0] == token[0]
}

// forever is longer than any session that was minted for an app token.
const forever = 10 * 365 * 24 * time.Hour

// endToken revokes every session of an app token.
func (s *Sessions) endToken(ctx context.Context, account catalog.AccountID, id string) error {
	return s.revoked.add(ctx, catalog.Revocation{
		Key: ks.GroupID(account, id), Account: account, ExpiresAt: catalog.StampOf(s.now().Add(forever)),
	})
}
