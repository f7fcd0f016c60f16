package quota

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestLinksAreSplitByWeightAndDemand(t *testing.T) {
	for _, tc := range []struct {
		name  string
		total int64
		wants []want
		parts []int64
	}{
		{"alone", 1000, []want{{Fair, unlimited}}, []int64{1000}},
		{"equals", 1200, []want{{Fair, unlimited}, {Fair, unlimited}, {Fair, unlimited}, {Fair, unlimited}}, []int64{300, 300, 300, 300}},
		{"high has two parts", 900, []want{{Fair, unlimited}, {High, unlimited}}, []int64{300, 600}},
		{"low has a quarter", 500, []want{{Fair, unlimited}, {Low, unlimited}}, []int64{400, 100}},
		{"what one cannot use is the others'", 1200, []want{{Fair, 100}, {Fair, unlimited}, {Fair, unlimited}}, []int64{100, 550, 550}},
		{"nobody uses it all", 1000, []want{{Fair, 100}, {Fair, 100}}, []int64{500, 500}},
		{"none", 1000, nil, []int64{}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if diff := cmp.Diff(tc.parts, split(tc.total, tc.wants)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestPartsSumToTheLinkAndNobodyStarves(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		total := rapid.Int64Range(1, 1<<40).Draw(t, "total")
		wants := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) want {
			return want{rapid.SampledFrom([]int64{Low, Fair, High}).Draw(t, "weight"), rapid.Int64Range(0, 1<<41).Draw(t, "demand")}
		}), 1, 50).Draw(t, "wants")
		parts := split(total, wants)
		var sum, weights int64
		for i, p := range parts {
			sum += p
			weights += wants[i].Weight
		}
		if sum > total || total-sum > 2*int64(len(wants))*High {
			t.Fatalf("parts sum to %d of %d", sum, total)
		}
		for i, p := range parts {
			if fair := portion(total, wants[i].Weight, weights); p < min(wants[i].Demand, fair) {
				t.Fatalf("part %d is %d: it wants %d, and %d are fair", i, p, wants[i].Demand, fair)
			}
		}
	})
}
