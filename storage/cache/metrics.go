package cache

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

var (
	blocksRead = promauto.NewCounterVec(prometheus.CounterOpts{
		Name: "sluice_storage_cache_blocks_total",
		Help: "Blocks that readers asked the block cache for, by outcome: hit, joined (another reader's fetch), miss.",
	}, []string{"outcome"})
	fetchedBytes = promauto.NewCounter(prometheus.CounterOpts{
		Name: "sluice_storage_cache_fetched_bytes_total",
		Help: "Bytes that the block cache fetched from remote storage.",
	})
	cachedBytes = promauto.NewGauge(prometheus.GaugeOpts{
		Name: "sluice_storage_cache_bytes",
		Help: "Bytes of blocks on the local disk.",
	})
	evictions = promauto.NewCounter(prometheus.CounterOpts{
		Name: "sluice_storage_cache_evictions_total",
		Help: "Blocks thrown out to make room.",
	})
	corruptions = promauto.NewCounter(prometheus.CounterOpts{
		Name: "sluice_storage_cache_corruptions_total",
		Help: "Blocks on disk that did not match their checksum or size and were fetched anew.",
	})
	writeErrors = promauto.NewCounter(prometheus.CounterOpts{
		Name: "sluice_storage_cache_write_errors_total",
		Help: "Blocks that could not be stored on disk; their readers were served all the same.",
	})
)
