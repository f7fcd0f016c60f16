package bench

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"time"
)

// Record is a result and how it came about.
type Record struct {
	Result
	// Of is the benchmark that it is of.
	Of string `json:"of"`
	// When is the day, in UTC, such as 2006-01-02.
	When string `json:"when"`
	// Quick says that it was a quick look.
	Quick bool `json:"quick,omitempty"`
	// Machine says where.
	Machine string `json:"machine"`
}

// RecordOf is a result of a benchmark that ran now, on this machine.
func RecordOf(of string, r Result, quick bool) Record {
	return Record{Result: r, Of: of, When: time.Now().UTC().Format(time.DateOnly), Quick: quick, Machine: ThisMachine().String()}
}

// ReadRecords reads what WriteRecords wrote; without a file there are none.
func ReadRecords(path string) ([]Record, error) {
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var out []Record
	if err := json.Unmarshal(b, &out); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return out, nil
}

// WriteRecords writes records as a JSON array, one a line.
func WriteRecords(path string, list []Record) error {
	b := []byte("[\n")
	for i, r := range list {
		line, err := json.Marshal(r)
		if err != nil {
			return err
		}
		if b = append(b, line...); i < len(list)-1 {
			b = append(b, ',')
		}
		b = append(b, '\n')
	}
	fresh := path + ".new"
	if err := os.WriteFile(fresh, append(b, "]\n"...), 0o644); err != nil {
		return err
	}
	return os.Rename(fresh, path)
}

// Merge puts records of one benchmark in the place of those that it had. A quick look leaves the lines that it has nothing of; with a
// whole run they are gone. Benchmarks come in the order of All.
func Merge(list, news []Record) []Record {
	list = slices.Clone(list)
	for _, r := range news {
		at := slices.IndexFunc(list, func(o Record) bool { return o.Bench == r.Bench && o.Peer == r.Peer })
		if at < 0 {
			list = append(list, r)
			continue
		}
		list[at] = r
	}
	list = slices.DeleteFunc(list, func(o Record) bool {
		return slices.ContainsFunc(news, func(r Record) bool { return r.Of == o.Of && !r.Quick }) && !slices.Contains(news, o)
	})
	place := func(r Record) int { return slices.IndexFunc(All, func(b Bench) bool { return b.Name == r.Of }) }
	slices.SortStableFunc(list, func(a, b Record) int { return place(a) - place(b) })
	return list
}
