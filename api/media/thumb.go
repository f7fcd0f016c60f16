package media

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"

	"sluice/api/rpc"
	"sluice/api/rpc/access"
	"sluice/api/rpc/kaltura"
	"sluice/catalog"
	"sluice/ingest/content"
)

// Pictures makes a picture of an entry as the keys of a thumbnail URL ask (vid_sec, width, …).
type Pictures interface {
	Picture(ctx context.Context, e catalog.Entry, keys map[string]string) (data []byte, contentType string, err error)
}

func (s *Service) registerThumbnails(svc *rpc.Service) {
	rpc.Action(svc, "updateThumbnailJpeg", "Gives an entry an uploaded picture as its thumbnail.", s.thumbFromFile)
	rpc.Action(svc, "updateThumbnailFromUrl", "Gives an entry the picture at a URL as its thumbnail.", s.thumbFromURL)
	if s.Pictures != nil {
		rpc.Action(svc, "updateThumbnailFromSourceEntry", "Gives an entry a picture out of another one as its thumbnail.", s.thumbFromEntry)
	}
}

func (s *Service) thumbFromFile(c *rpc.Call, in struct {
	EntryID string      `k:"entryId" ref:"entry"`
	File    *rpc.Upload `k:"fileData" required:"true"`
}) (kaltura.Entry, error) {
	return s.setThumb(c, in.EntryID, content.Stream{Name: in.File.Name, Open: in.File.Open})
}

func (s *Service) thumbFromURL(c *rpc.Call, in struct {
	EntryID string `k:"entryId" ref:"entry"`
	URL     string `k:"url"`
}) (kaltura.Entry, error) {
	return s.setThumb(c, in.EntryID, content.URL{URL: in.URL})
}

func (s *Service) thumbFromEntry(c *rpc.Call, in struct {
	EntryID       string `k:"entryId" ref:"entry"`
	SourceEntryID string `k:"sourceEntryId" ref:"entry"`
	Offset        int    `k:"timeOffset"`
}) (kaltura.Entry, error) {
	source, err := access.Entry(c, s.Catalog, in.SourceEntryID, access.View)
	if err != nil {
		return nil, err
	}
	if _, err := access.Entry(c, s.Catalog, in.EntryID, access.Edit); err != nil {
		return nil, err
	}
	data, _, err := s.Pictures.Picture(c, source, map[string]string{
		"vid_sec": strconv.Itoa(max(0, in.Offset)), "width": fmt.Sprint(source.Width), "height": fmt.Sprint(source.Height),
	})
	if err != nil {
		return nil, err
	}
	return s.setThumb(c, in.EntryID, content.Stream{
		Name: "thumbnail.jpg", Open: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(data)), nil },
	})
}

// setThumb adds a thumbnail to an entry and makes it the one that stands for it.
func (s *Service) setThumb(c *rpc.Call, id string, src content.Source) (kaltura.Entry, error) {
	e, err := access.Entry(c, s.Catalog, id, access.Edit)
	if err != nil {
		return nil, err
	}
	asset := catalog.NewAssetID()
	_, err = s.Catalog.AddAssets(c, e.ID, []catalog.Asset{{ID: asset, Type: catalog.AssetThumb, Kind: "image", Name: "added-" + string(asset)}})
	if err != nil {
		return nil, failure(err, id)
	}
	if err := s.Content.SetAsset(c, c.AccountID(), asset, src); err != nil {
		return nil, errors.Join(kaltura.ContentError(err), s.Catalog.DeleteAsset(c, asset))
	}
	if err := s.chooseThumb(c, e.ID, asset); err != nil {
		return nil, err
	}
	return s.viewAgain(c, e.ID)
}

// chooseThumb makes one of an entry's thumbnails the default.
func (s *Service) chooseThumb(c *rpc.Call, entry catalog.EntryID, chosen catalog.AssetID) error {
	return s.Catalog.InTx(c, func(tx *catalog.Tx) error {
		thumbs, err := tx.Assets(c, entry, catalog.AssetThumb)
		if err != nil {
			return err
		}
		for _, t := range thumbs {
			err := tx.UpdateAsset(c, t.ID, func(a *catalog.Asset) error {
				tags := slices.DeleteFunc(slices.Clone(a.Details.Tags), func(tag string) bool { return tag == defaultThumb })
				if a.Default = a.ID == chosen; a.Default {
					tags = append(tags, defaultThumb)
				}
				a.Details.Tags = tags
				return nil
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// defaultThumb is the tag of the thumbnail that stands for its entry.
const defaultThumb = "default_thumb"
