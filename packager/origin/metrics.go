package origin

import (
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"sluice/packager/uri"
)

const lastKind = uri.ProgressiveAAC

// metrics counts; its hot counters are looked up once.
type metrics struct {
	requests *prometheus.CounterVec
	bytes    [lastKind + 1]prometheus.Counter
	seconds  [lastKind + 1]prometheus.Observer
	ok       [lastKind + 1]prometheus.Counter // status 200
	partial  [lastKind + 1]prometheus.Counter // 206
	same     [lastKind + 1]prometheus.Counter // 304
	hits     prometheus.Counter
	misses   prometheus.Counter
	cached   prometheus.Gauge
	faults   prometheus.Counter
	refused  prometheus.Counter
	cmcd     prometheus.Counter
	starved  prometheus.Counter
	kept     prometheus.Gauge
	unkept   prometheus.Counter
}

func newMetrics(reg prometheus.Registerer) (*metrics, error) {
	requests := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "sluice_origin_requests_total", Help: "Requests finished, by kind of object and HTTP status."}, []string{"kind", "status"})
	bytes := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "sluice_origin_sent_bytes_total", Help: "Bytes of response bodies sent, by kind of object."}, []string{"kind"})
	seconds := prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "sluice_origin_request_seconds", Help: "Time from a request to the end of its response, by kind of object.",
		Buckets: prometheus.ExponentialBuckets(0.0001, 4, 9)}, []string{"kind"})
	cache := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "sluice_origin_cache_lookups_total", Help: "Look-ups in the response cache, by result."}, []string{"result"})
	m := &metrics{
		requests: requests, hits: cache.WithLabelValues("hit"), misses: cache.WithLabelValues("miss"),
		cached:  prometheus.NewGauge(prometheus.GaugeOpts{Name: "sluice_origin_cache_bytes", Help: "Bytes held by the response cache."}),
		faults:  counter("sluice_origin_media_faults_total", "Responses cut or refused because mapped media could not be read."),
		refused: counter("sluice_origin_tokens_refused_total", "Requests whose token was missing or not accepted."),
		cmcd:    counter("sluice_origin_cmcd_requests_total", "Requests that carried CMCD data."),
		kept:    prometheus.NewGauge(prometheus.GaugeOpts{Name: "sluice_origin_kept_bytes", Help: "Bytes of kept segments that are otherwise made for every response."}),
		unkept:  counter("sluice_origin_keep_failures_total", "Segments that could not be written to be kept."),
		starved: counter("sluice_origin_cmcd_starved_total", "Requests whose CMCD data reported an empty player buffer."),
	}
	for k := range m.bytes {
		kind := uri.Kind(k).String()
		m.bytes[k], m.seconds[k] = bytes.WithLabelValues(kind), seconds.WithLabelValues(kind)
		m.ok[k], m.partial[k] = requests.WithLabelValues(kind, "200"), requests.WithLabelValues(kind, "206")
		m.same[k] = requests.WithLabelValues(kind, "304")
	}
	if reg == nil {
		return m, nil
	}
	for _, c := range []prometheus.Collector{requests, bytes, seconds, cache, m.cached, m.faults, m.refused, m.cmcd, m.starved, m.kept, m.unkept} {
		if err := reg.Register(c); err != nil {
			return nil, err
		}
	}
	return m, nil
}

func counter(name, help string) prometheus.Counter {
	return prometheus.NewCounter(prometheus.CounterOpts{Name: name, Help: help})
}

func (m *metrics) finished(kind uri.Kind, status int, sent int64, took time.Duration) {
	switch status {
	case 200:
		m.ok[kind].Inc()
	case 206:
		m.partial[kind].Inc()
	case 304:
		m.same[kind].Inc()
	default:
		m.requests.WithLabelValues(kind.String(), strconv.Itoa(status)).Inc()
	}
	m.bytes[kind].Add(float64(sent))
	m.seconds[kind].Observe(took.Seconds())
}
