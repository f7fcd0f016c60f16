package notify

import (
	"errors"
	"strconv"

	"sluice/api/rpc"
	"sluice/api/rpc/kaltura"
	"sluice/catalog"
)

func (s *Service) registerLog(r *rpc.Registry) {
	admin := rpc.For(rpc.AdminSession)
	v := r.Service("eventNotification_eventNotificationDelivery", "Tells what became of notifications. An addition to the protocol.")
	rpc.Action(v, "get", "Returns a delivery.", s.getDelivery, admin)
	rpc.Action(v, "list", "Lists deliveries, the newest first.", s.listDeliveries, admin)
	rpc.Action(v, "retry", "Sends a notification that failed again.", s.retryDelivery, admin)
}

type deliveryIn struct {
	ID int64 `k:"id" ref:"eventNotificationDelivery"`
}

func noDelivery(id int64) *rpc.Error {
	return rpc.E("INVALID_OBJECT_ID", "ID", strconv.FormatInt(id, 10))
}

func (s *Service) getDelivery(c *rpc.Call, in deliveryIn) (*kaltura.EventNotificationDelivery, error) {
	d, err := s.Catalog.Delivery(c, c.AccountID(), in.ID)
	if err != nil {
		return nil, wire(err, noDelivery(in.ID), "")
	}
	return kaltura.EventNotificationDeliveryOf(d), nil
}

func (s *Service) listDeliveries(c *rpc.Call, in struct {
	Filter *rpc.FilterOf[kaltura.EventNotificationDelivery] `k:"filter"`
	Pager  *rpc.Pager                                       `k:"pager"`
}) (*rpc.List[*kaltura.EventNotificationDelivery], error) {
	var q catalog.Query
	if in.Filter != nil {
		q.Conds, q.Order = in.Filter.Conds, in.Filter.Order
	}
	q.Offset, q.Limit = in.Pager.Page()
	rows, total, err := s.Catalog.Deliveries(c, c.AccountID(), q)
	if err != nil {
		return nil, err
	}
	out := &rpc.List[*kaltura.EventNotificationDelivery]{TotalCount: total, Objects: []*kaltura.EventNotificationDelivery{}}
	for _, d := range rows {
		out.Objects = append(out.Objects, kaltura.EventNotificationDeliveryOf(d))
	}
	return out, nil
}

func (s *Service) retryDelivery(c *rpc.Call, in deliveryIn) (*kaltura.EventNotificationDelivery, error) {
	d, err := s.Catalog.RetryDelivery(c, c.AccountID(), in.ID)
	if errors.Is(err, catalog.ErrConflict) { // it was delivered: nothing is left to do
		d, err = s.Catalog.Delivery(c, c.AccountID(), in.ID)
	}
	if err != nil {
		return nil, wire(err, noDelivery(in.ID), "")
	}
	s.Engine.wake()
	return kaltura.EventNotificationDeliveryOf(d), nil
}
