package stage

import (
	"context"
	"errors"
	"fmt"
	"io"

	"sluice/codec"
	"sluice/packager"
	"sluice/packager/cmaf"
	"sluice/packager/mp4"
	"sluice/storage"
)

// Copy makes the object key of what is stored already: within the store for one object, a progressive MP4 for tracks.
func (e *Env) Copy(ctx context.Context, key string, from Stored) (storage.Object, error) {
	obj, err := e.joinStored(ctx, key, from)
	switch {
	case errors.Is(err, storage.ErrNotExist):
		return obj, codec.NewError(codec.SourceIO, "import", "what it is a copy of is gone", err)
	case errors.Is(err, storage.ErrFull):
		return obj, codec.NewError(codec.DiskFull, "import", "", err)
	case err != nil && codec.CodeOf(err) == "":
		return obj, codec.NewError(codec.SinkIO, "import", err.Error(), err)
	}
	return obj, err
}

func (e *Env) joinStored(ctx context.Context, key string, from Stored) (storage.Object, error) {
	if len(from.Tracks) == 0 {
		return e.Store.Concat(ctx, key, nil, []storage.Part{{Key: from.Key}}, false)
	}
	var tracks []*packager.Track
	for _, s := range from.Tracks {
		track, closer, err := e.openStored(ctx, s)
		if err != nil {
			return storage.Object{}, err
		}
		defer closer.Close()
		tracks = append(tracks, track)
	}
	return e.writeMP4(ctx, key, tracks)
}

// openStored opens a track file by its index.
func (e *Env) openStored(ctx context.Context, s Stored) (*packager.Track, io.Closer, error) {
	index, err := storage.ReadAll(ctx, e.Store, s.IndexKey, maxIndex)
	if err != nil {
		return nil, nil, err
	}
	r, err := e.Store.Open(ctx, s.Key)
	if err != nil {
		return nil, nil, err
	}
	o := r.Object()
	track, err := cmaf.ParseIndex(index, packager.ReaderFile(r, o.Size, o.ETag))
	if err != nil {
		return nil, nil, errors.Join(fmt.Errorf("index %q: %w", s.IndexKey, err), r.Close())
	}
	return track, r, nil
}

// writeMP4 stores tracks as one progressive MP4.
func (e *Env) writeMP4(ctx context.Context, key string, tracks []*packager.Track) (storage.Object, error) {
	body, err := mp4.Progressive(tracks, mp4.Options{})
	if err != nil {
		return storage.Object{}, err
	}
	w, err := e.Store.Create(ctx, key)
	if err != nil {
		return storage.Object{}, err
	}
	if err := body.WriteRange(ctx, w, 0, body.Size()); err != nil {
		return storage.Object{}, errors.Join(err, w.Abort())
	}
	return w.Commit()
}
