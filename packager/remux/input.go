package remux

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"
	"sync"
	"sync/atomic"
)

// input is what a run reads.
type input struct {
	o      *Options
	report *Report
	root   *os.Root // of a local input
	fetch  Fetcher
	own    *HTTPFetcher // fetch, when it is ours to close

	read    atomic.Int64
	retries atomic.Int64

	mu   sync.Mutex
	keys map[*key]*keyResult

	language string // of the chosen audio rendition
}

func newInput(o *Options, r *Report) *input {
	in := &input{o: o, report: r, fetch: o.Fetch, keys: map[*key]*keyResult{}}
	if in.fetch == nil {
		in.own = NewHTTPFetcher(o.AllowPrivate, o.Limits.Redirects, o.Limits.FetchTimeout)
		in.fetch = in.own
	}
	return in
}

func (in *input) close() {
	if in.own != nil {
		in.own.Close()
	}
	if in.root != nil {
		in.root.Close()
	}
}

// load opens the input: a playlist becomes its lists, a media file a list of one segment.
func (in *input) load(ctx context.Context) ([]*list, error) {
	root, p, err := inputPlace(in.o.Input)
	if err != nil {
		return nil, err
	}
	if p.local {
		if in.root, err = os.OpenRoot(root); err != nil {
			return nil, classify(err, in.o.Input)
		}
	} else if p, err = in.resolve(place{url: p.url}, p.url.String()); err != nil {
		return nil, err
	}
	r, err := in.open(ctx, p, 0, -1)
	if err != nil {
		return nil, classify(notFound(err), p.String())
	}
	defer r.Close()
	head := make([]byte, 16<<10)
	n, err := io.ReadFull(r, head)
	switch head = head[:n]; {
	case err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF):
		return nil, classify(err, p.String())
	case n == 0:
		return nil, fail(EmptyFile, p.String(), "no bytes")
	case isPlaylist(head):
		rest, err := io.ReadAll(io.LimitReader(r, in.o.Limits.PlaylistBytes-int64(n)+1))
		if err != nil {
			return nil, classify(err, p.String())
		}
		if int64(n+len(rest)) > in.o.Limits.PlaylistBytes {
			return nil, fail(LimitExceeded, p.String(), "playlist is larger than %d bytes", in.o.Limits.PlaylistBytes)
		}
		return in.lists(ctx, p, append(head, rest...))
	case namedPlaylist(p):
		return nil, fail(Corrupt, p.String(), "playlist does not start with #EXTM3U")
	case sniff(head) == unknownMedia:
		return nil, fail(NotMedia, p.String(), "neither a playlist, nor MPEG-TS, MP4 or packed audio")
	}
	return []*list{{at: p, segments: []segment{{at: p, n: -1}}}}, nil
}

func notFound(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return &Error{Code: SourceIO, Err: err}
	}
	return err
}

func isPlaylist(b []byte) bool {
	return bytes.HasPrefix(bytes.TrimPrefix(b, []byte("\xEF\xBB\xBF")), []byte("#EXTM3U"))
}

func namedPlaylist(p place) bool {
	name := p.name
	if !p.local {
		name = p.url.Path
	}
	ext := strings.ToLower(path.Ext(name))
	return ext == ".m3u8" || ext == ".m3u"
}

// container of a segment.
type container int

const (
	unknownMedia container = iota
	transportStream
	fragmented
	packedAudio
	playlistText
)

// sniff tells a container by its first bytes, never by its name.
func sniff(b []byte) container {
	if isPlaylist(b) {
		return playlistText
	}
	if len(b) >= 8 {
		switch string(b[4:8]) {
		case "ftyp", "styp", "moof", "moov", "sidx", "emsg", "prft", "mdat", "free", "wide":
			return fragmented
		}
	}
	if isPackedAudio(b) {
		return packedAudio
	}
	if isTransportStream(b) {
		return transportStream
	}
	return unknownMedia
}

// isTransportStream looks for three packets in a row within the first bytes, or for one in what is shorter.
func isTransportStream(b []byte) bool {
	for _, size := range []int{188, 192, 204} {
		for i := 0; i < len(b) && i < 8<<10; i++ {
			if b[i] != 0x47 || i+188 > len(b) {
				continue
			}
			if (i+size >= len(b) || b[i+size] == 0x47) && (i+2*size >= len(b) || b[i+2*size] == 0x47) &&
				(i+3*size >= len(b) || b[i+3*size] == 0x47) && (i == 0 || i+2*size < len(b)) {
				return true
			}
		}
	}
	return false
}
