package bench

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func record(of, bench string, ours float64, quick bool) Record {
	return Record{Result: Result{Bench: bench, Peer: "peer", Ours: ours}, Of: of, When: "2026-01-02", Quick: quick, Machine: "one"}
}

func TestRecordsAreReplacedByNewer(t *testing.T) {
	list := []Record{record("ladder", "ladder", 1, false), record("remux", "remux-30s", 2, false), record("remux", "remux-240s", 3, false), record("tasks", "tasks", 4, true)}
	for _, c := range []struct {
		name string
		news []Record
		want string
	}{
		{"quickly", []Record{record("remux", "remux-30s", 5, true)}, "ladder 1 remux-30s 5 remux-240s 3 tasks 4"},
		{"whole", []Record{record("remux", "remux-30s", 5, false)}, "ladder 1 remux-30s 5 tasks 4"},
		{"a benchmark that was not there", []Record{record("probe", "probe", 6, true)}, "ladder 1 probe 6 remux-30s 2 remux-240s 3 tasks 4"},
		{"nothing", nil, "ladder 1 remux-30s 2 remux-240s 3 tasks 4"},
	} {
		var got []string
		for _, r := range Merge(list, c.news) {
			got = append(got, r.Bench, string('0'+rune(r.Ours)))
		}
		if s := strings.Join(got, " "); s != c.want {
			t.Errorf("%s: %s, want %s", c.name, s, c.want)
		}
	}
}

func TestRecordsOutliveTheRun(t *testing.T) {
	path := filepath.Join(t.TempDir(), "records.json")
	if list, err := ReadRecords(path); err != nil || list != nil {
		t.Fatalf("without a file: %v, %v", list, err)
	}
	list := []Record{record("ladder", "ladder", 1, false), record("gateway", "sftp-upload", 2, true)}
	list[1].Gate = "≥ 250 MB/s"
	if err := WriteRecords(path, list); err != nil {
		t.Fatal(err)
	}
	if got, err := ReadRecords(path); err != nil || !slices.Equal(got, list) {
		t.Errorf("%v, %v", got, err)
	}
}

func TestThePageTellsWhenAndWhere(t *testing.T) {
	list := []Record{record("ladder", "ladder", 1, false), record("gateway", "sftp-upload", 2, true)}
	list[1].Machine = "another"
	var page strings.Builder
	if err := Markdown(&page, list, map[string]string{"remux": "no peer"}, "plot.svg"); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"| ≥ 1.08 | 2026-01-02 |", "| – | 2026-01-02, quick |", "- 2026-01-02: another\n- 2026-01-02: one\n", "(not measured: no peer)", "against a spawn of ffprobe (not measured)."} {
		if !strings.Contains(page.String(), want) {
			t.Errorf("the page has no %q:\n%s", want, page.String())
		}
	}
}
