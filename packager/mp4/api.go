package mp4

import (
	"errors"

	"sluice/packager"
)

var errPending = errors.New("mp4: not yet built")

// Info is what a file says about itself besides its tracks.
type Info struct {
	Brand      string
	Fragmented bool
	Warnings   []string
}

// Open indexes an MP4 file, progressive or fragmented.
func Open(f packager.File) ([]*packager.Track, Info, error) { return nil, Info{}, errPending }

// Clip is a part of the presentation in milliseconds; ToMS 0 means the end.
type Clip struct{ FromMS, ToMS int64 }

// Options steers Progressive.
type Options struct {
	Clip  Clip
	Title string
}

// Progressive returns a virtual faststart MP4 of tracks; audio alone makes an M4A.
func Progressive(tracks []*packager.Track, o Options) (packager.Body, error) { return nil, errPending }

// ADTS returns an AAC track as a raw .aac file.
func ADTS(t *packager.Track, clip Clip) (packager.Body, error) { return nil, errPending }
