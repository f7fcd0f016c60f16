package complete

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

var overflows = promauto.NewCounter(prometheus.CounterOpts{
	Name: "sluice_ingest_watch_overflows_total",
	Help: "Times that notifications about watched directories were dropped, by the kernel or by us; a sweep replaced them.",
})
