package complete

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

func TestALostNotificationIsTold(t *testing.T) {
	w, err := NewWatcher(2)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	dir := t.TempDir()
	if err := w.Add("", dir); err != nil {
		t.Fatal(err)
	}
	// Nobody listens: the queue of two fills, the rest is lost.
	for i := range 10 {
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprint(i)), nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	// Nothing happens any more, and still word comes of what is missing.
	for e := range w.Events {
		if e.Lost {
			return
		}
	}
}
