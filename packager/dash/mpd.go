package dash

import "encoding/xml"

// The elements below hold what sluice writes of the MPD schema, in the schema's order.

type mpd struct {
	XMLName    xml.Name `xml:"urn:mpeg:dash:schema:mpd:2011 MPD"`
	Profiles   string   `xml:"profiles,attr"`
	Type       string   `xml:"type,attr"`
	Duration   string   `xml:"mediaPresentationDuration,attr"`
	MinBuffer  string   `xml:"minBufferTime,attr"`
	MaxSegment string   `xml:"maxSegmentDuration,attr,omitempty"`
	Info       *info    `xml:"ProgramInformation"`
	Period     period   `xml:"Period"`
}

type info struct {
	Title string `xml:"Title"`
}

type period struct {
	ID       string           `xml:"id,attr"`
	Start    string           `xml:"start,attr"`
	Duration string           `xml:"duration,attr"`
	Sets     []*adaptationSet `xml:"AdaptationSet"`
}

type adaptationSet struct {
	ID                      int    `xml:"id,attr"`
	ContentType             string `xml:"contentType,attr"`
	Lang                    string `xml:"lang,attr,omitempty"`
	Par                     string `xml:"par,attr,omitempty"`
	MaxWidth                int    `xml:"maxWidth,attr,omitempty"`
	MaxHeight               int    `xml:"maxHeight,attr,omitempty"`
	MaxFrameRate            string `xml:"maxFrameRate,attr,omitempty"`
	SegmentAlignment        bool   `xml:"segmentAlignment,attr,omitempty"`
	SubsegmentAlignment     bool   `xml:"subsegmentAlignment,attr,omitempty"`
	SubsegmentStartsWithSAP int    `xml:"subsegmentStartsWithSAP,attr,omitempty"`
	StartWithSAP            int    `xml:"startWithSAP,attr,omitempty"`
	MimeType                string `xml:"mimeType,attr"`

	Essential     []descriptor      `xml:"EssentialProperty"`
	Supplemental  []descriptor      `xml:"SupplementalProperty"`
	Label         string            `xml:"Label,omitempty"`
	Accessibility []descriptor      `xml:"Accessibility"`
	Role          []descriptor      `xml:"Role"`
	Template      *segmentTemplate  `xml:"SegmentTemplate"`
	Reps          []*representation `xml:"Representation"`
}

type representation struct {
	ID               string `xml:"id,attr"`
	Bandwidth        int64  `xml:"bandwidth,attr"`
	Codecs           string `xml:"codecs,attr,omitempty"`
	Width            int    `xml:"width,attr,omitempty"`
	Height           int    `xml:"height,attr,omitempty"`
	Sar              string `xml:"sar,attr,omitempty"`
	FrameRate        string `xml:"frameRate,attr,omitempty"`
	SamplingRate     string `xml:"audioSamplingRate,attr,omitempty"`
	MaxPlayoutRate   string `xml:"maxPlayoutRate,attr,omitempty"`
	CodingDependency *bool  `xml:"codingDependency,attr,omitempty"`

	Channels  *descriptor      `xml:"AudioChannelConfiguration"`
	Essential []descriptor     `xml:"EssentialProperty"`
	BaseURL   string           `xml:"BaseURL,omitempty"`
	Base      *segmentBase     `xml:"SegmentBase"`
	List      *segmentList     `xml:"SegmentList"`
	Template  *segmentTemplate `xml:"SegmentTemplate"`
}

type descriptor struct {
	Scheme string `xml:"schemeIdUri,attr"`
	Value  string `xml:"value,attr,omitempty"`
}

type segmentBase struct {
	IndexRange string         `xml:"indexRange,attr"`
	Timescale  uint32         `xml:"timescale,attr"`
	Init       initialization `xml:"Initialization"`
}

type initialization struct {
	SourceURL string `xml:"sourceURL,attr,omitempty"`
	Range     string `xml:"range,attr,omitempty"`
}

type segmentTemplate struct {
	Timescale   uint32    `xml:"timescale,attr"`
	Duration    int64     `xml:"duration,attr,omitempty"`
	StartNumber int       `xml:"startNumber,attr"`
	Init        string    `xml:"initialization,attr,omitempty"`
	Media       string    `xml:"media,attr"`
	Timeline    *timeline `xml:"SegmentTimeline"`
}

type segmentList struct {
	Timescale uint32         `xml:"timescale,attr"`
	Init      initialization `xml:"Initialization"`
	Timeline  *timeline      `xml:"SegmentTimeline"`
	URLs      []segmentURL   `xml:"SegmentURL"`
}

type segmentURL struct {
	Media string `xml:"media,attr"`
}

type timeline struct {
	S []span `xml:"S"`
}

// span is R+1 segments of D ticks, the first of which starts at T.
type span struct {
	T *int64 `xml:"t,attr,omitempty"`
	D int64  `xml:"d,attr"`
	R int    `xml:"r,attr,omitempty"`
}

// equal compares what two timelines say.
func (t *timeline) equal(u *timeline) bool {
	if len(t.S) != len(u.S) {
		return false
	}
	for i, a := range t.S {
		b := u.S[i]
		if a.D != b.D || a.R != b.R || (a.T == nil) != (b.T == nil) || a.T != nil && *a.T != *b.T {
			return false
		}
	}
	return true
}
