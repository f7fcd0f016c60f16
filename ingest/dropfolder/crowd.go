package dropfolder

import (
	"context"
	"fmt"
)

// crowd bounds the files that a folder has rows of: those beyond it stay in the folder, and every sweep sees whether there is room.
type crowd struct {
	most int64 // 0 for any number
	over int64 // how many files the last sweep left out
	seen int64 // how many this one has
}

// beginCrowd reads the limit, which may have changed, and starts to count anew.
func (s *scan) beginCrowd(ctx context.Context) error {
	l, err := s.cfg.Catalog.AccountLimits(ctx, s.f.Account)
	s.crowd.most, s.crowd.seen = l.FolderFiles, 0
	return err
}

// crowded says whether the folder has no room for one more file, and counts it then.
func (s *scan) crowded() bool {
	if s.crowd.most == 0 || int64(len(s.known)+len(s.arriving)+len(s.fresh)) < s.crowd.most {
		return false
	}
	s.crowd.seen++
	return true
}

// endCrowd tells how many files the sweep left out; nil when it left none.
func (s *scan) endCrowd() error {
	s.setOver(s.crowd.seen)
	if s.crowd.over == 0 {
		return nil
	}
	return &Error{Code: ErrApp, Text: fmt.Sprintf("%d files wait: the folder has %d already, which is its limit. They come in by themselves when others are removed, or the limit is raised.",
		s.crowd.over, s.crowd.most)}
}

func (s *scan) setOver(n int64) {
	crowdedOut.Add(float64(n - s.crowd.over))
	s.crowd.over = n
}
