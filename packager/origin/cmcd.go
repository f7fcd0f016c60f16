package origin

import (
	"net/http"
	"net/url"
	"strings"
)

// cmcdHeaders carry CTA-5004 data when the query does not.
var cmcdHeaders = [...]string{"Cmcd-Object", "Cmcd-Request", "Cmcd-Session", "Cmcd-Status"}

const maxCMCD = 2048

// cmcd returns the request's CMCD data, "" when there is none. Caches never see it: their keys are paths.
func cmcd(r *http.Request) string {
	if i := strings.Index(r.URL.RawQuery, "CMCD="); i == 0 || i > 0 && r.URL.RawQuery[i-1] == '&' {
		v, _, _ := strings.Cut(r.URL.RawQuery[i+len("CMCD="):], "&")
		if len(v) > maxCMCD {
			return ""
		}
		if s, err := url.QueryUnescape(v); err == nil {
			return s
		}
		return ""
	}
	out := ""
	for _, name := range cmcdHeaders {
		v := r.Header[name]
		if len(v) == 0 || len(v[0]) > maxCMCD {
			continue
		}
		if out != "" {
			out += ","
		}
		out += v[0]
	}
	return out
}

// starved reports whether the data says that the player's buffer ran dry (key bs).
func starved(data string) bool {
	for item := range strings.SplitSeq(data, ",") {
		if k, v, has := strings.Cut(strings.TrimSpace(item), "="); k == "bs" && (!has || v == "true") {
			return true
		}
	}
	return false
}
