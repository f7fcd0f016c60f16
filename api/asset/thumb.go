package asset

import (
	"bytes"
	"fmt"
	"io"
	"net/url"
	"strconv"
	"strings"

	"sluice/api/rpc"
	"sluice/api/rpc/access"
	"sluice/api/rpc/kaltura"
	"sluice/catalog"
	"sluice/ingest/content"
)

type thumbFilter = rpc.FilterOf[kaltura.ThumbAsset]

func (s *Service) registerThumbs(r *rpc.Registry) {
	rpc.Base[kaltura.Thumb](r, new(kaltura.ThumbAsset))
	r.Classes(new(kaltura.TimedThumbAsset))
	svc := r.Service("thumbAsset", "Pictures of entries.")
	rpc.Action(svc, "add", "Adds a thumbnail without content.", s.thumbAdd)
	rpc.Action(svc, "setContent", "Gives a thumbnail its content.", s.thumbSetContent)
	rpc.Action(svc, "addFromImage", "Adds a thumbnail from an uploaded picture.", s.thumbFromImage)
	rpc.Action(svc, "addFromUrl", "Adds a thumbnail from the picture at a URL.", s.thumbFromURL)
	rpc.Action(svc, "update", "Changes what is said of a thumbnail.", s.thumbUpdate)
	rpc.Action(svc, "get", "Returns a thumbnail.", s.thumbGet)
	rpc.Action(svc, "list", "Lists the thumbnails of entries.", s.thumbList)
	rpc.Action(svc, "getByEntryId", "Returns an entry's thumbnails.", s.thumbsByEntry)
	rpc.Action(svc, "delete", "Deletes a thumbnail.", s.thumbDelete)
	rpc.Action(svc, "setAsDefault", "Makes a thumbnail the one that stands for its entry.", s.thumbSetDefault)
	rpc.Action(svc, "getUrl", "Returns the URL of a thumbnail.", s.thumbURL)
	rpc.Action(svc, "serve", "Serves a thumbnail.", s.thumbServe, rpc.For(rpc.Public))
	rpc.Action(svc, "serveByEntryId", "Serves an entry's thumbnail.", s.thumbServeByEntry, rpc.For(rpc.Public))
	if s.Pictures != nil {
		rpc.Action(svc, "generate", "Makes a thumbnail of an entry's picture.", s.thumbGenerate)
		rpc.Action(svc, "generateByEntryId", "Makes a thumbnail of an entry's picture by its parameters.", s.thumbGenerateByParams)
		rpc.Action(svc, "regenerate", "Makes a thumbnail anew.", s.thumbRegenerate)
	}
}

func (s *Service) thumbAdd(c *rpc.Call, in struct {
	EntryID string        `k:"entryId" ref:"entry"`
	Thumb   kaltura.Thumb `k:"thumbAsset" for:"add" required:"true"`
}) (kaltura.Thumb, error) {
	e, err := access.Entry(c, s.Catalog, in.EntryID, access.Edit)
	if err != nil {
		return nil, err
	}
	a := catalog.Asset{Type: catalog.AssetThumb, Kind: "image"}
	in.Thumb.Apply(&a)
	if a, err = s.add(c, e, a); err != nil {
		return nil, err
	}
	return kaltura.ThumbOf(a), nil
}

func (s *Service) thumbSetContent(c *rpc.Call, in struct {
	ID       string              `k:"id" ref:"thumbAsset"`
	Resource kaltura.AnyResource `k:"contentResource" required:"true"`
}) (kaltura.Thumb, error) {
	a, _, err := s.find(c, thumbs, in.ID, access.Edit)
	if err != nil {
		return nil, err
	}
	if err := s.setContent(c, a.ID, in.Resource); err != nil {
		return nil, err
	}
	return s.thumb(c, a.ID)
}

func (s *Service) thumb(c *rpc.Call, id catalog.AssetID) (kaltura.Thumb, error) {
	a, err := s.Catalog.Asset(c, id)
	if err != nil {
		return nil, err
	}
	return kaltura.ThumbOf(a), nil
}

// thumbFrom adds a thumbnail with its content.
func (s *Service) thumbFrom(c *rpc.Call, e catalog.Entry, a catalog.Asset, src content.Source) (kaltura.Thumb, error) {
	a.Type, a.Kind = catalog.AssetThumb, "image"
	a, err := s.add(c, e, a)
	if err != nil {
		return nil, err
	}
	if err := s.Content.SetAsset(c, c.AccountID(), a.ID, src); err != nil {
		if derr := s.Catalog.DeleteAsset(c, a.ID); derr != nil {
			s.Log.Warn("thumbnail without content left behind", "asset", a.ID, "error", derr)
		}
		return nil, contentError(err, nil)
	}
	return s.thumb(c, a.ID)
}

func (s *Service) thumbFromImage(c *rpc.Call, in struct {
	EntryID string      `k:"entryId" ref:"entry"`
	File    *rpc.Upload `k:"fileData" required:"true"`
}) (kaltura.Thumb, error) {
	e, err := access.Entry(c, s.Catalog, in.EntryID, access.Edit)
	if err != nil {
		return nil, err
	}
	return s.thumbFrom(c, e, catalog.Asset{}, content.Stream{Name: in.File.Name, Open: in.File.Open})
}

func (s *Service) thumbFromURL(c *rpc.Call, in struct {
	EntryID string `k:"entryId" ref:"entry"`
	URL     string `k:"url"`
}) (kaltura.Thumb, error) {
	e, err := access.Entry(c, s.Catalog, in.EntryID, access.Edit)
	if err != nil {
		return nil, err
	}
	return s.thumbFrom(c, e, catalog.Asset{}, content.URL{URL: in.URL})
}

func (s *Service) thumbUpdate(c *rpc.Call, in struct {
	ID    string        `k:"id" ref:"thumbAsset"`
	Thumb kaltura.Thumb `k:"thumbAsset" for:"update" required:"true"`
}) (kaltura.Thumb, error) {
	a, _, err := s.find(c, thumbs, in.ID, access.Edit)
	if err != nil {
		return nil, err
	}
	if a, err = s.change(c, a.ID, in.Thumb.Apply); err != nil {
		return nil, err
	}
	return kaltura.ThumbOf(a), nil
}

func (s *Service) thumbGet(c *rpc.Call, in struct {
	ID string `k:"thumbAssetId" ref:"thumbAsset"`
}) (kaltura.Thumb, error) {
	a, _, err := s.find(c, thumbs, in.ID, access.View)
	if err != nil {
		return nil, err
	}
	return kaltura.ThumbOf(a), nil
}

func (s *Service) thumbList(c *rpc.Call, in struct {
	Filter *thumbFilter `k:"filter"`
	Pager  *rpc.Pager   `k:"pager"`
}) (*rpc.List[kaltura.Thumb], error) {
	return listOf(s, c, catalog.AssetThumb, base(in.Filter), in.Pager, kaltura.ThumbOf)
}

func (s *Service) thumbsByEntry(c *rpc.Call, in struct {
	EntryID string `k:"entryId" ref:"entry"`
}) ([]kaltura.Thumb, error) {
	e, err := access.Entry(c, s.Catalog, in.EntryID, access.View)
	if err != nil {
		return nil, err
	}
	assets, err := s.Catalog.Assets(c, e.ID, catalog.AssetThumb)
	if err != nil {
		return nil, err
	}
	out := make([]kaltura.Thumb, 0, len(assets))
	for _, a := range assets {
		if a.Version == e.Version {
			out = append(out, kaltura.ThumbOf(a))
		}
	}
	return out, nil
}

func (s *Service) thumbDelete(c *rpc.Call, in struct {
	ID string `k:"thumbAssetId" ref:"thumbAsset"`
}) (rpc.Void, error) {
	a, _, err := s.find(c, thumbs, in.ID, access.Edit)
	if err != nil {
		return rpc.Void{}, err
	}
	if a.Default {
		return rpc.Void{}, rpc.E("THUMB_ASSET_IS_DEFAULT", "ASSET", in.ID)
	}
	return rpc.Void{}, s.remove(c, a)
}

func (s *Service) thumbSetDefault(c *rpc.Call, in struct {
	ID string `k:"thumbAssetId" ref:"thumbAsset"`
}) (rpc.Void, error) {
	a, _, err := s.find(c, thumbs, in.ID, access.Edit)
	if err != nil {
		return rpc.Void{}, err
	}
	if a.Status != catalog.AssetReady {
		return rpc.Void{}, rpc.E("THUMB_ASSET_IS_NOT_READY")
	}
	if a, err = s.change(c, a.ID, func(a *catalog.Asset) { a.Default = true }); err != nil {
		return rpc.Void{}, err
	}
	return rpc.Void{}, s.onlyDefault(c, a)
}

func (s *Service) thumbURL(c *rpc.Call, in struct {
	ID        string               `k:"id" ref:"thumbAsset"`
	StorageID *int64               `k:"storageId"`
	Params    *kaltura.ThumbParams `k:"thumbParams"`
}) (string, error) {
	a, e, err := s.find(c, thumbs, in.ID, access.View)
	if err != nil {
		return "", err
	}
	if a.Status != catalog.AssetReady {
		return "", rpc.E("THUMB_ASSET_IS_NOT_READY")
	}
	served, err := s.serveURL(c, e, "thumbAsset", "thumbAssetId", a)
	if err != nil || in.Params == nil {
		return served, err
	}
	return served + paramsPath(in.Params), nil
}

// paramsPath is what asks for a thumbnail in another shape, as part of its URL.
func paramsPath(p *kaltura.ThumbParams) string {
	var path strings.Builder
	number := func(name string, v *int) {
		if v != nil {
			fmt.Fprintf(&path, "/thumbParams:%s/%d", name, *v)
		}
	}
	number("width", p.Width)
	number("height", p.Height)
	if p.CropType != nil {
		number("cropType", new(int(*p.CropType)))
	}
	number("quality", p.Quality)
	number("cropX", p.CropX)
	number("cropY", p.CropY)
	number("cropWidth", p.CropWidth)
	number("cropHeight", p.CropHeight)
	if p.BackgroundColor != nil {
		path.WriteString("/thumbParams:backgroundColor/" + url.PathEscape(*p.BackgroundColor))
	}
	if p.Format != nil {
		path.WriteString("/thumbParams:format/" + url.PathEscape(string(*p.Format)))
	}
	return path.String()
}

func (s *Service) thumbServe(c *rpc.Call, in struct {
	ID      string                     `k:"thumbAssetId" ref:"thumbAsset"`
	Version *int                       `k:"version"`
	Params  *kaltura.ThumbParams       `k:"thumbParams"`
	Options *kaltura.ThumbServeOptions `k:"options"`
}) (*rpc.File, error) {
	a, err := s.served(c, thumbs, in.ID, "THUMB_ASSET_IS_NOT_READY")
	if err != nil {
		return nil, err
	}
	if in.Params != nil && s.Pictures != nil {
		return s.thumbShaped(c, &a, in.Params)
	}
	return s.thumbFile(a, in.Options)
}

// thumbShaped serves a picture in another shape.
func (s *Service) thumbShaped(c *rpc.Call, a *wanted, p *kaltura.ThumbParams) (*rpc.File, error) {
	keys := shapeKeys(p)
	keys["thumb_asset_id"] = string(a.ID)
	if keys["width"] == "" && keys["height"] == "" {
		keys["width"], keys["height"] = strconv.Itoa(a.Width), strconv.Itoa(a.Height)
	}
	data, contentType, err := s.Pictures.Picture(c, a.entry, keys)
	if err != nil {
		return nil, rpc.E("INVALID_PARAMETER_VALUE", "PARAM_NAME", "thumbParams").Because(err)
	}
	return a.text(contentType, data), nil
}

// thumbFile serves a picture.
func (s *Service) thumbFile(a wanted, o *kaltura.ThumbServeOptions) (*rpc.File, error) {
	name := ""
	if o != nil && kaltura.Value(o.Download) {
		name = fmt.Sprintf("%s.%s", a.ID, a.Container)
	}
	return s.file(a, pictureTypes[a.Container], name)
}

// pictureTypes are the content types of pictures by container.
var pictureTypes = map[string]string{"jpg": "image/jpeg", "jpeg": "image/jpeg", "png": "image/png", "gif": "image/gif", "webp": "image/webp"}

func (s *Service) thumbServeByEntry(c *rpc.Call, in struct {
	EntryID string `k:"entryId" ref:"entry"`
	Params  *int64 `k:"thumbParamId"`
}) (*rpc.File, error) {
	e, err := s.servedEntry(c, in.EntryID)
	if err != nil {
		return nil, err
	}
	assets, err := s.Catalog.Assets(c, e.ID, catalog.AssetThumb)
	if err != nil {
		return nil, err
	}
	var found *catalog.Asset
	for i, a := range assets {
		switch {
		case a.Version != e.Version || a.Status != catalog.AssetReady:
		case in.Params != nil && a.ParamsID != *in.Params:
		case found == nil || a.Default:
			found = &assets[i]
		}
	}
	if found == nil {
		return nil, thumbs.missing(strconv.FormatInt(kaltura.Value(in.Params), 10))
	}
	a, err := s.served(c, thumbs, string(found.ID), "THUMB_ASSET_IS_NOT_READY")
	if err != nil {
		return nil, err
	}
	return s.thumbFile(a, nil)
}

func (s *Service) thumbGenerate(c *rpc.Call, in struct {
	EntryID string               `k:"entryId" ref:"entry"`
	Params  *kaltura.ThumbParams `k:"thumbParams" required:"true"`
	Source  *string              `k:"sourceAssetId" ref:"flavorAsset"`
}) (kaltura.Thumb, error) {
	e, err := access.Entry(c, s.Catalog, in.EntryID, access.Edit)
	if err != nil {
		return nil, err
	}
	if in.Source != nil && *in.Source != "" {
		if a, _, err := s.find(c, flavors, *in.Source, access.View); err != nil || a.Entry != e.ID {
			return nil, flavors.missing(*in.Source)
		}
	}
	return s.generate(c, e, catalog.Asset{}, in.Params)
}

func (s *Service) thumbGenerateByParams(c *rpc.Call, in struct {
	EntryID string `k:"entryId" ref:"entry"`
	Params  int64  `k:"destThumbParamsId" default:"0"`
}) (kaltura.Thumb, error) {
	e, err := access.Entry(c, s.Catalog, in.EntryID, access.Edit)
	if err != nil {
		return nil, err
	}
	if in.Params != 0 {
		return nil, rpc.E("THUMB_PARAMS_ID_NOT_FOUND", "ID", strconv.FormatInt(in.Params, 10))
	}
	return s.generate(c, e, catalog.Asset{}, new(kaltura.ThumbParams))
}

func (s *Service) thumbRegenerate(c *rpc.Call, in struct {
	ID string `k:"thumbAssetId" ref:"thumbAsset"`
}) (kaltura.Thumb, error) {
	a, e, err := s.find(c, thumbs, in.ID, access.Edit)
	if err != nil {
		return nil, err
	}
	p := &kaltura.ThumbParams{Width: kaltura.Opt(a.Width), Height: kaltura.Opt(a.Height)}
	data, _, err := s.picture(c, e, p)
	if err != nil {
		return nil, err
	}
	if err := s.Content.SetAsset(c, c.AccountID(), a.ID, stream("thumbnail.jpg", data)); err != nil {
		return nil, contentError(err, nil)
	}
	return s.thumb(c, a.ID)
}

// generate adds a thumbnail that is made of the entry's picture.
func (s *Service) generate(c *rpc.Call, e catalog.Entry, a catalog.Asset, p *kaltura.ThumbParams) (kaltura.Thumb, error) {
	data, name, err := s.picture(c, e, p)
	if err != nil {
		return nil, err
	}
	return s.thumbFrom(c, e, a, stream(name, data))
}

func stream(name string, data []byte) content.Source {
	return content.Stream{Name: name, Open: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(data)), nil }}
}

// shapeKeys are the keys of a thumbnail URL that ask for a picture's cut, size and form.
func shapeKeys(p *kaltura.ThumbParams) map[string]string {
	keys := map[string]string{}
	number := func(key string, v *int) {
		if v != nil && *v != 0 {
			keys[key] = strconv.Itoa(*v)
		}
	}
	number("width", p.Width)
	number("height", p.Height)
	number("quality", p.Quality)
	number("src_x", p.CropX)
	number("src_y", p.CropY)
	number("src_w", p.CropWidth)
	number("src_h", p.CropHeight)
	if p.CropType != nil {
		keys["type"] = strconv.Itoa(int(*p.CropType))
	}
	if p.BackgroundColor != nil {
		keys["bgcolor"] = *p.BackgroundColor
	}
	if p.Format != nil && *p.Format == "png" {
		keys["format"] = "png"
	}
	return keys
}

// picture makes a picture of an entry, and names the file.
func (s *Service) picture(c *rpc.Call, e catalog.Entry, p *kaltura.ThumbParams) ([]byte, string, error) {
	keys := shapeKeys(p)
	switch {
	case p.VideoOffset != nil:
		keys["vid_sec"] = strconv.FormatFloat(*p.VideoOffset, 'f', 3, 64)
	case p.VideoOffsetInPercentage != nil:
		ms := e.DurationMS * int64(*p.VideoOffsetInPercentage) / 100
		keys["vid_sec"] = strconv.FormatFloat(float64(ms)/1000, 'f', 3, 64)
	}
	name := "thumbnail.jpg"
	if keys["format"] == "png" {
		name = "thumbnail.png"
	}
	data, _, err := s.Pictures.Picture(c, e, keys)
	if err != nil {
		return nil, "", rpc.E("THUMB_ASSET_IS_NOT_READY").Because(err)
	}
	return data, name, nil
}
