package origin

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"sync"

	"sluice/packager"
	"sluice/packager/cmaf"
	"sluice/packager/hls"
	"sluice/packager/ts"
	"sluice/packager/uri"
)

// release changes when the bytes made from the same set would; it is part of every validator.
const release = "1"

// show is a set as one shape of request sees it, with everything derived from it: its segment table, TS layouts and validator.
type show struct {
	origin *packager.Set // as resolved
	set    *packager.Set // after path parameters
	table  *packager.Table
	tag    string // identity of the content, part of every ETag

	mu      sync.Mutex
	layouts map[string]*ts.Layout  // by the name of the tracks muxed
	tricks  map[packager.Ref]trick // key frames only
}

// showKey identifies a show: the parameters are "" for a plain path.
type showKey struct {
	set    *packager.Set
	params string
}

// shows keeps the shows in use, up to a limit; those with parameters, which anyone can make up and which hold an index of their
// own, up to an eighth of it. The mutex guards it; a show is built outside it, once.
type shows struct {
	mu     sync.Mutex
	limit  int
	clock  int64
	all    map[showKey]*showSlot
	shaped int // with parameters
}

type showSlot struct {
	once sync.Once
	show *show
	used int64
}

func (s *shows) get(set *packager.Set, r *uri.Request) *show {
	key := showKey{set: set, params: paramsKey(r)}
	s.mu.Lock()
	slot := s.all[key]
	if slot == nil {
		if shaped := key.params != ""; shaped && s.shaped >= max(1, s.limit/8) || len(s.all) >= s.limit {
			s.evict(shaped)
		}
		slot = &showSlot{}
		s.all[key] = slot
		if key.params != "" {
			s.shaped++
		}
	}
	s.clock++
	slot.used = s.clock
	s.mu.Unlock()
	slot.once.Do(func() { slot.show = newShow(set, r, key.params) })
	return slot.show
}

// evict drops the least recently used quarter of all, or of those with parameters, so that the scan is rare.
func (s *shows) evict(shaped bool) {
	oldest := s.clock
	for k, slot := range s.all {
		if !shaped || k.params != "" {
			oldest = min(oldest, slot.used)
		}
	}
	cut := oldest + (s.clock-oldest)/4
	for k, slot := range s.all {
		if slot.used > cut || shaped && k.params == "" {
			continue
		}
		delete(s.all, k)
		if k.params != "" {
			s.shaped--
		}
	}
}

// paramsKey is what of the path's parameters changes the set; the container and the choice of tracks do not.
func paramsKey(r *uri.Request) string {
	plain := func(p uri.Params) uri.Params {
		p.Container, p.Tracks = uri.Auto, uri.Pick{}
		if progressive(r.Kind) {
			p.ClipFrom, p.ClipTo = 0, 0 // the virtual file clips for itself, to the millisecond
		}
		return p
	}
	p := plain(r.Params)
	if r.PerFile == nil {
		if p == (uri.Params{}) {
			return ""
		}
		return fmt.Sprint(p)
	}
	key := ""
	for _, f := range r.PerFile {
		key += fmt.Sprint(plain(f), ";")
	}
	return key
}

func progressive(k uri.Kind) bool {
	return k == uri.ProgressiveMP4 || k == uri.ProgressiveM4A || k == uri.ProgressiveAAC
}

func newShow(set *packager.Set, r *uri.Request, params string) *show {
	s := &show{origin: set, set: set, layouts: make(map[string]*ts.Layout), tricks: make(map[packager.Ref]trick)}
	if params != "" {
		s.set = reshape(set, r)
	}
	s.table = packager.NewTable(s.set)
	s.tag = identity(set, params)
	return s
}

// identity hashes what the bytes depend on: the set's version, its files and how it is looked at.
func identity(set *packager.Set, params string) string {
	h := sha256.New()
	fmt.Fprintf(h, "%s\x00%s\x00%s\x00%s\x00%v %d/%d", release, set.ID, set.Version, params, set.Complete, set.SegmentTicks, set.SegmentScale)
	for i := range set.Files {
		for _, t := range set.Files[i].Tracks {
			fmt.Fprintf(h, "\x00%d %d", t.Len(), t.MediaBytes())
			for _, f := range t.Files {
				fmt.Fprintf(h, "\x00%s", f.ETag())
			}
		}
	}
	return base64.RawURLEncoding.EncodeToString(h.Sum(nil)[:12])
}

// layout is the shape of the TS segments that mux refs.
func (s *show) layout(refs []packager.Ref) (*ts.Layout, error) {
	key := uri.Name("", 0, refs, false, "", "")
	s.mu.Lock()
	defer s.mu.Unlock()
	if l := s.layouts[key]; l != nil {
		return l, nil
	}
	tracks, segs := s.tracks(refs)
	l, err := ts.NewLayout(tracks, segs, ts.Options{})
	if err == nil {
		s.layouts[key] = l
	}
	return l, err
}

func (s *show) tracks(refs []packager.Ref) (tracks []*packager.Track, segs [][]packager.Segment) {
	for _, r := range refs {
		tracks = append(tracks, s.set.Track(r))
		segs = append(segs, s.table.Segments(r))
	}
	return tracks, segs
}

// segment returns segment k (from 0) that muxes refs.
func (s *show) segment(refs []packager.Ref, k int, fmp4 bool) (packager.Body, error) {
	if !fmp4 {
		l, err := s.layout(refs)
		if err != nil {
			return nil, err
		}
		return l.Segment(k)
	}
	tracks, all := s.tracks(refs)
	segs := make([]packager.Segment, len(all))
	for i := range all {
		segs[i] = all[i][k]
	}
	return cmaf.Segment(tracks, segs, uint32(k+1))
}

func (s *show) segmentSize(fmp4 bool) func(refs []packager.Ref, k int) (int64, error) {
	return func(refs []packager.Ref, k int) (int64, error) {
		b, err := s.segment(refs, k, fmp4)
		if err != nil {
			return 0, err
		}
		return b.Size(), nil
	}
}

// trick is a video track's key frames, each shown until the next, and their cut.
type trick struct {
	track *packager.Track
	segs  []packager.Segment
}

func (s *show) trick(ref packager.Ref) trick {
	s.mu.Lock()
	defer s.mu.Unlock()
	if t, ok := s.tricks[ref]; ok {
		return t
	}
	full := s.set.Track(ref)
	b := packager.NewBuilder(full.Media, full.Files...)
	for i := full.NextSync(0); i < full.Len(); {
		sample := full.Sample(i)
		next := full.NextSync(i + 1)
		end := full.Duration() + int64(full.Priming)
		if next < full.Len() {
			end = full.Sample(next).PTS
		}
		sample.DTS, sample.Dur = sample.PTS, uint32(max(1, end-sample.PTS))
		b.Add(sample)
		i = next
	}
	t := trick{track: b.Track()}
	t.segs = t.track.Segments(s.table.Bounds)
	s.tricks[ref] = t
	return t
}

// trickSegment returns the key frames of segment k of ref.
func (s *show) trickSegment(ref packager.Ref, k int) (packager.Body, error) {
	t := s.trick(ref)
	return cmaf.Segment([]*packager.Track{t.track}, t.segs[k:k+1], uint32(k+1))
}

// segmentHeads lists the first key frame of every segment of ref that is made from a plain file: the fragment's header and that
// frame, which are the segment's first bytes.
func (s *show) segmentHeads(ref packager.Ref) ([]hls.IFrame, error) {
	t := s.set.Track(ref)
	var list []hls.IFrame
	for k, seg := range s.table.Segments(ref) {
		if seg.Count == 0 || !t.IsSync(seg.First) {
			continue
		}
		body, err := s.segment([]packager.Ref{ref}, k, true)
		if err != nil {
			return nil, err
		}
		head := body.Size() - seg.Bytes
		list = append(list, hls.IFrame{Segment: k + 1, N: head + int64(t.Sample(seg.First).Size), Start: seg.Start, Dur: seg.Dur})
	}
	return list, nil
}
