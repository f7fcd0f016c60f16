package bench

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"sluice/ingest/manifest"
)

// manifestItems is the size of the document that is read.
const manifestItems = 50_000

// runManifest reads and checks an XML document of many items, one after the other, and compares time and memory with xmllint
// checking the same document against the schema that sluice publishes.
func runManifest(ctx context.Context, e *Env, emit func(Result)) error {
	xmllint, err := tool("xmllint")
	if err != nil {
		return err
	}
	dir := filepath.Join(e.Dir, "manifest")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	doc, schema := filepath.Join(dir, "doc.xml"), filepath.Join(dir, "schema.xsd")
	items := manifestItems
	if e.Quick {
		items /= 10
	}
	if err := errors.Join(writeManifest(doc, items), os.WriteFile(schema, manifest.XSD(), 0o600)); err != nil {
		return err
	}
	var oursMem, theirsMem []float64
	res, err := e.compare(ctx, pair{"manifest", "xmllint", "s", true,
		func(context.Context) (float64, error) {
			took, peak, err := readManifest(doc, items)
			oursMem = append(oursMem, float64(peak)/(1<<20))
			return took.Seconds(), err
		},
		func(ctx context.Context) (float64, error) {
			u, err := timed(ctx, nil, xmllint, "--noout", "--nonet", "--schema", schema, doc)
			theirsMem = append(theirsMem, float64(u.private)/(1<<20))
			return u.wall.Seconds(), err
		},
	}, e.rounds(5, 2))
	if err != nil {
		return err
	}
	emit(res)
	emit(beside(res, "-memory", "MiB", oursMem, theirsMem))
	return nil
}

func writeManifest(path string, items int) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	w := bufio.NewWriter(f)
	fmt.Fprint(w, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<mrss version=\"1.0\"><channel>\n")
	for i := range items {
		fmt.Fprintf(w, "<item><action>add</action><type>1</type><referenceId>ref-%d</referenceId><name>Item %d</name><description>The description of item %d, of some length.</description>"+
			"<tags><tag>one</tag><tag>two</tag></tags><categories><category>Shows&gt;News&gt;%d</category></categories><media><mediaType>1</mediaType></media>"+
			"<contentAssets><content><dropFolderFileContentResource filePath=\"night/%d.mxf\"><fileSize>%d</fileSize></dropFolderFileContentResource></content></contentAssets></item>\n",
			i, i, i, i%100, i, i*1000)
	}
	fmt.Fprint(w, "</channel></mrss>\n")
	return errors.Join(w.Flush(), f.Close())
}

// readManifest reads a document to its end, and returns how long that took and the most heap that was in use.
func readManifest(path string, items int) (took time.Duration, peak uint64, err error) {
	f, err := os.Open(path)
	if err != nil {
		return 0, 0, err
	}
	defer f.Close()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	before := m.HeapInuse
	start := time.Now()
	doc, err := manifest.NewReader(f, manifest.XML)
	if err != nil {
		return 0, 0, err
	}
	for n := 0; ; n++ {
		it, err := doc.Next()
		if errors.Is(err, io.EOF) {
			if n != items {
				return 0, 0, fmt.Errorf("%d items, not %d", n, items)
			}
			return time.Since(start), peak, nil
		}
		if err != nil {
			return 0, 0, err
		}
		if len(it.Problems) > 0 {
			return 0, 0, it.Problems[0]
		}
		if n%1000 == 0 {
			if runtime.ReadMemStats(&m); m.HeapInuse > before {
				peak = max(peak, m.HeapInuse-before)
			}
		}
	}
}
