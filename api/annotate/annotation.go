package annotate

import (
	"sluice/api/rpc"
	"sluice/api/rpc/kaltura"
	"sluice/catalog"
)

// annotation is the type of notes on the wire.
const annotation = "annotation.Annotation"

// annotationFilter filters notes.
type annotationFilter = rpc.FilterOf[kaltura.Annotation]

// registerAnnotations adds the older name of the service, which handles notes only.
func (s *Service) registerAnnotations(r *rpc.Registry) {
	svc := r.Service("annotation_annotation", "Notes about entries: cue points of one type.")
	rpc.Action(svc, "add", "Adds a note to an entry.", s.addNote)
	rpc.Action(svc, "get", "Returns a note.", s.getNote)
	rpc.Action(svc, "update", "Changes a note.", s.updateNote)
	rpc.Action(svc, "delete", "Deletes a note.", s.deleteNote)
	rpc.Action(svc, "updateStatus", "Changes the status of a note.", s.updateNoteStatus)
	rpc.Action(svc, "updateCuePointsTimes", "Moves a note.", s.updateNoteTimes)
	rpc.Action(svc, "clone", "Copies a note to another entry.", s.cloneNote)
	rpc.Action(svc, "list", "Lists the notes of entries.", s.listNotes)
	rpc.Action(svc, "count", "Counts the notes of entries.", s.countNotes)
}

// note returns a cue point that is a note.
func (s *Service) note(c *rpc.Call, id string) error {
	p, err := s.Catalog.CuePoint(c, c.AccountID(), id)
	if err == nil && p.Type != annotation {
		err = catalog.ErrNotFound
	}
	return orMissing(err, id)
}

func asNote(p kaltura.AnyCuePoint, err error) (*kaltura.Annotation, error) {
	note, _ := p.(*kaltura.Annotation)
	return note, err
}

func (s *Service) addNote(c *rpc.Call, in struct {
	Annotation *kaltura.Annotation `k:"annotation" for:"add" required:"true"`
}) (*kaltura.Annotation, error) {
	return asNote(s.addPoint(c, in.Annotation))
}

func (s *Service) getNote(c *rpc.Call, in struct {
	ID string `k:"id" ref:"cuePoint"`
}) (*kaltura.Annotation, error) {
	if err := s.note(c, in.ID); err != nil {
		return nil, err
	}
	return asNote(s.get(c, in))
}

func (s *Service) updateNote(c *rpc.Call, in struct {
	ID         string              `k:"id" ref:"cuePoint"`
	Annotation *kaltura.Annotation `k:"annotation" for:"update" required:"true"`
}) (*kaltura.Annotation, error) {
	if err := s.note(c, in.ID); err != nil {
		return nil, err
	}
	return asNote(s.updatePoint(c, in.ID, in.Annotation))
}

func (s *Service) deleteNote(c *rpc.Call, in struct {
	ID string `k:"id" ref:"cuePoint"`
}) (rpc.Void, error) {
	if err := s.note(c, in.ID); err != nil {
		return rpc.Void{}, err
	}
	return s.delete(c, in)
}

func (s *Service) updateNoteStatus(c *rpc.Call, in statusIn) (rpc.Void, error) {
	if err := s.note(c, in.ID); err != nil {
		return rpc.Void{}, err
	}
	return s.updateStatus(c, in)
}

func (s *Service) updateNoteTimes(c *rpc.Call, in timesIn) (*kaltura.Annotation, error) {
	if err := s.note(c, in.ID); err != nil {
		return nil, err
	}
	return asNote(s.updateTimes(c, in))
}

func (s *Service) cloneNote(c *rpc.Call, in cloneIn) (*kaltura.Annotation, error) {
	if err := s.note(c, in.ID); err != nil {
		return nil, err
	}
	return asNote(s.clone(c, in))
}

// notes is a filter of notes as one of cue points.
func notes(f *annotationFilter) *cuePointFilter {
	if f == nil {
		return nil
	}
	out := &cuePointFilter{Filter: f.Filter}
	out.Conds = append(f.Conds[:len(f.Conds):len(f.Conds)], catalog.Cond{Field: "cuePointType", Op: catalog.OpEq, Values: []any{annotation}})
	return out
}

func (s *Service) listNotes(c *rpc.Call, in struct {
	Filter *annotationFilter `k:"filter"`
	Pager  *rpc.Pager        `k:"pager"`
}) (*rpc.List[*kaltura.Annotation], error) {
	rows, total, err := s.page(c, notes(in.Filter), in.Pager)
	if err != nil {
		return nil, err
	}
	list := &rpc.List[*kaltura.Annotation]{TotalCount: total}
	for _, p := range rows {
		if note, ok := p.(*kaltura.Annotation); ok {
			list.Objects = append(list.Objects, note)
		}
	}
	return list, nil
}

func (s *Service) countNotes(c *rpc.Call, in struct {
	Filter *annotationFilter `k:"filter"`
}) (int, error) {
	return s.countPoints(c, notes(in.Filter))
}
