package dropfolder

import (
	"fmt"
	"testing"

	"sluice/catalog"
)

// contract is the table of changes of state that the API's contract has, and those of sluice's own, written out once more.
var contract = map[Event][]string{
	Seen:         {"0>1", "14>1", "15>1", "13>1", "1>1"},
	Detected:     {"0>15", "14>15"},
	Named:        {"0>14"},
	Changed:      {"1>1", "2>1", "13>1", "11>1"},
	Replaced:     {"2>7", "3>7", "4>7", "5>7", "6>7", "8>7", "9>7", "10>7", "11>7", "12>7"},
	Gone:         {"1>7", "2>7", "3>7", "4>7", "5>7", "6>7", "8>7", "9>7", "10>7", "11>7", "12>7", "13>7", "14>7", "15>7"},
	Completed:    {"1>2"},
	Refused:      {"0>9", "1>9", "2>9", "3>9", "8>9", "13>9"},
	Unwanted:     {"0>5", "1>5", "2>5"},
	Incomplete:   {"2>3", "3>3"},
	Taken:        {"2>13", "3>13", "8>13"},
	NoMatch:      {"2>8", "3>8", "13>8"},
	Failed:       {"13>9", "11>12"},
	Linked:       {"13>4", "13>13", "11>4", "11>13"},
	Moved:        {"13>7"},
	Skipped:      {"2>4", "3>4", "8>4", "13>4"},
	Downloading:  {"13>11"},
	Interrupted:  {"13>2", "11>2"},
	EntryReady:   {"13>4", "13>6"},
	EntryFailed:  {"13>9"},
	Purged:       {"4>7", "6>7", "10>7"},
	PurgeFailed:  {"4>10", "6>10", "10>10"},
	OperatorDel:  {"1>6", "2>6", "3>6", "4>6", "5>6", "8>6", "9>6", "10>6", "11>6", "12>6", "13>6", "14>6", "15>6"},
	OperatorSkip: {"1>5", "2>5", "3>5", "4>5", "8>5", "9>5", "10>5", "12>5", "14>5", "15>5"},
	Retried:      {"5>2", "3>2", "8>2", "9>2", "12>2", "10>6"},
	GaveUp:       {"3>9", "8>9", "15>9", "1>9", "14>9"},
	JobDone:      {"13>4"},
	Orphaned:     {"14>7"},
	Aborted:      {"15>14", "1>14"},
}

// TestOnlyTheContractsChangesAreAllowed tries every event from every state to every state.
func TestOnlyTheContractsChangesAreAllowed(t *testing.T) {
	for _, r := range rules {
		if contract[r.event] == nil {
			t.Errorf("event %q is not in the contract", r.event)
		}
	}
	for event, changes := range contract {
		want := map[string]bool{}
		for _, c := range changes {
			want[c] = true
		}
		for from := none; from <= detected; from++ {
			for to := none; to <= detected; to++ {
				c := fmt.Sprintf("%d>%d", from, to)
				if got := allowed(event, from, to); got != want[c] {
					t.Errorf("%q %s: allowed %v", event, c, got)
				}
			}
		}
	}
	for _, event := range []Event{"", "unknown"} {
		if applies(event, uploading) {
			t.Errorf("event %q applies", event)
		}
	}
	// A row of history never changes.
	for event := range contract {
		if applies(event, purged) {
			t.Errorf("%q applies to purged files", event)
		}
	}
}

func TestAnUnlistedChangeIsNotMade(t *testing.T) {
	h := newHouse(t)
	err := h.db.InTx(t.Context(), func(tx *catalog.Tx) error {
		_, err := move(t.Context(), tx, catalog.Fence{}, catalog.DropFolderFile{ID: 1, Status: handled}, Completed, pending, nil)
		return err
	})
	if err == nil {
		t.Error("a handled file was completed")
	}
}
