package asset

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"sluice/api/rpc"
	"sluice/api/rpc/access"
	"sluice/api/rpc/kaltura"
	"sluice/catalog"
	"sluice/packager"
	"sluice/packager/vtt"
	"sluice/storage"
)

// maxCaption bounds the captions that are read to be shown in another form, bytes.
const maxCaption = 8 << 20

// wanted is an asset whose bytes a call may have.
type wanted struct {
	catalog.Asset
	entry catalog.Entry
	cache string // as allowed says
}

// served finds a file of an entry whose bytes a call wants and may have. Calls without a session may have what rules allow
// everybody; those with one get what is their account's.
func (s *Service) served(c *rpc.Call, k kind, id, notReady string) (wanted, error) {
	a, err := s.Catalog.Asset(c, catalog.AssetID(id))
	if err != nil && !errors.Is(err, catalog.ErrNotFound) {
		return wanted{}, err
	}
	if err != nil || a.Type != k.typ || a.Status == catalog.AssetDeleted || c.AccountID() != 0 && c.AccountID() != a.Account {
		return wanted{}, k.missing(id)
	}
	e, err := s.Catalog.Entry(c, a.Account, a.Entry)
	if err != nil || e.Status == catalog.EntryDeleted {
		return wanted{}, k.missing(id)
	}
	context := access.Serve
	if k.typ == catalog.AssetThumb {
		context = access.Thumbnail
	}
	cache, err := s.allowed(c, e, context)
	if err != nil {
		return wanted{}, err
	}
	if a.Status != catalog.AssetReady || a.Key == "" {
		return wanted{}, rpc.E(notReady, "ASSET_ID", id)
	}
	return wanted{a, e, cache}, nil
}

// servedEntry finds the entry of a call that wants one of its files.
func (s *Service) servedEntry(c *rpc.Call, id string) (catalog.Entry, error) {
	e, err := s.Catalog.EntryByID(c, catalog.EntryID(id))
	if err != nil && !errors.Is(err, catalog.ErrNotFound) {
		return catalog.Entry{}, err
	}
	if err != nil || e.Status == catalog.EntryDeleted || c.AccountID() != 0 && c.AccountID() != e.Account {
		return catalog.Entry{}, access.NotFound(id)
	}
	return e, nil
}

func (s *Service) captionServe(c *rpc.Call, in struct {
	ID     string  `k:"captionAssetId" ref:"captionAsset"`
	Format *string `k:"captionFormat"`
}) (*rpc.File, error) {
	a, err := s.served(c, captions, in.ID, "CAPTION_ASSET_IS_NOT_READY")
	if err != nil {
		return nil, err
	}
	return s.captionFile(c, a, kaltura.Value(in.Format))
}

func (s *Service) captionServeByEntry(c *rpc.Call, in struct {
	EntryID string `k:"entryId" ref:"entry"`
	Params  *int64 `k:"captionParamId"`
}) (*rpc.File, error) {
	e, err := s.servedEntry(c, in.EntryID)
	if err != nil {
		return nil, err
	}
	list, err := s.Catalog.Assets(c, e.ID, catalog.AssetCaption)
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(list, func(a catalog.Asset) bool {
		if in.Params != nil {
			return a.ParamsID == *in.Params
		}
		return a.Default
	})
	if i < 0 {
		if in.Params != nil {
			return nil, rpc.E("CAPTION_ASSET_PARAMS_ID_NOT_FOUND", "PARAM_ID", fmt.Sprint(*in.Params))
		}
		return nil, rpc.E("CAPTION_ASSET_ID_NOT_FOUND", "ASSET_ID", "")
	}
	a, err := s.served(c, captions, string(list[i].ID), "CAPTION_ASSET_IS_NOT_READY")
	if err != nil {
		return nil, err
	}
	return s.captionFile(c, a, "")
}

// captionTypesOf are the content types of caption files by container.
var captionContentTypes = map[string]string{
	"srt": "text/plain; charset=utf-8", "ttml": "application/ttml+xml", "vtt": "text/vtt; charset=utf-8", "scc": "text/plain", "cap": "application/octet-stream",
}

// captionFile serves captions as they are, or written in another format of the wire.
func (s *Service) captionFile(c *rpc.Call, a wanted, format string) (*rpc.File, error) {
	if format == "" || format == kaltura.CaptionFormat(a.Asset) {
		return s.file(a, captionContentTypes[a.Container], "")
	}
	cues, err := s.cues(c, a.Asset)
	if err != nil {
		return nil, err
	}
	container := kaltura.CaptionContainer(format)
	b, err := vtt.Export(container, cues, a.Language)
	if err != nil {
		return nil, rpc.E("CAPTION_ASSET_INVALID_FORMAT", "ASSET_ID", string(a.ID)).Because(err)
	}
	return a.text(captionContentTypes[container], b), nil
}

// cues reads captions of any format.
func (s *Service) cues(c *rpc.Call, a catalog.Asset) ([]packager.Cue, error) {
	b, err := storage.ReadAll(c, s.Store, a.Key, maxCaption)
	if err != nil {
		return nil, rpc.E("CAPTION_ASSET_FILE_NOT_FOUND", "ASSET_ID", string(a.ID)).Because(err)
	}
	cues, err := vtt.Import(a.Container, b)
	if err != nil {
		return nil, rpc.E("CAPTION_ASSET_PARSING_FAILED", "ASSET_ID", string(a.ID)).Because(err)
	}
	return cues, nil
}

// text is a small file that is made of the asset.
func (a *wanted) text(contentType string, b []byte) *rpc.File {
	return &rpc.File{Cache: a.cache, Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", contentType)
		w.Header().Set("Content-Length", fmt.Sprint(len(b)))
		_, _ = w.Write(b) // a client that is gone wants no more
	})}
}

func (s *Service) captionServeWebVTT(c *rpc.Call, in struct {
	ID             string `k:"captionAssetId" ref:"captionAsset"`
	SegmentSeconds int    `k:"segmentDuration" default:"30"`
	Index          *int   `k:"segmentIndex"`
	LocalTimestamp int    `k:"localTimestamp" default:"10000"`
}) (*rpc.File, error) {
	a, err := s.served(c, captions, in.ID, "CAPTION_ASSET_IS_NOT_READY")
	if err != nil {
		return nil, err
	}
	cues, err := s.cues(c, a.Asset)
	if err != nil {
		return nil, err
	}
	seconds := max(1, min(in.SegmentSeconds, 3600))
	index := kaltura.Value(in.Index)
	switch {
	case index < 0:
		return a.text(captionContentTypes["vtt"], vtt.Write(cues)), nil
	case index == 0:
		return a.text("application/x-mpegurl", s.captionPlaylist(c, a.entry, a.Asset, cues, seconds, in.LocalTimestamp)), nil
	}
	length := int64(seconds) * 1000
	return a.text(captionContentTypes["vtt"], vtt.Segment(cues, int64(index-1)*length, int64(index)*length, 90*int64(in.LocalTimestamp))), nil
}

// captionPlaylist lists an entry's captions as segments of a number of seconds.
func (s *Service) captionPlaylist(c *rpc.Call, e catalog.Entry, a catalog.Asset, cues []packager.Cue, seconds, timestamp int) []byte {
	total := e.DurationMS
	for _, cue := range cues {
		total = max(total, cue.End)
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:%d\n#EXT-X-MEDIA-SEQUENCE:1\n#EXT-X-PLAYLIST-TYPE:VOD\n", seconds)
	dir := c.Base + fmt.Sprintf("/api_v3/index.php/service/caption_captionAsset/action/serveWebVTT/captionAssetId/%s/segmentDuration/%d/localTimestamp/%d", a.ID, seconds, timestamp)
	if c.Session != nil {
		dir += "/ks/" + c.Session.Token
	}
	length := int64(seconds) * 1000
	for i := int64(0); i*length < max(total, 1); i++ {
		fmt.Fprintf(&b, "#EXTINF:%.3f,\n%s/segmentIndex/%d/captions.vtt\n", float64(min(length, max(total, 1)-i*length))/1000, dir, i+1)
	}
	b.WriteString("#EXT-X-ENDLIST\n")
	return b.Bytes()
}

func (s *Service) captionServeJSON(c *rpc.Call, in struct {
	ID string `k:"captionAssetId" ref:"captionAsset"`
}) (*rpc.File, error) {
	a, err := s.served(c, captions, in.ID, "CAPTION_ASSET_IS_NOT_READY")
	if err != nil {
		return nil, err
	}
	cues, err := s.cues(c, a.Asset)
	if err != nil {
		return nil, err
	}
	type line struct {
		Text string `json:"text"`
	}
	type item struct {
		Start   int64  `json:"startTime"`
		End     int64  `json:"endTime"`
		Content []line `json:"content"`
	}
	out := struct {
		Objects []item `json:"objects"`
	}{make([]item, 0, len(cues))}
	for _, cue := range cues {
		it := item{Start: cue.Start, End: cue.End}
		for l := range strings.SplitSeq(vtt.PlainText(cue.Text), "\n") {
			it.Content = append(it.Content, line{l})
		}
		out.Objects = append(out.Objects, it)
	}
	b, err := json.Marshal(out)
	if err != nil {
		return nil, err
	}
	return a.text("application/json", b), nil
}
