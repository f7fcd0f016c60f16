//go:build cgo

package av

import (
	"context"
	"strings"
	"testing"
)

func TestEveryEncoderWorks(t *testing.T) {
	for _, s := range SelfTest(context.Background()) {
		if !s.OK {
			t.Errorf("%s (%s): %s", s.Codec, s.Encoder, s.Error)
		}
	}
	for name, v := range Versions() {
		if strings.Count(v, ".") != 2 || strings.HasPrefix(v, "0.") {
			t.Errorf("%s %s", name, v)
		}
	}
}
