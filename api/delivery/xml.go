package delivery

import (
	"encoding/xml"
	"net/http"
	"strconv"
	"strings"

	"sluice/api/rpc/sources"
)

// f4m is a Flash media manifest of files (Adobe Flash Media Manifest Format Specification 1.0 and 2.0).
type f4m struct {
	XMLName  xml.Name   `xml:"manifest"`
	Space    string     `xml:"xmlns,attr"`
	ID       string     `xml:"id"`
	MimeType string     `xml:"mimeType"`
	Stream   string     `xml:"streamType"`
	Duration string     `xml:"duration"` // seconds
	Media    []f4mMedia `xml:"media"`
}

type f4mMedia struct {
	URL     string `xml:"url,attr"`
	Bitrate int64  `xml:"bitrate,attr"` // kilobits a second
	Width   int    `xml:"width,attr,omitempty"`
	Height  int    `xml:"height,attr,omitempty"`
}

// smil lets a player choose among files (SMIL 2.0, the switch element).
type smil struct {
	XMLName xml.Name    `xml:"smil"`
	Videos  []smilVideo `xml:"body>switch>video"`
}

type smilVideo struct {
	Src     string `xml:"src,attr"`
	Bitrate int64  `xml:"system-bitrate,attr"` // bits a second
	Width   int    `xml:"width,attr,omitempty"`
	Height  int    `xml:"height,attr,omitempty"`
}

// xml lists the flavors as files for players that read f4m or SMIL. Segmented formats have no such list.
func (m *manifest) xml(w http.ResponseWriter, kind string) error {
	if m.format == sources.HLS || m.format == sources.DASH {
		return fail(badQuery, "responseFormat %q is of files, not of format %q", kind, m.params["format"])
	}
	list, err := m.flavors()
	if err != nil {
		return err
	}
	var doc any
	if kind == "smil" {
		s := smil{}
		for _, f := range list {
			s.Videos = append(s.Videos, smilVideo{f.URL, f.Bitrate * 1000, f.Width, f.Height})
		}
		doc = s
	} else {
		seconds := strconv.FormatInt(m.entry.DurationMS/1000, 10) + "." + strconv.FormatInt(1000+m.entry.DurationMS%1000, 10)[1:]
		f := f4m{Space: "http://ns.adobe.com/f4m/1.0", ID: string(m.entry.ID), MimeType: "video/mp4", Stream: "recorded", Duration: seconds}
		if kind == "f4mv2" {
			f.Space = "http://ns.adobe.com/f4m/2.0"
		}
		for _, l := range list {
			f.Media = append(f.Media, f4mMedia{l.URL, l.Bitrate, l.Width, l.Height})
		}
		doc = f
	}
	body, err := xml.Marshal(doc)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", map[bool]string{true: "application/smil+xml", false: "application/f4m+xml"}[strings.HasPrefix(kind, "smil")])
	m.answer(w, append([]byte(xml.Header), body...))
	return nil
}
