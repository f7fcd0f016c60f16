package uri

// Limits of the grammar.
const (
	// MaxFiles bounds the parts of a multi-file URI and the files a name may pick.
	MaxFiles = 32
	// MaxTracks bounds the number of a track of one kind in one file.
	MaxTracks = 64
	// MaxLangs bounds the -l items of a name.
	MaxLangs = 8
	// MaxPath bounds the bytes of a path.
	MaxPath = 4096
)

// Kind is what a name asks for.
type Kind uint8

// Kinds of objects.
const (
	Master           Kind = iota + 1 // master.m3u8
	MediaPlaylist                    // index….m3u8
	IFramePlaylist                   // iframes….m3u8
	ImagePlaylist                    // image….m3u8
	Manifest                         // manifest.mpd: live profile
	ManifestOnDemand                 // manifest-ondemand.mpd: on-demand profile
	Init                             // init….mp4
	SegmentTS                        // seg-N….ts
	SegmentMP4                       // seg-N….m4s, fragment-N….m4s
	SegmentTrick                     // trick-N….m4s: the key frames of a segment
	SegmentVTT                       // seg-N….vtt
	SegmentAAC                       // seg-N….aac: packed audio
	TrackFile                        // track….mp4: the stored file of one track
	Subtitles                        // subtitles….vtt, whole
	Storyboard                       // storyboard.vtt
	Sprite                           // sprite-K.jpg
	Poster                           // poster.jpg
	Thumb                            // thumb-<ms>[-w<px>][-h<px>].jpg
	ProgressiveMP4                   // any name .mp4 under the progressive location
	ProgressiveM4A                   // … .m4a
	ProgressiveAAC                   // … .aac
)

// String is the kind's short name, used as a metric label.
func (k Kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return "unknown"
}

var kindNames = [...]string{
	0: "unknown", Master: "master", MediaPlaylist: "playlist", IFramePlaylist: "iframes", ImagePlaylist: "images",
	Manifest: "mpd", ManifestOnDemand: "mpd_ondemand", Init: "init", SegmentTS: "segment_ts", SegmentMP4: "segment_mp4",
	SegmentTrick: "segment_trick", SegmentVTT: "segment_vtt", SegmentAAC: "segment_aac", TrackFile: "track", Subtitles: "subtitles",
	Storyboard: "storyboard", Sprite: "sprite", Poster: "poster", Thumb: "thumb",
	ProgressiveMP4: "mp4", ProgressiveM4A: "m4a", ProgressiveAAC: "aac",
}

// Location is the service a path lies under; it decides which names exist.
type Location uint8

// Locations.
const (
	HLS Location = 1 << iota
	DASH
	Progressive
	Images
)

// Container is the segment format of HLS.
type Container uint8

// Containers. Auto is TS where every codec may go in TS, else FMP4.
const (
	Auto Container = iota
	TS
	FMP4
)

// Request is a parsed path.
type Request struct {
	Location Location
	Kind     Kind
	Source   Source
	Params   Params
	// PerFile holds each file's own parameters when a multi-file URI gives them per file; nil otherwise.
	PerFile []Params

	// Segment counts from 1 and includes the -i shift; it is the number K of a sprite, too. 0 means none.
	Segment int
	// TimeMS, Width and Height belong to thumbnails.
	TimeMS        int64
	Width, Height int
	// Version is the -x item, "" when absent.
	Version string

	picks  [MaxFiles]Pick
	langs  [MaxLangs]string
	nPicks int
	nLangs int
}

// Picks are the tracks named; without any, the kind's default applies (see Select).
func (r *Request) Picks() []Pick { return r.picks[:r.nPicks] }

// Langs are the -l items: audio and text of other languages are left out.
func (r *Request) Langs() []string { return r.langs[:r.nLangs] }

// Params are the path parameters.
type Params struct {
	// ClipFrom and ClipTo are milliseconds from the start of the file; ClipTo 0 means the end.
	ClipFrom, ClipTo int64
	// Tracks keeps these tracks only; the zero value keeps all.
	Tracks Pick
	// ShiftVideo, ShiftAudio and ShiftText move the presentation forward, milliseconds.
	ShiftVideo, ShiftAudio, ShiftText int64
	// Lang overrides the language of the file.
	Lang      string
	Container Container
}

// Pick names tracks: those whose bits are set, of one file or of every file (File 0, ID ""). Bit n-1 stands for track n.
type Pick struct {
	File               int
	ID                 string // the file with this id instead of a number
	Video, Audio, Text uint64
}

// AllTracks is the mask of every track of a kind.
const AllTracks = ^uint64(0)

// IsZero reports whether the pick names nothing.
func (p *Pick) IsZero() bool { return p.Video|p.Audio|p.Text == 0 && p.File == 0 && p.ID == "" }

// NoTracks reports whether the pick names files but no tracks of them.
func (p *Pick) NoTracks() bool { return p.Video|p.Audio|p.Text == 0 }
