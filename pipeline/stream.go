package pipeline

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"sluice/catalog"
)

// What lives in Redis: a stream per stage with one group, a mark that says that Redis still has what was put there, and a
// channel on which "there is work" is told.
const (
	group       = "workers"
	epochKey    = "sluice:epoch"
	wakeChannel = "sluice:wake"
	taskField   = "task"
	// feederName is the consumer that holds what the feeder took over from silent ones.
	feederName = "feeder"
)

func streamKey(stage catalog.Stage) string { return "sluice:tasks:" + string(stage) }

// announcement is a message that tells of a task.
type announcement struct {
	message string
	task    catalog.TaskID
}

// readAnnouncement reads a message; one that is not ours has task 0, which no row has.
func readAnnouncement(m redis.XMessage) announcement {
	text, _ := m.Values[taskField].(string)
	id, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		id = 0
	}
	return announcement{message: m.ID, task: catalog.TaskID(id)}
}

// announce adds messages for tasks to a pipeline.
func announce(ctx context.Context, p redis.Pipeliner, stage catalog.Stage, ids []catalog.TaskID) {
	for _, id := range ids {
		p.XAdd(ctx, &redis.XAddArgs{Stream: streamKey(stage), Values: []string{taskField, strconv.FormatInt(int64(id), 10)}})
	}
}

// acknowledge takes messages off the group and out of the stream: a stream holds only what is not yet finished.
func acknowledge(ctx context.Context, p redis.Pipeliner, stage catalog.Stage, messages []string) {
	if len(messages) > 0 {
		p.XAck(ctx, streamKey(stage), group, messages...)
		p.XDel(ctx, streamKey(stage), messages...)
	}
}

// createGroup makes a stage's stream and group unless they exist.
func createGroup(ctx context.Context, r redis.UniversalClient, stage catalog.Stage) error {
	err := r.XGroupCreateMkStream(ctx, streamKey(stage), group, "0").Err()
	if err != nil && !strings.HasPrefix(err.Error(), "BUSYGROUP") {
		return fmt.Errorf("make stream of stage %s: %w", stage, err)
	}
	return nil
}

// noGroup reports whether err says that a stream or its group is gone.
func noGroup(err error) bool {
	var reply redis.Error
	return errors.As(err, &reply) && strings.HasPrefix(reply.Error(), "NOGROUP")
}

// uniqueName names this process among all that ever were.
func uniqueName() string {
	host, err := os.Hostname()
	if err != nil {
		host = "host"
	}
	b := make([]byte, 4)
	_, _ = rand.Read(b) // never fails
	return fmt.Sprintf("%s-%d-%s", host, os.Getpid(), hex.EncodeToString(b))
}

// pause waits for d or until ctx ends, and reports whether ctx goes on.
func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}
