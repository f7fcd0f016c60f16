package dropfolder

import (
	"fmt"
	"os"
	"testing"
	"time"

	"sluice/catalog"
)

// BenchmarkEntries takes a folder of small files in, and reports files a second.
func BenchmarkEntries(b *testing.B) {
	for _, policy := range []catalog.FileDeletePolicy{catalog.DeleteAfterImport, catalog.DeleteManually} {
		b.Run(fmt.Sprint("policy ", policy), func(b *testing.B) {
			const n = 2000
			for range b.N {
				b.StopTimer()
				h := newHouse(b, func(f *catalog.DropFolder) { f.DeletePolicy = policy })
				for i := range n {
					h.write(fmt.Sprintf("%d/%04d.mp4", i/500, i), "content")
				}
				b.StartTimer()
				began := time.Now()
				h.start()
				h.until("all entries", func() bool {
					counts, err := h.db.CountDropFolderFiles(b.Context(), h.folder.ID)
					left := 0
					for s, k := range counts[h.folder.ID] {
						if s != handled {
							left += k
						}
					}
					dir, _ := os.ReadDir(h.cfg.Incoming)
					return err == nil && left == 0 && len(dir) >= n
				})
				b.ReportMetric(n/time.Since(began).Seconds(), "files/s")
				h.stop()
			}
		})
	}
}
