package plan

import (
	"strings"

	"sluice/codec"
)

// outColor is the colour of every encoded rung; the chroma location follows the source's.
var outColor = codec.Color{Primaries: "bt709", Transfer: "bt709", Matrix: "bt709", Range: "tv"}

// inColor fills what the source does not say: BT.709 from 720 lines up, else BT.601 by frame size; a partly tagged picture
// is completed within the family that its tags belong to. Unspecified range is limited, except for RGB and yuvj.
func inColor(v *codec.VideoInfo) codec.Color {
	c := v.Color
	fill := untagged(v)
	switch {
	case c.Matrix == "bt709" || c.Primaries == "bt709":
		fill = outColor
	case strings.HasPrefix(c.Matrix, "bt2020") || c.Primaries == "bt2020":
		fill = codec.Color{Primaries: "bt2020", Transfer: "bt709", Matrix: "bt2020nc"}
		if v.HDR.Kind == "hlg" {
			fill.Transfer = "arib-std-b67"
		} else if v.BitDepth > 8 && v.HDR.Kind != "" && v.HDR.Kind != "none" {
			fill.Transfer = "smpte2084"
		}
	case c.Matrix == "bt470bg" || c.Primaries == "bt470bg":
		fill = codec.Color{Primaries: "bt470bg", Transfer: "smpte170m", Matrix: "bt470bg"}
	case c.Matrix == "smpte170m" || c.Primaries == "smpte170m":
		fill = codec.Color{Primaries: "smpte170m", Transfer: "smpte170m", Matrix: "smpte170m"}
	}
	c.Primaries = specified(c.Primaries, fill.Primaries)
	c.Transfer = specified(c.Transfer, fill.Transfer)
	c.Matrix = specified(c.Matrix, fill.Matrix)
	if isRGB(v) {
		c.Matrix = "gbr"
	}
	switch {
	case strings.HasPrefix(v.PixFmt, "yuvj"):
		c.Range = "pc"
	case isRGB(v):
		c.Range = specified(c.Range, "pc")
	default:
		c.Range = specified(c.Range, "tv")
	}
	return c
}

func untagged(v *codec.VideoInfo) codec.Color {
	switch {
	case v.Height >= 720:
		return outColor
	case v.Height == 576 || v.Height == 288:
		return codec.Color{Primaries: "bt470bg", Transfer: "smpte170m", Matrix: "bt470bg"}
	}
	return codec.Color{Primaries: "smpte170m", Transfer: "smpte170m", Matrix: "smpte170m"}
}

func specified(name, otherwise string) string {
	if name == "" || name == "unknown" || name == "unspecified" || name == "reserved" {
		return otherwise
	}
	return name
}

func isRGB(v *codec.VideoInfo) bool {
	return v.Chroma == "rgb" || v.Color.Matrix == "gbr" || v.Color.Matrix == "rgb"
}

// tonemapKind is "pq" or "hlg" when the picture must be mapped to standard range, else "".
func tonemapKind(v *codec.VideoInfo, in codec.Color) string {
	switch {
	case in.Transfer == "smpte2084":
		return "pq"
	case in.Transfer == "arib-std-b67":
		return "hlg"
	}
	switch v.HDR.Kind {
	case "hlg":
		return "hlg"
	case "pq", "hdr10", "hdr10plus":
		return "pq"
	case "dv": // the base layer's compatibility id: 1 and 6 are HDR10, 4 is HLG, 2 is SDR
		switch v.HDR.DVCompat {
		case 1, 6:
			return "pq"
		case 4:
			return "hlg"
		}
	}
	return ""
}

func isHDR(v *codec.VideoInfo) bool { return tonemapKind(v, inColor(v)) != "" }

// pictureOps lists what is done once to each decoded frame. Deinterlacing comes before anything that moves lines; the crop
// removes the odd column or row instead of scaling it; flip comes before rotation, as the display matrix is read.
func pictureOps(v *codec.VideoInfo) []codec.Op {
	var ops []codec.Op
	if v.Interlaced {
		ops = append(ops, codec.Op{Kind: "deinterlace", Value: "frame"})
	}
	if crop := oddCrop(v); crop != "" {
		ops = append(ops, codec.Op{Kind: "crop", Value: crop})
	}
	if v.Alpha {
		ops = append(ops, codec.Op{Kind: "alpha"})
	}
	if k := tonemapKind(v, inColor(v)); k != "" {
		ops = append(ops, codec.Op{Kind: "tonemap", Value: k})
	}
	if v.Flip {
		ops = append(ops, codec.Op{Kind: "hflip"})
	}
	switch v.Rotation {
	case 90:
		ops = append(ops, codec.Op{Kind: "rotate", Value: "90"})
	case 180:
		ops = append(ops, codec.Op{Kind: "rotate", Value: "180"})
	case 270:
		ops = append(ops, codec.Op{Kind: "rotate", Value: "270"})
	}
	return ops
}
