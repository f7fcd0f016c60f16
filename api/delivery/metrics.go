package delivery

import (
	"io"
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

var (
	requests = promauto.NewCounterVec(prometheus.CounterOpts{
		Name: "sluice_delivery_requests_total", Help: "Requests for delivery URLs, by kind and outcome.",
	}, []string{"kind", "outcome"})
	seconds = promauto.NewHistogramVec(prometheus.HistogramOpts{
		Name: "sluice_delivery_request_seconds", Help: "Time to answer requests for delivery URLs.", Buckets: prometheus.ExponentialBuckets(0.0005, 4, 8),
	}, []string{"kind"})
)

// recorder remembers the status of a response, and hides nothing of the writer that the origin's fast ways need.
type recorder struct {
	http.ResponseWriter
	status int
}

// WriteHeader implements http.ResponseWriter.
func (r *recorder) WriteHeader(status int) {
	if r.status == 0 {
		r.status = status
	}
	r.ResponseWriter.WriteHeader(status)
}

// ReadFrom implements io.ReaderFrom by the writer's own way, which knows the origin's bodies.
func (r *recorder) ReadFrom(src io.Reader) (int64, error) {
	if rf, ok := r.ResponseWriter.(io.ReaderFrom); ok {
		return rf.ReadFrom(src)
	}
	return io.Copy(struct{ io.Writer }{r.ResponseWriter}, src)
}

// Unwrap lets http.ResponseController reach the writer.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }

// Flush implements http.Flusher.
func (r *recorder) Flush() { _ = http.NewResponseController(r.ResponseWriter).Flush() }

func (r *recorder) outcome() string {
	switch {
	case r.status >= 500:
		return "failed"
	case r.status >= 400:
		return "refused"
	case r.status >= 300:
		return "redirected"
	}
	return "served"
}
