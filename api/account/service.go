package account

import (
	"context"
	"errors"

	"sluice/api/rpc"
	"sluice/catalog"
)

// Service is the wire surface: the services system, partner, session, appToken, widget, user and userRole.
type Service struct {
	Catalog  *catalog.DB
	Sessions *Sessions
}

// Register adds the services.
func (s *Service) Register(r *rpc.Registry) {
	s.registerSystem(r)
	s.registerPartner(r)
	s.registerSession(r)
	s.registerAppToken(r)
	s.registerWidget(r)
	s.registerUser(r)
	s.registerRole(r)
}

// wire turns an error of the catalog into the protocol's; missing is what a missing object is called.
func wire(err error, missing *rpc.Error, parameter string) error {
	switch {
	case errors.Is(err, catalog.ErrNotFound):
		return missing
	case errors.Is(err, catalog.ErrInvalid):
		return rpc.E("INVALID_PARAMETER_VALUE", "PARAM_NAME", parameter).Because(err)
	}
	return err
}

// query is what a list asks of the catalog.
func query(f *rpc.Filter, p *rpc.Pager) catalog.Query {
	var q catalog.Query
	if f != nil {
		q.Conds, q.Order = f.Conds, f.Order
	}
	q.Offset, q.Limit = p.Page()
	return q
}

// page makes a list response of a page of the catalog.
func page[N any, W any](rows []N, total int, err error, convert func(N) W) (*rpc.List[W], error) {
	if err != nil {
		return nil, err
	}
	out := &rpc.List[W]{TotalCount: total, Objects: make([]W, len(rows))}
	for i, row := range rows {
		out.Objects[i] = convert(row)
	}
	return out, nil
}

// guarded runs check unless there were too many failures under the keys, and counts one when check says so. The flags say
// whether the limit was reached before.
func (s *Sessions) guarded(ctx context.Context, action string, keys []string, check func() (bool, error)) (ok, blocked bool, err error) {
	if blocked, err = s.limits.exceeded(ctx, keys...); err != nil || blocked {
		return false, blocked, err
	}
	if ok, err = check(); err != nil || ok {
		return ok, false, err
	}
	return false, false, s.limits.failed(ctx, action, keys...)
}
