package media

import (
	"sluice/api/rpc"
	"sluice/api/rpc/access"
	"sluice/catalog"
)

// moderate makes the action that gives an entry a moderation status; flags are settled by it.
func (s *Service) moderate(status catalog.ModerationStatus) func(*rpc.Call, entryRef) (rpc.Void, error) {
	return func(c *rpc.Call, in entryRef) (rpc.Void, error) {
		e, err := access.Entry(c, s.Catalog, in.EntryID, access.Edit)
		if err != nil {
			return rpc.Void{}, err
		}
		err = s.Catalog.UpdateEntry(c, e.ID, func(e *catalog.Entry) error {
			e.Moderation, e.Flags = status, 0
			return nil
		})
		return rpc.Void{}, failure(err, in.EntryID)
	}
}
