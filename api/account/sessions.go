package account

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"

	"sluice/api/rpc"
	"sluice/api/rpc/ks"
	"sluice/catalog"
)

// Config is what sessions need. Catalog, which must be unlocked, and Redis are required.
type Config struct {
	Catalog *catalog.DB
	Redis   redis.UniversalClient
	Logger  *slog.Logger
	// Now is the clock; nil for the system's.
	Now func() time.Time
}

// Sessions starts, verifies and revokes sessions. It implements rpc.Sessions and rpc.Accounts and is safe for concurrent use.
type Sessions struct {
	db      *catalog.DB
	redis   redis.UniversalClient
	now     func() time.Time
	tenants *cache[catalog.AccountID, tenant]
	roles   *cache[roleKey, catalog.Role]
	revoked *revocations
	limits  *limits
}

// NewSessions returns sessions.
func NewSessions(cfg Config) *Sessions {
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	s := &Sessions{
		db: cfg.Catalog, redis: cfg.Redis, now: cfg.Now,
		revoked: &revocations{db: cfg.Catalog, redis: cfg.Redis, now: cfg.Now, log: cfg.Logger},
		limits:  &limits{redis: cfg.Redis},
	}
	s.tenants = newCache(cfg.Now, s.loadTenant)
	s.roles = newCache(cfg.Now, s.loadRole)
	return s
}

// tenant is an account with its secrets.
type tenant struct {
	account catalog.Account
	secrets []catalog.Secret
}

func (s *Sessions) loadTenant(ctx context.Context, id catalog.AccountID) (tenant, error) {
	account, err := s.db.Account(ctx, id)
	if err != nil {
		return tenant{}, err
	}
	secrets, err := s.db.Secrets(ctx, id)
	return tenant{account, secrets}, err
}

// valid returns the texts of the secrets of a kind that verify at a time, the newest first.
func (t tenant) valid(kind catalog.SecretKind, now time.Time) []string {
	var out []string
	for _, s := range t.secrets {
		if s.Kind == kind && (s.ExpiresAt.IsZero() || s.ExpiresAt.After(now)) {
			out = append(out, s.Text)
		}
	}
	return out
}

// Account returns an account as it was at most a few seconds ago.
func (s *Sessions) Account(ctx context.Context, id catalog.AccountID) (catalog.Account, error) {
	t, err := s.tenants.get(ctx, id)
	return t.account, err
}

// Forget makes the next look at an account a fresh one: its secrets or its state changed.
func (s *Sessions) Forget(id catalog.AccountID) { s.tenants.forget(id) }

// Open implements rpc.Sessions.
func (s *Sessions) Open(ctx context.Context, token string, from ks.Origin) (*ks.Session, error) {
	session, err := s.open(ctx, token, from)
	outcome := outcomeValid
	var refused *rpc.Error
	switch {
	case errors.As(err, &refused):
		outcome = refused.Args[2].Value
	case err != nil:
		outcome = outcomeError
	}
	sessionsTotal.WithLabelValues(outcome).Inc()
	return session, err
}

func (s *Sessions) open(ctx context.Context, token string, from ks.Origin) (*ks.Session, error) {
	session, err := s.parse(ctx, token)
	if err != nil {
		return nil, err
	}
	switch {
	case !session.Expires.After(s.now()):
		return nil, invalid(expired)
	case !session.PermitsIP(from.IP):
		return nil, invalid(restrictedIP)
	case !session.PermitsURI(from.URI):
		return nil, invalid(restrictedURI)
	}
	gone, err := s.revoked.any(ctx, revocationKeys(session)...)
	if err != nil {
		return nil, err
	}
	if gone {
		return nil, invalid(logout)
	}
	return session, nil
}

// parse verifies the signature of a token. Where it fails with secrets that are not fresh, new ones are looked for: another
// process may have rotated them.
func (s *Sessions) parse(ctx context.Context, token string) (*ks.Session, error) {
	var account catalog.AccountID
	find := func(id catalog.AccountID) ([]string, error) {
		account = id
		t, err := s.tenants.get(ctx, id)
		if errors.Is(err, catalog.ErrNotFound) {
			return nil, nil
		}
		return t.valid(catalog.AdminSecret, s.now()), err
	}
	session, err := ks.Parse(token, find)
	if errors.Is(err, ks.ErrSignature) && s.tenants.refresh(account) {
		session, err = ks.Parse(token, find)
	}
	switch {
	case errors.Is(err, ks.ErrMalformed), errors.Is(err, ks.ErrSignature):
		return nil, unreadable(token)
	case err != nil:
		return nil, err
	}
	return session, nil
}

func revocationKeys(s *ks.Session) []string {
	keys := []string{s.ID}
	if group := s.GroupID(); group != "" {
		keys = append(keys, group)
	}
	return keys
}

// Count implements rpc.Sessions. The count is Redis's, so that it holds across processes.
func (s *Sessions) Count(ctx context.Context, session *ks.Session) error {
	limit, ok := session.ActionsLimit()
	if !ok {
		return nil
	}
	key := "sluice:session:actions:" + session.ID
	pipe := s.redis.TxPipeline()
	n := pipe.Incr(ctx, key)
	pipe.PExpireAt(ctx, key, session.Expires)
	if _, err := pipe.Exec(ctx); err != nil {
		return err
	}
	if n.Val() > limit {
		return invalid(actionsLimit)
	}
	return nil
}

// roleKey names a role of an account by its id or its system name.
type roleKey struct {
	account catalog.AccountID
	name    string
}

func (s *Sessions) loadRole(ctx context.Context, key roleKey) (catalog.Role, error) {
	if id, err := strconv.ParseInt(key.name, 10, 64); err == nil {
		return s.db.Role(ctx, key.account, id)
	}
	return s.db.RoleBySystemName(ctx, key.account, key.name)
}

// Permits implements rpc.Sessions: the role that setrole names decides alone, and every restrictingrole must agree.
func (s *Sessions) Permits(ctx context.Context, session *ks.Session, service, action string) (bool, error) {
	set, _ := session.Value("setrole")
	restricting, _ := session.Value("restrictingrole")
	for _, name := range slices.Concat(set, restricting) {
		role, err := s.role(ctx, session.Account, name)
		if err != nil {
			return false, err
		}
		if !role.Permits(service, action) {
			return false, nil
		}
	}
	return true, nil
}

func (s *Sessions) role(ctx context.Context, account catalog.AccountID, name string) (catalog.Role, error) {
	role, err := s.roles.get(ctx, roleKey{account, name})
	if errors.Is(err, catalog.ErrNotFound) {
		return catalog.Role{}, rpc.E("UNKNOWN_ROLE_ID")
	}
	return role, err
}
