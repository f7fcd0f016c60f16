//go:build linux

package main

import (
	"context"
	"time"

	"sluice/storage"
	"sluice/storage/disk"
)

// spaceEvery is how often the room of the volumes is measured.
const spaceEvery = 10 * time.Second

// volumes calls look with each volume that this process fills: that of the data directory, where files come in, and that of
// the objects, unless these are elsewhere.
func (s *system) volumes(look func(name string, space storage.Space) error) error {
	space, err := disk.SpaceAt(s.cfg.Data())
	if err == nil {
		err = look("data", space)
	}
	if err != nil {
		return err
	}
	store, ok := s.store.(storage.Spacer)
	if !ok {
		return nil
	}
	if space, err = store.Space(); err != nil {
		return err
	}
	return look("objects", space)
}

func (s *system) reserve() storage.Reserve {
	return storage.Reserve(s.cfg.Int("storage.reserve_bytes"))
}

// admit refuses with an ErrFull what would leave a volume less than its reserve. Received bytes lie in the data directory
// first; what is made of them goes to the objects.
func (s *system) admit(grows int64) error {
	return s.volumes(func(name string, space storage.Space) error { return s.reserve().Admit("volume "+name, space, grows) })
}

// watchSpace tells the metrics, and the log when it changes, whether there is room, until ctx ends.
func (s *system) watchSpace(ctx context.Context) error {
	short := map[string]bool{}
	return s.every(ctx, spaceEvery, "measure room", func() error {
		return s.volumes(func(name string, space storage.Space) error {
			storage.ObserveSpace(name, space, s.reserve().Of(space))
			err := s.reserve().Admit("volume "+name, space, 0)
			if is := err != nil; is != short[name] {
				short[name] = is
				if is {
					s.log.Warn("new files wait until there is room", "reason", err)
				} else {
					s.log.Info("there is room for new files again", "volume", name)
				}
			}
			return nil
		})
	})
}
