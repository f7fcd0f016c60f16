package rpc

import (
	"github.com/prometheus/client_golang/prometheus"
)

type metrics struct {
	calls   *prometheus.CounterVec
	seconds *prometheus.HistogramVec
	refused *prometheus.CounterVec
}

func newMetrics(r prometheus.Registerer) *metrics {
	m := &metrics{
		calls: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "sluice_api_calls_total",
			Help: "Calls of the API by service, action and outcome: ok, client (an exception) or server (an internal error).",
		}, []string{"service", "action", "outcome"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "sluice_api_call_duration_seconds", Help: "Duration of calls of the API.",
			Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30},
		}, []string{"service", "action"}),
		refused: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "sluice_api_refused_requests_total", Help: "Requests of the API that were no calls, by HTTP status.",
		}, []string{"status"}),
	}
	if r != nil {
		r.MustRegister(m.calls, m.seconds, m.refused)
	}
	return m
}
