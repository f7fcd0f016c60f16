package growing

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

var works = promauto.NewCounterVec(prometheus.CounterOpts{
	Name: "sluice_ingest_growing_works_total",
	Help: "Uploads that were worked on before they were complete, by what became of the work: begun, adopted (nothing was made twice), dropped.",
}, []string{"outcome"})
