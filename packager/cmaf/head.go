package cmaf

import (
	"errors"
	"fmt"

	"github.com/Eyevinn/mp4ff/mp4"

	"sluice/packager"
)

// Head returns ftyp and moov of a track file whose length is not known yet: what a chunk object starts with.
func Head(m packager.Media) ([]byte, error) {
	return head([]*packager.Media{&m}, 0, packager.BitRate{})
}

// InitSegment returns the init segment (ftyp moov) of tracks; several make a muxed one, with track ids 1, 2, … in order.
func InitSegment(tracks ...*packager.Media) ([]byte, error) {
	return head(tracks, 0, packager.BitRate{})
}

// head builds ftyp and moov. duration, in ticks of the only track, adds mehd; rate adds btrt.
func head(tracks []*packager.Media, duration int64, rate packager.BitRate) ([]byte, error) {
	if len(tracks) == 0 {
		return nil, errors.New("init segment: no tracks")
	}
	moov := mp4.NewMoovBox()
	mvhd := mp4.CreateMvhd()
	mvhd.Timescale = packager.MovieTimescale
	mvhd.NextTrackID = uint32(len(tracks) + 1)
	moov.AddChild(mvhd)
	mvex := mp4.NewMvexBox()
	if duration > 0 {
		m := tracks[0]
		mvex.AddChild(&mp4.MehdBox{Version: 1, FragmentDuration: int64(packager.MovieTicks(duration, m.Timescale))})
	}
	for i, m := range tracks {
		trak, err := packager.Trak(m, uint32(i+1), 0, rate)
		if err != nil {
			return nil, fmt.Errorf("init segment: track %d: %w", i+1, err)
		}
		moov.AddChild(trak)
		mvex.AddChild(mp4.CreateTrex(uint32(i + 1)))
	}
	moov.AddChild(mvex)
	return packager.EncodeBoxes(mp4.NewFtyp("iso6", 0, brands(tracks)), moov)
}

// brands lists the specifications a file follows: the CMAF ones (ISO/IEC 23000-19 §7.2) only for a single track, and cmf2,
// which forbids edit lists on video, where there is none.
func brands(tracks []*packager.Media) []string {
	if len(tracks) > 1 {
		return []string{"iso6", "mp41"}
	}
	b := []string{"iso6", "cmfc"}
	if m := tracks[0]; m.Kind == packager.Video && m.Priming == 0 {
		b = append(b, "cmf2")
	}
	return append(b, "dash", "mp41")
}
