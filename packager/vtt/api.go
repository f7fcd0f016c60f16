package vtt

import (
	"errors"

	"sluice/packager"
)

var errPending = errors.New("vtt: not yet built")

// Parse reads WebVTT.
func Parse(b []byte) ([]packager.Cue, error) { return nil, errPending }

// Write returns cues as a WebVTT file.
func Write(cues []packager.Cue) []byte { return nil }

// Segment returns the cues that overlap [fromMS, toMS) as a WebVTT segment. mpegts is the X-TIMESTAMP-MAP value (90 kHz) of
// presentation time 0; -1 leaves the header out.
func Segment(cues []packager.Cue, fromMS, toMS int64, mpegts int64) []byte { return nil }

// Import reads a caption file of format srt, vtt, ttml, dfxp, ssa, ass or stl.
func Import(format string, data []byte) ([]packager.Cue, error) { return nil, errPending }

// Storyboard returns the WebVTT that maps times to tiles of sb's sprites; uri names sprite k, relative to the VTT file.
func Storyboard(sb *packager.Storyboard, durationMS int64, uri func(k int) string) []byte { return nil }
