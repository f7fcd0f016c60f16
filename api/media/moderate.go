package media

import (
	"fmt"

	"sluice/api/rpc"
	"sluice/api/rpc/access"
	"sluice/api/rpc/kaltura"
	"sluice/catalog"
)

func (s *Service) registerModeration(svc *rpc.Service) {
	rpc.Action(svc, "approve", "Lets an entry through moderation.", s.moderate(catalog.ModerationApproved), rpc.For(rpc.AdminSession))
	rpc.Action(svc, "reject", "Keeps an entry from viewers.", s.moderate(catalog.ModerationRejected), rpc.For(rpc.AdminSession))
	rpc.Action(svc, "flag", "Complains about an entry.", s.flag, rpc.For(rpc.WidgetSession))
	rpc.Action(svc, "listFlags", "Lists what was complained about an entry.", s.listFlags, rpc.For(rpc.AdminSession))
	rpc.Action(svc, "anonymousRank", "Gives an entry one to five points.", s.rank, rpc.For(rpc.WidgetSession))
}

// moderate makes the action that gives an entry a moderation status.
func (s *Service) moderate(status catalog.ModerationStatus) func(*rpc.Call, entryRef) (rpc.Void, error) {
	return func(c *rpc.Call, in entryRef) (rpc.Void, error) {
		e, err := access.Entry(c, s.Catalog, in.EntryID, access.Edit)
		if err != nil {
			return rpc.Void{}, err
		}
		return rpc.Void{}, failure(s.Catalog.Moderate(c, c.AccountID(), e.ID, status), in.EntryID)
	}
}

func (s *Service) flag(c *rpc.Call, in struct {
	Flag *kaltura.ModerationFlag `k:"moderationFlag" for:"add" required:"true"`
}) (rpc.Void, error) {
	id := kaltura.Value(in.Flag.FlaggedEntryID)
	if id == "" {
		return rpc.Void{}, rpc.E("PROPERTY_VALIDATION_CANNOT_BE_NULL", "PROP_NAME", "KalturaModerationFlag::flaggedEntryId")
	}
	e, err := access.Entry(c, s.Catalog, id, access.View)
	if err != nil {
		return rpc.Void{}, err
	}
	_, err = s.Catalog.FlagEntry(c, c.AccountID(), catalog.ModerationFlag{
		Entry: e.ID, By: c.User(), Kind: int(kaltura.Value(in.Flag.FlagType)), Comments: kaltura.Value(in.Flag.Comments),
	})
	return rpc.Void{}, failure(err, id)
}

func (s *Service) listFlags(c *rpc.Call, in struct {
	EntryID string     `k:"entryId" ref:"entry"`
	Pager   *rpc.Pager `k:"pager"`
}) (*rpc.List[*kaltura.ModerationFlag], error) {
	e, err := access.Entry(c, s.Catalog, in.EntryID, access.View)
	if err != nil {
		return nil, err
	}
	offset, limit := in.Pager.Page()
	flags, total, err := s.Catalog.ModerationFlags(c, c.AccountID(), catalog.Query{
		Conds: []catalog.Cond{
			anyOf("entryId", string(e.ID)), {Field: "status", Op: catalog.OpEq, Values: []any{int64(catalog.FlagPending)}},
		}, Offset: offset, Limit: limit,
	})
	if err != nil {
		return nil, err
	}
	out := &rpc.List[*kaltura.ModerationFlag]{Objects: []*kaltura.ModerationFlag{}, TotalCount: total}
	for _, f := range flags {
		out.Objects = append(out.Objects, kaltura.ModerationFlagOf(f))
	}
	return out, nil
}

// maxRank is the best that an entry can be given.
const maxRank = 5

func (s *Service) rank(c *rpc.Call, in struct {
	EntryID string `k:"entryId" ref:"entry"`
	Rank    int    `k:"rank"`
}) (rpc.Void, error) {
	e, err := access.Entry(c, s.Catalog, in.EntryID, access.View)
	if err != nil {
		return rpc.Void{}, err
	}
	if in.Rank < 1 || in.Rank > maxRank {
		return rpc.Void{}, rpc.E("INVALID_RANK_VALUE", "RANK", fmt.Sprint(in.Rank))
	}
	return rpc.Void{}, failure(s.Catalog.UpdateEntry(c, e.ID, func(e *catalog.Entry) error {
		e.Votes++
		e.TotalRank += int64(in.Rank)
		e.Rank = float64(e.TotalRank) / float64(e.Votes)
		return nil
	}), in.EntryID)
}
