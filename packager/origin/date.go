package origin

import (
	"net/http"
	"sync/atomic"
	"time"
)

// dates keeps the Date line of the current second with the empty line that ends a head.
type dates struct{ now atomic.Pointer[dateLine] }

type dateLine struct {
	second int64
	text   []byte
}

func (d *dates) line(now time.Time) []byte {
	second := now.Unix()
	if l := d.now.Load(); l != nil && l.second == second {
		return l.text
	}
	text := now.UTC().AppendFormat([]byte("Date: "), http.TimeFormat)
	l := &dateLine{second, append(text, "\r\n\r\n"...)}
	d.now.Store(l)
	return l.text
}
