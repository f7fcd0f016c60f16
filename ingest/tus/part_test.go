package tus_test

import (
	"context"
	"fmt"
	"io"
	"strings"

	"sluice/catalog"
	"sluice/ingest/upload"
)

func streamOf(text string) upload.Stream {
	return upload.Stream{Size: int64(len(text)), Body: strings.NewReader(text)}
}

// reserveUpTo refuses files larger than most.
func reserveUpTo(most int64) func(context.Context, catalog.AccountID, int64) (func(), error) {
	return func(_ context.Context, _ catalog.AccountID, n int64) (func(), error) {
		if n > most {
			return nil, fmt.Errorf("%w: %d bytes", catalog.ErrQuota, n)
		}
		return func() {}, nil
	}
}

// rateOf notes whose rate was asked for.
func rateOf(who *catalog.AccountID) func(context.Context, catalog.AccountID, io.Reader) io.Reader {
	return func(_ context.Context, a catalog.AccountID, r io.Reader) io.Reader {
		*who = a
		return r
	}
}
