package catalog_test

import (
	"testing"

	"sluice/catalog"
)

// TestAnEntrysPriorityIsThatOfAllItsWork: also of the tasks that are added later, and whatever their order within the entry.
func TestAnEntrysPriorityIsThatOfAllItsWork(t *testing.T) {
	everyDatabase(t, func(t *testing.T, db *catalog.DB) {
		ctx := t.Context()
		if _, _, err := db.EnsureAccount(ctx, 101, "test"); err != nil {
			t.Fatal(err)
		}
		var arrivals []catalog.Arrival
		for name, priority := range map[string]int{"archive": 2, "ordinary": 0, "news": -1} {
			e := catalog.BlankEntry(101)
			e.ID, e.Name, e.DedupKey, e.Details.Priority = catalog.NewEntryID(), name, name, priority
			arrivals = append(arrivals, catalog.Arrival{Entry: e, Tasks: []catalog.NewTask{{Stage: catalog.StageImport, Name: "import"}}})
		}
		var made []catalog.Entry
		err := db.InTx(ctx, func(tx *catalog.Tx) (err error) {
			made, _, err = tx.AddArrivals(ctx, 101, arrivals)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		got := map[string][]int{}
		for _, e := range made {
			if _, err := db.AddTasks(ctx, e.ID, []catalog.NewTask{{Stage: catalog.StageTranscode, Name: "late", Priority: 1}}); err != nil {
				t.Fatal(err)
			}
			tasks, err := db.Tasks(ctx, e.ID)
			if err != nil {
				t.Fatal(err)
			}
			for _, task := range tasks {
				got[e.Name] = append(got[e.Name], task.Priority)
			}
		}
		if got["ordinary"][0] != 0 || got["ordinary"][1] != 1 {
			t.Errorf("ordinary tasks have the priorities %v", got["ordinary"])
		}
		if max(got["news"][0], got["news"][1]) >= 0 || min(got["archive"][0], got["archive"][1]) <= 1 {
			t.Errorf("priorities %v", got)
		}
	})
}
