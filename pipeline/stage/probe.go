package stage

import (
	"context"
	"path"

	"sluice/catalog"
	"sluice/codec"
	"sluice/storage"
)

// infoFile is the object that keeps what the probe found.
const infoFile = "info.json"

// Probe asks the engine what the original is, reading every packet, and keeps the answer beside it.
func (e *Env) Probe(ctx context.Context, t catalog.Task, progress Progress) (Outcome, error) {
	src, closer, err := e.open(ctx, t)
	if err != nil {
		return Outcome{}, err
	}
	defer closer.Close()
	progress(0, src.Size, 0)
	info, err := e.Engine.Probe(ctx, src, codec.ProbeOpts{Packets: true, Idet: true})
	if err != nil {
		return Outcome{}, err
	}
	orig, err := e.original(ctx, t)
	if err != nil {
		return Outcome{}, err
	}
	if err := e.putJSON(ctx, besideKey(t, orig, infoFile), info); err != nil {
		return Outcome{}, codec.NewError(codec.SinkIO, "probe", "", err)
	}
	progress(src.Size, src.Size, 0)
	return Outcome{
		Result: map[string]any{"format": info.Format.Name, "duration_us": info.Format.DurationUS, "streams": len(info.Streams), "warnings": info.Warnings},
		Commit: func(ctx context.Context, tx *catalog.Tx) error {
			err := tx.UpdateAsset(ctx, orig.ID, func(a *catalog.Asset) error {
				describeOriginal(a, info)
				return nil
			})
			if err != nil {
				return err
			}
			err = tx.UpdateEntry(ctx, t.Entry, func(en *catalog.Entry) error {
				describeEntry(en, info)
				return nil
			})
			return err
		},
	}, nil
}

func describeOriginal(a *catalog.Asset, info codec.Info) {
	a.Container, a.BitRate = info.Format.Name, info.Format.BitRate
	if v := info.MainVideo(); v != nil {
		a.Kind, a.Codec = "video", v.Codec
		a.Width, a.Height = v.Video.Width, v.Video.Height
		a.FrameRate = v.Video.FPSAvg.Float()
		return
	}
	for _, s := range info.Streams {
		if s.Kind == codec.Audio {
			a.Kind, a.Codec = "audio", s.Codec
			return
		}
	}
}

func describeEntry(en *catalog.Entry, info codec.Info) {
	en.DurationMS = info.Format.DurationUS / 1000
	en.MediaType = catalog.MediaAudio
	if v := info.MainVideo(); v != nil {
		en.MediaType = catalog.MediaVideo
		en.Width, en.Height = v.Video.Width, v.Video.Height
		if v.Video.Rotation%180 != 0 {
			en.Width, en.Height = en.Height, en.Width
		}
		if isStill(info) {
			en.MediaType = catalog.MediaImage
		}
	}
	if title := info.Format.Tags["title"]; title != "" && en.Description == "" && len(title) <= 500 {
		en.Description = title
	}
}

// isStill reports whether a source is a single picture without sound.
func isStill(info codec.Info) bool {
	for _, s := range info.Streams {
		if s.Kind == codec.Audio {
			return false
		}
	}
	switch info.Format.Name {
	case "png_pipe", "jpeg_pipe", "webp_pipe", "image2", "heif", "avif", "bmp_pipe", "tiff_pipe":
		return true
	}
	return false
}

// ReadInfo returns what the probe of an original found, as JSON.
func ReadInfo(ctx context.Context, store storage.Store, original catalog.Asset) ([]byte, error) {
	// Beside the original: content that replaced another's lies where it was made.
	return storage.ReadAll(ctx, store, path.Join(path.Dir(original.Key), infoFile), maxJSON)
}
