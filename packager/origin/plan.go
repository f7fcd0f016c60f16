package origin

import (
	"bytes"
	"compress/gzip"
	"strconv"
	"sync/atomic"
	"time"
	"unsafe"

	"github.com/klauspost/compress/zstd"

	"sluice/packager"
	"sluice/packager/uri"
)

// plan is a response ready to be sent any number of times: text in memory in every encoding, or a body. Its header values are
// made once.
type plan struct {
	ctype  []string
	text   [encodings]coded // text[identity] is set when body is nil
	body   packager.Body
	etag   []string
	cache  []string // Cache-Control
	length []string // of body
	mapped bool     // body is a Gatherer all of whose pieces are in memory or mapped
	marked bool     // the text holds the place of a query token
	pieces int      // of body, for the cost
	binary bool     // text is not text: never compressed

	asked *asked                              // set where a shortcut may answer with the plan
	ready [encodings]atomic.Pointer[prepared] // heads, once a shortcut has asked for them

	keeping keeping
}

// asked is what the path of a plan says, so that a shortcut that finds the plan by its path need not read it again.
type asked struct {
	kind   uri.Kind
	source uri.Source
}

// Encodings of text, best first when both sides may choose.
const (
	identityCoding = iota
	gzipCoding
	zstdCoding
	encodings
)

// coded is one encoding of a text, with its own strong validator.
type coded struct {
	b      []byte
	body   packager.Body // b, as a body
	etag   []string
	length []string
}

var codingNames = [encodings][]string{gzipCoding: {"gzip"}, zstdCoding: {"zstd"}}

var etagSuffix = [encodings]string{gzipCoding: "-gz", zstdCoding: "-zs"}

// minCompressed is the size below which compression does not pay.
const minCompressed = 256

// textPlan makes a plan of text; marked text is compressed when it is sent, because every token changes it.
func textPlan(ctype, tag string, b []byte, marked bool) *plan {
	p := &plan{ctype: []string{ctype}, marked: marked}
	p.set(identityCoding, tag, b)
	if marked || len(b) < minCompressed {
		return p
	}
	p.set(gzipCoding, tag, gzipped(b))
	p.set(zstdCoding, tag, encoder.EncodeAll(b, nil))
	return p
}

// binaryPlan makes a plan of bytes that are compressed already.
func binaryPlan(ctype, tag string, b []byte) *plan {
	p := &plan{ctype: []string{ctype}, binary: true}
	p.set(identityCoding, tag, b)
	return p
}

func (p *plan) set(coding int, tag string, b []byte) {
	p.text[coding] = newCoded(b, `"`+tag+etagSuffix[coding]+`"`)
}

func newCoded(b []byte, etag string) coded {
	return coded{b, packager.Gather([]packager.Piece{packager.MemPiece(b)}), []string{etag}, []string{strconv.Itoa(len(b))}}
}

// made reports whether the body is made of samples for every response, as TS is.
func (p *plan) made() bool { return p.body != nil && !p.mapped && p.pieces == 0 }

// bodyPlan makes a plan of a body.
func bodyPlan(ctype, tag string, b packager.Body) *plan {
	p := &plan{ctype: []string{ctype}, body: b, etag: []string{`"` + tag + `"`}, length: []string{strconv.FormatInt(b.Size(), 10)}}
	g, ok := b.(packager.Gatherer)
	if !ok {
		if x, ok := b.(interface {
			Extents(dst []packager.Piece) []packager.Piece
		}); ok {
			willNeed(x.Extents(nil))
		}
		return p
	}
	pieces := g.Pieces(nil, 0, b.Size())
	p.pieces, p.mapped = len(pieces), true
	for _, x := range pieces {
		if x.File != nil && x.Off+x.N > int64(len(x.File.Bytes())) {
			p.mapped = false
		}
	}
	willNeed(pieces)
	return p
}

// willNeed tells the kernel of mapped extents, and a remote store of its own, that may be cold: a plan is made when its body is
// about to be sent for the first time in a while.
func willNeed(pieces []packager.Piece) {
	const enough = 8 << 20 // a player reads on from there, and so does the kernel
	for i := 0; i < len(pieces); {
		x := pieces[i]
		if i++; x.File == nil {
			continue
		}
		end := x.Off + x.N
		for i < len(pieces) && pieces[i].File == x.File && pieces[i].Off >= x.Off && pieces[i].Off-x.Off < enough {
			end = max(end, pieces[i].Off+pieces[i].N)
			i++
		}
		if f, ok := x.File.(interface{ WillNeed(off, n int64) }); ok {
			f.WillNeed(x.Off, min(end-x.Off, enough))
		}
		if end-x.Off >= enough {
			return
		}
	}
}

// encoder is shared: EncodeAll is safe for concurrent use.
var encoder, _ = zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedDefault), zstd.WithEncoderConcurrency(1))

func gzipped(b []byte) []byte {
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	_, _ = w.Write(b) // a bytes.Buffer takes everything
	_ = w.Close()
	return out.Bytes()
}

// cost is what the plan holds in memory, roughly.
func (p *plan) cost() int64 {
	const fixed, perPiece, perHead = 768, 96, 768
	n := int64(fixed + perPiece*p.pieces)
	if p.asked != nil {
		n += int64(unsafe.Sizeof(*p.asked)) + perHead
	}
	for i := range p.text {
		n += int64(len(p.text[i].b))
	}
	if p.pieces > 0 {
		for _, x := range p.body.(packager.Gatherer).Pieces(nil, 0, p.body.Size()) {
			n += int64(len(x.Mem))
		}
	}
	return n
}

// lifetime is a Cache-Control value: immutable for a URL that carries the content's version.
func lifetime(ttl time.Duration, immutable bool) []string {
	if immutable {
		return []string{"public, max-age=31536000, immutable"}
	}
	return []string{"public, max-age=" + strconv.FormatInt(int64(ttl/time.Second), 10)}
}
