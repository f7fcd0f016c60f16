package delivery

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"image"
	"math"
	"net/http"
	"runtime"
	"slices"
	"strconv"
	"time"

	"sluice/api/rpc/access"
	"sluice/catalog"
	"sluice/storage"
)

// Bounds of thumbnails.
const (
	maxPicture   = 36 << 20  // pixels of a result
	maxSource    = 100 << 20 // pixels of what is decoded
	maxPictureIn = 64 << 20  // bytes of what is decoded
	maxStrip     = 65500     // pixels of a sprite's side
	maxSlices    = 1000
	maxWaiting   = 128 // requests
	pictureTime  = 30 * time.Second
)

// maxPictures is how many thumbnails are made at once: each takes a core, and the memory of its pixels.
var maxPictures = max(1, runtime.GOMAXPROCS(0)/2)

// thumbnail makes a picture of an entry: of its thumbnail, or of its video at some time; or of a picture that was uploaded.
func (s *Service) thumbnail(w http.ResponseWriter, a *ask) error {
	if token := a.params["upload_token_id"]; token != "" && a.first("entry_id", "entryId") == "" {
		return s.uploaded(w, a, catalog.UploadTokenID(ext(token)))
	}
	id, err := s.pictured(a)
	if err != nil {
		return err
	}
	if err := s.find(a, id, access.Thumbnail); err != nil {
		return err
	}
	t, err := readThumb(a.params)
	if err != nil {
		return err
	}
	switch {
	case !a.access.Entitled:
		return fail(entryNotFound, "entry not found")
	case a.entry.Status == catalog.EntryDeleted || a.entry.Moderation == catalog.ModerationRejected && !a.viewsAll():
		return fail(entryDeleted, "the entry was refused")
	case a.access.Blocked():
		return fail(accessControl, "access control")
	case t.captures() && a.access.NoCapture():
		return fail(captureForbidden, "pictures may not be taken from this entry")
	}
	if limit := a.access.Preview().Milliseconds(); limit > 0 && t.captures() && t.last(a.entry.DurationMS) > limit {
		return fail(captureForbidden, "pictures may be taken from the preview only")
	}
	from := a.picture(t)
	tag := t.tag(a, from)
	h := w.Header()
	h.Set("ETag", tag)
	h.Set("Content-Type", t.contentType())
	h.Set("Cache-Control", "public, max-age=3600")
	if a.access.Ruled || a.access.Private {
		h.Set("Cache-Control", "no-store")
	}
	if name := a.params["file_name"]; name != "" {
		h.Set("Content-Disposition", disposition(name))
	}
	body, err := s.picture(a.Context(), t, tag, func(ctx context.Context) (image.Image, error) { return s.makePicture(ctx, a, t, from) })
	if err != nil {
		h.Del("ETag")
		h.Del("Content-Type")
		return err
	}
	http.ServeContent(w, a.Request, "", time.Time{}, bytes.NewReader(body))
	return nil
}

// pictured is the id of the entry that the request names, itself or by a widget of the account.
func (s *Service) pictured(a *ask) (string, error) {
	id := a.first("entry_id", "entryId")
	widget := a.params["widget_id"]
	if id != "" || widget == "" {
		return id, nil
	}
	w, err := s.cfg.Guard.Catalog.Widget(a.Context(), a.partner, widget)
	if errors.Is(err, catalog.ErrNotFound) {
		return "", fail(entryNotFound, "widget not found")
	}
	return string(w.Entry), err
}

// viewsAll says whether the session may see what viewers may not.
func (a *ask) viewsAll() bool {
	return a.session != nil && (a.session.Admin() || a.session.Has("sview", string(a.entry.ID)))
}

// tag identifies the picture: by what is asked for, and by the content that it is made from.
func (t *thumb) tag(a *ask, from *catalog.Asset) string {
	h := fnv.New64a()
	fmt.Fprintf(h, "%+v %s %d", *t, a.entry.ID, a.entry.Version)
	if from != nil {
		fmt.Fprintf(h, " %s %s %d", from.ID, from.Key, from.UpdatedAt.UnixMicro())
	}
	return `"` + strconv.FormatUint(h.Sum64(), 36) + `"`
}

// picture returns the encoded result, remembered or made.
func (s *Service) picture(ctx context.Context, t *thumb, tag string, make func(context.Context) (image.Image, error)) ([]byte, error) {
	if b := s.made.get(tag); b != nil {
		return b, nil
	}
	defer s.waiting.Add(-1)
	if s.waiting.Add(1) > maxWaiting {
		return nil, fail(rateLimit, "too many thumbnails at once")
	}
	select {
	case s.pictures <- struct{}{}:
		defer func() { <-s.pictures }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if b := s.made.get(tag); b != nil {
		return b, nil
	}
	ctx, cancel := context.WithTimeout(ctx, pictureTime)
	defer cancel()
	img, err := make(ctx)
	if err != nil {
		return nil, err
	}
	b, err := t.encode(img)
	if err != nil {
		return nil, err
	}
	s.made.put(tag, b)
	return b, nil
}

func (s *Service) makePicture(ctx context.Context, a *ask, t *thumb, from *catalog.Asset) (image.Image, error) {
	switch {
	case t.slices > 0 && t.slice < 0:
		return s.strip(ctx, a, t)
	case t.captures():
		img, err := s.frame(ctx, a, t, t.at(a.entry.DurationMS))
		if err != nil {
			return nil, err
		}
		return t.shape(img)
	case from == nil:
		return nil, fail(noThumbnail, "the entry has no thumbnail")
	}
	b, err := storage.ReadAll(ctx, s.cfg.Store, from.Key, maxPictureIn)
	if err != nil {
		return nil, &failure{number: noThumbnail, reason: "the thumbnail cannot be read", err: err}
	}
	return t.of(b)
}

// of is the result, made of an encoded picture.
func (t *thumb) of(b []byte) (image.Image, error) {
	img, err := decodePicture(b)
	if err != nil {
		return nil, &failure{number: noThumbnail, reason: "the thumbnail is no picture", err: err}
	}
	return t.shape(img)
}

// strip puts the slices side by side.
func (s *Service) strip(ctx context.Context, a *ask, t *thumb) (image.Image, error) {
	var all *image.RGBA
	var size image.Point
	one := *t
	for i := range t.slices {
		one.slice = i
		img, err := s.frame(ctx, a, t, one.at(a.entry.DurationMS))
		if err != nil {
			return nil, err
		}
		if img, err = one.shape(img); err != nil {
			return nil, err
		}
		if all == nil {
			size = img.Bounds().Size()
			if size.X*t.slices >= maxStrip || size.Y*t.slices >= maxStrip || size.X*size.Y*t.slices > maxPicture {
				return nil, fail(badQuery, "%d slices of %d by %d pixels are too many", t.slices, size.X, size.Y)
			}
			all = image.NewRGBA(image.Rect(0, 0, size.X*t.slices, size.Y))
		}
		paste(all, image.Pt(i*size.X, 0), img)
	}
	return all, nil
}

// frame is the picture of the video at a time, from the origin: no larger than it needs to be, where the origin can.
func (s *Service) frame(ctx context.Context, a *ask, t *thumb, ms int64) (image.Image, error) {
	urls, err := s.urls(a)
	if err != nil {
		return nil, err
	}
	dir, err := urls.Pictures()
	if err != nil {
		return nil, err
	}
	name := dir + "/thumb-" + strconv.FormatInt(ms, 10)
	var b []byte
	if width := t.needs(a.entry.Width, a.entry.Height); width > 0 {
		b, err = s.text(a.WithContext(ctx), name+"-w"+strconv.Itoa(width)+".jpg")
	}
	if b == nil {
		b, err = s.text(a.WithContext(ctx), name+".jpg")
	}
	if err != nil {
		return nil, fail(noThumbnail, "no picture at %d ms", ms)
	}
	img, err := decodePicture(b)
	if err != nil {
		return nil, &failure{number: noThumbnail, reason: "no picture at that time", err: err}
	}
	return img, nil
}

// picture chooses the asset that the thumbnail is made from: the one that is named, the image itself, or the default thumbnail, or the one whose
// shape is nearest to what is asked for.
func (a *ask) picture(t *thumb) *catalog.Asset {
	var pictures []catalog.Asset
	for _, asset := range a.assets {
		if asset.Status == catalog.AssetReady && (asset.Type == catalog.AssetThumb || asset.Original && a.entry.MediaType == catalog.MediaImage) && asset.Version == a.entry.Version {
			pictures = append(pictures, asset)
		}
	}
	if i := slices.IndexFunc(pictures, func(p catalog.Asset) bool { return string(p.ID) == a.params["thumb_asset_id"] }); i >= 0 {
		return &pictures[i]
	}
	if len(pictures) == 0 {
		return nil
	}
	if t.nearest && t.width > 0 && t.height > 0 {
		want := float64(t.width) / float64(t.height)
		best := slices.MinFunc(pictures, func(a, b catalog.Asset) int {
			d := math.Abs(aspect(a)-want) - math.Abs(aspect(b)-want)
			return int(math.Copysign(math.Ceil(math.Min(math.Abs(d)*1e6, 1)), d))
		})
		return &best
	}
	best := slices.MinFunc(pictures, func(a, b catalog.Asset) int { return rank(a) - rank(b) })
	return &best
}

func aspect(a catalog.Asset) float64 { return float64(max(1, a.Width)) / float64(max(1, a.Height)) }

// rank orders the pictures of an entry: the chosen one, the image itself, the poster, and the rest.
func rank(a catalog.Asset) int {
	switch {
	case slices.Contains(a.Details.Tags, "default_thumb"):
		return 0
	case a.Default:
		return 1
	case a.Original:
		return 2
	case a.Name == "poster":
		return 3
	}
	return 4
}

// Picture makes a picture of an entry as the keys of a thumbnail URL ask, for a caller who may change the entry.
func (s *Service) Picture(ctx context.Context, e catalog.Entry, keys map[string]string) (data []byte, contentType string, err error) {
	_, assets, err := s.cfg.Entry(ctx, e.ID)
	if err != nil {
		return nil, "", err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "/", http.NoBody)
	if err != nil {
		return nil, "", err
	}
	r.RemoteAddr = "127.0.0.1:0"
	a := &ask{Request: r, params: keys, partner: e.Account, entry: e, assets: assets}
	t, err := readThumb(a.params)
	if err != nil {
		return nil, "", err
	}
	from := a.picture(t)
	data, err = s.picture(ctx, t, t.tag(a, from), func(ctx context.Context) (image.Image, error) { return s.makePicture(ctx, a, t, from) })
	return data, t.contentType(), err
}
