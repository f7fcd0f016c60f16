//go:build cgo

package av

import (
	"strings"

	"github.com/asticode/go-astiav"
)

// formats are the demuxers that untrusted bytes may reach. Playlists, scripts and network descriptions are absent on
// purpose: libav would sniff them out of any file name.
const formats = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,mpegts,mpeg,avi,flv,asf,asf_o,ogg,wav,w64,aiff,caf,mp3,flac,aac,ac3,eac3,amr," +
	"h264,hevc,m4v,mpegvideo,obu,av1,ivf,mxf,dv,gif,png_pipe,jpeg_pipe,jpegls_pipe,webp_pipe,bmp_pipe,tiff_pipe"

// decoders are the codecs, by libav's decoder name, that may be opened.
const decoders = "h264,hevc,mpeg1video,mpeg2video,mpegvideo,mpeg4,msmpeg4v1,msmpeg4v2,msmpeg4,wmv1,wmv2,wmv3,vc1,vp6,vp6f,vp6a,vp8,vp9," +
	"libdav1d,av1,theora,mjpeg,mjpegb,png,apng,gif,webp,bmp,tiff,prores,dnxhd,cfhd,ffv1,huffyuv,ffvhuff,utvideo,magicyuv,rawvideo,v210,v410," +
	"dvvideo,h261,h263,h263i,h263p,flv,flashsv,flashsv2,svq1,svq3,cinepak,indeo3,qtrle,rpza,smc,msvideo1,hap,jpeg2000," +
	"aac,aac_latm,mp1float,mp1,mp2float,mp2,mp3float,mp3,ac3,eac3,dca,truehd,mlp,flac,alac,vorbis,opus,wmav1,wmav2,wmapro,wmalossless,wmavoice," +
	"amrnb,amrwb,gsm,gsm_ms,speex,nellymoser,qdm2,qdmc,mace3,mace6,tta,wavpack,ape,atrac3,atrac3p,cook,s302m," +
	"pcm_alaw,pcm_mulaw,pcm_u8,pcm_s8,pcm_s16le,pcm_s16be,pcm_s24le,pcm_s24be,pcm_s32le,pcm_s32be,pcm_f32le,pcm_f32be,pcm_f64le,pcm_f64be," +
	"pcm_u16le,pcm_u16be,pcm_u24le,pcm_u24be,pcm_u32le,pcm_u32be,pcm_bluray,pcm_dvd," +
	"adpcm_ima_wav,adpcm_ima_qt,adpcm_ms,adpcm_swf,adpcm_yamaha,adpcm_g722,adpcm_g726,adpcm_ima_amv," +
	"subrip,srt,ass,ssa,mov_text,webvtt,text"

var allowedDecoders = func() map[string]bool {
	m := map[string]bool{}
	for _, n := range strings.Split(decoders, ",") {
		m[n] = true
	}
	return m
}()

// findDecoder returns the decoder for id, nil when there is none or it is not on the list.
func findDecoder(id astiav.CodecID) *astiav.Codec {
	d := astiav.FindDecoder(id)
	if d == nil || !allowedDecoders[d.Name()] {
		return nil
	}
	return d
}
