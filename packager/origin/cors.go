package origin

import "net/http"

// Header values are shared between responses, so that setting them allocates nothing.
var (
	anyOrigin      = []string{"*"}
	exposed        = []string{"Content-Length, Content-Range, ETag, Date, Server-Timing"}
	acceptRanges   = []string{"bytes"}
	varyEncoding   = []string{"Accept-Encoding"}
	varyOrigin     = "Origin"
	noStore        = []string{"no-store"}
	textPlain      = []string{"text/plain; charset=utf-8"}
	nosniff        = []string{"nosniff"}
	allowMethods   = []string{"GET, HEAD, OPTIONS"}
	fromCache      = []string{"cache;desc=hit"}
	madeNow        = []string{"cache;desc=miss"}
	preflightHours = []string{"86400"}
)

// cors sets the headers that let pages read the response and its timing.
func (o *Origin) cors(h http.Header, r *http.Request) {
	h["Access-Control-Expose-Headers"] = exposed
	if len(o.cfg.CORSOrigins) == 0 {
		h["Access-Control-Allow-Origin"] = anyOrigin
		h["Timing-Allow-Origin"] = anyOrigin
		return
	}
	h.Add("Vary", varyOrigin)
	from := r.Header.Get("Origin")
	for _, allowed := range o.cfg.CORSOrigins {
		if from != "" && from == allowed {
			h.Set("Access-Control-Allow-Origin", from)
			h.Set("Timing-Allow-Origin", from)
			return
		}
	}
}

// preflight answers OPTIONS.
func (o *Origin) preflight(h http.Header, r *http.Request) {
	h["Allow"] = allowMethods
	h["Access-Control-Allow-Methods"] = allowMethods
	h["Access-Control-Max-Age"] = preflightHours
	if want := r.Header.Get("Access-Control-Request-Headers"); want != "" && len(want) <= 1024 {
		h.Set("Access-Control-Allow-Headers", want)
		h.Add("Vary", "Access-Control-Request-Headers")
	}
}
