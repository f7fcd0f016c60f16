//go:build cgo

package av

/*
#include "shim.h"
*/
import "C"

import (
	"bytes"
	"strings"

	"github.com/Eyevinn/mp4ff/avc"
	"github.com/Eyevinn/mp4ff/hevc"

	"sluice/codec"
)

// Bounds on the packets that a probe by the header alone may read to learn where the streams start.
const (
	headerPackets = 256
	headerBytes   = 4 << 20
)

// openHeader opens src by its header alone: nothing is decoded and only the first packets are read. The result describes the
// file but must not be read from. It is nil when the header does not tell everything, or the container is none of those whose
// headers can be trusted.
func openHeader(g *guard, src codec.Source, o inputOpts) (*input, error) {
	o.header = true
	in, err := openOnce(g, src, o)
	if err != nil {
		return nil, err
	}
	if in.complete && in.firstTimes() {
		return in, nil
	}
	in.close()
	return nil, nil
}

// completeHeader fills in what the container leaves to the codecs' own headers, and says whether nothing is missing.
func (in *input) completeHeader() bool {
	if !isMP4(in.format) && !strings.HasPrefix(in.format, "matroska") {
		return false
	}
	in.refresh()
	if len(in.streams) == 0 {
		return false
	}
	for i := range in.streams {
		s := &in.streams[i]
		var c C.sl_params
		var ok bool
		switch s.kind {
		case codec.Video:
			ok = s.completeVideo(&c)
		case codec.Audio:
			ok = s.completeAudio(&c)
		default:
			continue
		}
		if !ok {
			return false
		}
		C.sl_stream_complete(in.c(), C.int(i), &c)
	}
	in.refresh()
	return true
}

func (s *stream) completeVideo(c *C.sl_params) bool {
	if s.attachedPic() || s.avgFPS.IsZero() || s.realFPS.IsZero() {
		return false
	}
	switch s.codec {
	case "h264":
		return s.completeH264(c)
	case "hevc":
		return s.completeHEVC(c)
	}
	return false
}

// completeH264 reads the sequence parameter set (ISO/IEC 14496-10 §7.3.2.1.1). Where a decoder would have to look at pictures
// (interlacing, reordering that is not declared, several sets) it gives up.
func (s *stream) completeH264(c *C.sl_params) bool {
	var ps paramSets
	if ps.fromExtradata(s.extradata) == 0 || len(ps.sps) != 1 || len(ps.sps[0]) < 4 {
		return false
	}
	sps := parseSPS(bytes.Clone(ps.sps[0]))
	if sps == nil || !sps.FrameMbsOnlyFlag || sps.ChromaFormatIDC != 1 || sps.BitDepthLumaMinus8 != sps.BitDepthChromaMinus8 {
		return false
	}
	if int(sps.Width) != s.width || int(sps.Height) != s.height {
		return false
	}
	c.profile, c.level = C.int(h264Profile(ps.sps[0])), C.int(sps.Level)
	c.field_order = C.AV_FIELD_PROGRESSIVE
	c.video_delay = C.int(s.videoDelay)
	v := sps.VUI
	switch {
	case v != nil && v.BitstreamRestrictionFlag:
		c.video_delay = max(c.video_delay, C.int(v.MaxNumReorderFrames))
	case ps.sps[0][1] == 66: // no B pictures
	default:
		return false
	}
	p := picHeader{depth: int(sps.BitDepthLumaMinus8) + 8, color: s.colorIDs}
	if v != nil {
		p.avcVUI(v)
	}
	return p.write(c)
}

// h264Profile is libav's number for the profile: profile_idc, and the constraint flags that make a profile of their own.
func h264Profile(sps []byte) int {
	idc, flags := int(sps[1]), sps[2]
	switch idc {
	case 66:
		if flags&0x40 != 0 { // constraint_set1_flag
			idc |= C.FF_PROFILE_H264_CONSTRAINED
		}
	case 110, 122, 244:
		if flags&0x10 != 0 { // constraint_set3_flag
			idc |= C.FF_PROFILE_H264_INTRA
		}
	}
	return idc
}

// completeHEVC reads the sequence parameter set (ISO/IEC 23008-2 §7.3.2.2).
func (s *stream) completeHEVC(c *C.sl_params) bool {
	ps := paramSets{hevc: true}
	if ps.fromExtradata(s.extradata) == 0 || len(ps.sps) != 1 {
		return false
	}
	sps := parseHEVCSPS(bytes.Clone(ps.sps[0]))
	if sps == nil || sps.ChromaFormatIDC != 1 || sps.BitDepthLumaMinus8 != sps.BitDepthChromaMinus8 {
		return false
	}
	if w, h := sps.ImageSize(); int(w) != s.width || int(h) != s.height {
		return false
	}
	v := sps.VUI
	if v != nil && (v.FieldSeqFlag || v.FrameFieldInfoPresentFlag || v.DefaultDisplayWindowFlag) {
		return false
	}
	n := len(sps.SubLayeringOrderingInfos)
	if n == 0 {
		return false
	}
	c.profile, c.level = C.int(sps.ProfileTierLevel.GeneralProfileIDC), C.int(sps.ProfileTierLevel.GeneralLevelIDC)
	c.field_order = C.int(s.fieldOrder)
	c.video_delay = max(C.int(s.videoDelay), C.int(sps.SubLayeringOrderingInfos[n-1].MaxNumReorderPics))
	// Unlike with H.264, what the parameter set leaves open is unspecified, whatever the container says.
	p := picHeader{depth: int(sps.BitDepthLumaMinus8) + 8, color: colors{2, 2, 2, C.AVCOL_RANGE_MPEG, C.AVCHROMA_LOC_LEFT}}
	if v != nil {
		p.hevcVUI(v)
	}
	return p.write(c)
}

func parseHEVCSPS(n []byte) (sps *hevc.SPS) {
	defer func() { // the parser may meet hostile bits
		if recover() != nil {
			sps = nil
		}
	}()
	s, err := hevc.ParseSPSNALUnit(n)
	if err != nil {
		return nil
	}
	return s
}

// picHeader is what a 4:2:0 picture's parameter set says about its samples.
type picHeader struct {
	depth      int
	color      colors
	sarW, sarH uint
}

func (p *picHeader) avcVUI(v *avc.VUIParameters) {
	p.signal(v.VideoSignalTypePresentFlag, v.VideoFullRangeFlag)
	if v.ColourDescriptionFlag {
		p.describe(v.ColourPrimaries, v.TransferCharacteristics, v.MatrixCoefficients)
	}
	p.place(v.ChromaLocInfoPresentFlag, v.ChromaSampleLocTypeTopField)
	p.sarW, p.sarH = v.SampleAspectRatioWidth, v.SampleAspectRatioHeight
}

func (p *picHeader) hevcVUI(v *hevc.VUIParameters) {
	p.signal(v.VideoSignalTypePresentFlag, v.VideoFullRangeFlag)
	if v.ColourDescriptionFlag {
		p.describe(uint(v.ColourPrimaries), uint(v.TransferCharacteristics), uint(v.MatrixCoefficients))
	}
	p.place(v.ChromaLocInfoPresentFlag, v.ChromaSampleLocTypeTopField)
	p.sarW, p.sarH = v.SampleAspectRatioWidth, v.SampleAspectRatioHeight
}

func (p *picHeader) signal(present, full bool) {
	switch {
	case present && full:
		p.color.rng = C.AVCOL_RANGE_JPEG
	case present:
		p.color.rng = C.AVCOL_RANGE_MPEG
	}
}

func (p *picHeader) describe(primaries, transfer, matrix uint) {
	p.color.primaries, p.color.transfer, p.color.matrix = C.int(primaries), C.int(transfer), C.int(matrix)
}

func (p *picHeader) place(present bool, at uint) {
	p.color.chroma = C.AVCHROMA_LOC_LEFT
	if present && at <= 5 {
		p.color.chroma = C.int(at) + 1
	}
}

func (p *picHeader) write(c *C.sl_params) bool {
	full := p.color.rng == C.AVCOL_RANGE_JPEG
	switch {
	case p.depth == 8 && full:
		c.format = C.AV_PIX_FMT_YUVJ420P
	case p.depth == 8:
		c.format = C.AV_PIX_FMT_YUV420P
	case p.depth == 10:
		c.format = C.AV_PIX_FMT_YUV420P10LE
	default:
		return false
	}
	if p.color.chroma == C.AVCHROMA_LOC_UNSPECIFIED {
		p.color.chroma = C.AVCHROMA_LOC_LEFT
	}
	c.primaries, c.transfer, c.matrix, c._range, c.chroma = p.color.primaries, p.color.transfer, p.color.matrix, p.color.rng, p.color.chroma
	if p.sarW > 0 && p.sarH > 0 && p.sarW < 1<<16 && p.sarH < 1<<16 {
		c.sar_num, c.sar_den = C.int(p.sarW), C.int(p.sarH)
	}
	return true
}

// completeAudio reads AAC's AudioSpecificConfig. Low rates without a word about SBR may carry it all the same, and the
// largest layouts are told apart only by the decoder: then it gives up.
func (s *stream) completeAudio(c *C.sl_params) bool {
	a := s.extradata
	if s.codec != "aac" || len(a) < 2 || a[0]>>3 != 2 {
		return false
	}
	index, channels := bitsAt(a, 5, 4), bitsAt(a, 9, 4)
	if index >= len(aacRates) || channels < 1 || channels > 6 || ascHasSBR(a) || s.channels != channels || s.sampleRate != aacRates[index] {
		return false
	}
	if !ascDeniesSBR(a) && s.sampleRate <= 24000 {
		return false
	}
	if bitsAt(a, 13, 1) != 0 { // 960 samples a frame
		return false
	}
	c.profile, c.level = C.FF_PROFILE_AAC_LOW, C.FF_LEVEL_UNKNOWN
	c.format, c.frame_size, c.channels = C.AV_SAMPLE_FMT_FLTP, 1024, C.int(channels)
	return true
}

// firstTimes reads until every picture and sound stream has shown its first packet, so that libav knows where they start.
func (in *input) firstTimes() bool {
	missing := func() bool {
		for i := range in.streams {
			s := &in.streams[i]
			if (s.kind == codec.Video || s.kind == codec.Audio) && s.start == noPTS {
				return true
			}
		}
		return false
	}
	total := 0
	for n := 0; missing(); n++ {
		if n >= headerPackets || total > headerBytes || in.g.interrupted("probe") != nil {
			return false
		}
		if err := in.fc.ReadFrame(in.raw); err != nil {
			return false
		}
		var f C.sl_packet
		C.sl_packet_get((*C.AVPacket)(cptr(in.raw)), &f)
		in.raw.Unref()
		total += int(f.size)
		if int(f.stream) >= len(in.streams) {
			return false
		}
		in.noteStart(&f)
	}
	return in.settleTimes()
}

// noteStart takes over where libav says that f's stream starts. It cannot say so for H.264 in Matroska, which stores no
// decode times: there a stream starts with its first keyframe.
func (in *input) noteStart(f *C.sl_packet) {
	s := &in.streams[f.stream]
	first := s.start == noPTS
	s.start = int64(C.sl_stream_start(in.c(), f.stream))
	if first && s.start == noPTS && s.codec == "h264" && f.flags&C.AV_PKT_FLAG_KEY != 0 && int64(f.pts) != noPTS {
		C.sl_stream_set_start(in.c(), f.stream, f.pts)
		s.start = int64(f.pts)
	}
}

// settleTimes gives the file the span of its streams, and streams that have shown nothing the file's.
func (in *input) settleTimes() bool {
	C.sl_fmt_settle(in.c())
	in.refresh()
	return in.fc.Duration() > 0
}
