package asset

import (
	"encoding/json"
	"fmt"
	"hash/fnv"
	"slices"
	"strings"

	"sluice/api/rpc"
	"sluice/api/rpc/access"
	"sluice/api/rpc/kaltura"
	"sluice/catalog"
	"sluice/codec"
	"sluice/pipeline/stage"
)

type mediaInfoFilter = rpc.FilterOf[kaltura.MediaInfo]

func (s *Service) registerMediaInfo(r *rpc.Registry) {
	svc := r.Service("mediaInfo", "What is known of the media of flavors.")
	rpc.Action(svc, "list", "Returns the media information of a flavor.", s.mediaInfoList)
}

func (s *Service) mediaInfoList(c *rpc.Call, in struct {
	Filter *mediaInfoFilter `k:"filter"`
	Pager  *rpc.Pager       `k:"pager"`
}) (*rpc.List[*kaltura.MediaInfo], error) {
	ids, ok := base(in.Filter).Cond("flavorAssetId", catalog.OpEq)
	if !ok {
		return nil, rpc.E("PROPERTY_VALIDATION_CANNOT_BE_NULL", "PROP_NAME", "KalturaMediaInfoFilter::flavorAssetIdEqual")
	}
	id := fmt.Sprint(ids[0])
	a, e, err := s.find(c, flavors, id, access.View)
	if err != nil {
		return nil, err
	}
	var list []*kaltura.MediaInfo
	switch {
	case a.Original:
		info, err := s.probed(c, a)
		if err != nil {
			return nil, err
		}
		if info != nil {
			list = append(list, infoOfSource(a, info))
		}
	case a.Status == catalog.AssetReady:
		assets, err := s.Catalog.Assets(c, e.ID, catalog.AssetFlavor)
		if err != nil {
			return nil, err
		}
		list = append(list, infoOfRendition(e, a, kaltura.MainSound(e, assets)))
	}
	for _, m := range list {
		m.ID = new(mediaInfoID(a))
	}
	return page(list, nil, in.Pager), nil
}

// mediaInfoID numbers the information of an asset's content. Clients expect a number; nothing is found by it.
func mediaInfoID(a catalog.Asset) int64 {
	h := fnv.New32a()
	fmt.Fprintf(h, "%s/%d", a.ID, a.Version+a.Revision)
	return int64(h.Sum32() >> 1)
}

// probed returns what the probe found out about an original; nil while it has not run.
func (s *Service) probed(c *rpc.Call, a catalog.Asset) (*codec.Info, error) {
	if a.Status != catalog.AssetReady {
		return nil, nil
	}
	b, err := stage.ReadInfo(c, s.Store, a)
	if err != nil {
		return nil, nil //nolint:nilerr // an original that was not probed has no information yet
	}
	var info codec.Info
	if err := json.Unmarshal(b, &info); err != nil {
		return nil, err
	}
	return &info, nil
}

func kbps(bits int64) *int64 { return kaltura.Opt((bits + 500) / 1000) }

func infoOfSource(a catalog.Asset, info *codec.Info) *kaltura.MediaInfo {
	f := info.Format
	name, _, _ := strings.Cut(f.Name, ",")
	m := &kaltura.MediaInfo{
		FlavorAssetID: new(string(a.ID)), FileSize: new((a.Size + 1023) / 1024), ContainerFormat: new(name), ContainerID: kaltura.Opt(f.Tags["major_brand"]),
		ContainerDuration: new(f.DurationUS / 1000), ContainerBitRate: kbps(f.BitRate), IsFastStart: new(0), ScanType: new(0),
		WritingLib: kaltura.Opt(f.Tags["encoder"]),
	}
	if f.Streamable {
		m.IsFastStart = new(1)
	}
	if v := info.MainVideo(); v != nil {
		setVideo(m, v)
	}
	if i := slices.IndexFunc(info.Streams, func(st codec.Stream) bool { return st.Kind == codec.Audio }); i >= 0 {
		setAudio(m, &info.Streams[i])
	}
	return m
}

func setVideo(m *kaltura.MediaInfo, s *codec.Stream) {
	v := s.Video
	m.VideoFormat, m.VideoCodecID, m.VideoDuration = new(s.Codec), kaltura.Opt(s.CodecTag), kaltura.Opt(s.DurationUS/1000)
	rate := v.MeanBitRate
	if rate == 0 {
		rate = s.BitRate
	}
	m.VideoBitRate, m.VideoWidth, m.VideoHeight = kbps(rate), new(v.Width), new(v.Height)
	m.VideoFrameRate, m.VideoRotation = kaltura.Opt(v.FPSAvg.Float()), new(v.Rotation)
	if v.DAR.Float() > 0 {
		m.VideoDar = new(v.DAR.Float())
	} else if v.Height > 0 {
		m.VideoDar = new(float64(v.Width) / float64(v.Height))
	}
	if v.Interlaced {
		m.ScanType = new(1)
	}
	if k := v.Keyframes; k != nil {
		m.MaxGOP = kaltura.Opt(float64(k.MaxGapUS) / 1e6)
	}
	m.MatrixCoefficients, m.ColorTransfer, m.ColorPrimaries = kaltura.Opt(v.Color.Matrix), kaltura.Opt(v.Color.Transfer), kaltura.Opt(v.Color.Primaries)
	m.ColorSpace, m.PixelFormat, m.ChromaSubsampling, m.BitsDepth = kaltura.Opt(v.Color.Matrix), kaltura.Opt(v.PixFmt), kaltura.Opt(v.Chroma), kaltura.Opt(v.BitDepth)
}

func setAudio(m *kaltura.MediaInfo, s *codec.Stream) {
	m.AudioFormat, m.AudioCodecID, m.AudioDuration = new(s.Codec), kaltura.Opt(s.CodecTag), kaltura.Opt(s.DurationUS/1000)
	m.AudioBitRate = kbps(s.BitRate)
	if a := s.Audio; a != nil {
		m.AudioChannels, m.AudioSamplingRate, m.AudioResolution = new(a.Channels), new(a.SampleRate), kaltura.Opt(a.BitDepth)
	}
}

// infoOfRendition is what the packager knows of a rung with its sound, or of a sound.
func infoOfRendition(e catalog.Entry, a catalog.Asset, main *catalog.Asset) *kaltura.MediaInfo {
	m := &kaltura.MediaInfo{
		FlavorAssetID: new(string(a.ID)), FileSize: new((a.Size + 1023) / 1024), ContainerFormat: new("mpeg-4"), ContainerID: new("isom"),
		ContainerDuration: new(e.DurationMS), ContainerBitRate: kbps(a.BitRate), IsFastStart: new(1), ScanType: new(0),
	}
	sound := &a
	if a.Kind == "video" {
		m.VideoFormat, m.VideoCodecID, m.VideoDuration = new(codecName(a.Codec)), new(a.Codec), new(e.DurationMS)
		m.VideoBitRate, m.VideoWidth, m.VideoHeight, m.VideoFrameRate = kbps(a.BitRate), new(a.Width), new(a.Height), new(a.FrameRate)
		if a.Height > 0 {
			m.VideoDar = new(float64(a.Width) / float64(a.Height))
		}
		if sound = main; sound != nil {
			m.ContainerBitRate = kbps(a.BitRate + sound.BitRate)
		}
	}
	if sound == nil {
		return m
	}
	var p stage.FlavorProps
	if len(sound.Props) > 0 {
		_ = json.Unmarshal(sound.Props, &p) // written by the stages; without it the rest is still right
	}
	m.AudioFormat, m.AudioCodecID, m.AudioDuration, m.AudioBitRate = new(codecName(sound.Codec)), new(sound.Codec), new(e.DurationMS), kbps(sound.BitRate)
	m.AudioChannels, m.AudioSamplingRate = kaltura.Opt(p.Channels), kaltura.Opt(p.SampleRate)
	return m
}

// codecName is the common name of an RFC 6381 codec string.
func codecName(codec string) string {
	entry, _, _ := strings.Cut(codec, ".")
	if name, ok := map[string]string{
		"avc1": "h264", "avc3": "h264", "hvc1": "hevc", "hev1": "hevc", "av01": "av1", "vp09": "vp9", "mp4a": "aac", "Opus": "opus", "opus": "opus",
	}[entry]; ok {
		return name
	}
	return entry
}
