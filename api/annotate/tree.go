package annotate

import (
	"sluice/api/rpc"
	"sluice/api/rpc/kaltura"
	"sluice/catalog"
)

// show is cue points on the wire; notes with their place among those that answer each other.
func (s *Service) show(c *rpc.Call, rows ...catalog.CuePoint) ([]kaltura.AnyCuePoint, error) {
	var entries []catalog.EntryID
	for _, p := range rows {
		if p.Type == annotation {
			entries = append(entries, p.Entry)
		}
	}
	parents, err := s.Catalog.CuePointParents(c, c.AccountID(), entries)
	if err != nil {
		return nil, err
	}
	direct, all := map[string]int{}, map[string]int{}
	for id, parent := range parents {
		direct[parent]++
		for up := range ancestors(parents, id) {
			all[up]++
		}
	}
	out := make([]kaltura.AnyCuePoint, len(rows))
	for i, p := range rows {
		out[i] = kaltura.CuePointOf(p)
		if a, ok := out[i].(*kaltura.Annotation); ok {
			a.Depth, a.ChildrenCount, a.DirectChildrenCount = new(len(ancestors(parents, p.ID))), new(all[p.ID]), new(direct[p.ID])
		}
	}
	return out, nil
}

// maxDepth bounds how far answers to answers are counted.
const maxDepth = 1000

// ancestors are the notes that a note answers, directly or not.
func ancestors(parents map[string]string, id string) map[string]bool {
	out := map[string]bool{}
	for up := parents[id]; up != "" && !out[up] && len(out) < maxDepth; up = parents[up] {
		out[up] = true
	}
	return out
}

// showOne is show of one cue point.
func (s *Service) showOne(c *rpc.Call, p catalog.CuePoint) (kaltura.AnyCuePoint, error) {
	list, err := s.show(c, p)
	if err != nil {
		return nil, err
	}
	return list[0], nil
}
