package storagetest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"math/rand/v2"
	"testing"

	"sluice/storage"
)

// Run tests a kind of store. Open returns an empty one and closes it when the test ends.
func Run(t *testing.T, open func(t *testing.T) storage.Store) {
	for name, test := range map[string]func(*testing.T, storage.Store){
		"ObjectsComeBackAsPut":                   objectsComeBackAsPut,
		"BytesAreReadAtAnyRange":                 bytesAreReadAtAnyRange,
		"ManyReadersShareAReader":                manyReadersShareAReader,
		"WhatIsNotThereDoesNotExist":             whatIsNotThereDoesNotExist,
		"BadKeysAreRefused":                      badKeysAreRefused,
		"OddKeysComeBackByteForByte":             oddKeysComeBackByteForByte,
		"AnObjectAppearsOnCommit":                anObjectAppearsOnCommit,
		"AnAbortedObjectNeverAppears":            anAbortedObjectNeverAppears,
		"AWriterEndsOnce":                        aWriterEndsOnce,
		"ABigObjectIsWrittenInPieces":            aBigObjectIsWrittenInPieces,
		"CancellingStopsWriting":                 cancellingStopsWriting,
		"AFailedSourceLeavesNothing":             aFailedSourceLeavesNothing,
		"ReplacingChangesTheETag":                replacingChangesTheETag,
		"ConcurrentWritersOfAKeyLeaveOneWhole":   concurrentWritersOfAKeyLeaveOneWhole,
		"ImportTakesTheFileOver":                 importTakesTheFileOver,
		"ImportKeepsTheFile":                     importKeepsTheFile,
		"ImportChecksTheSum":                     importChecksTheSum,
		"ImportRefusesWhatIsNoFile":              importRefusesWhatIsNoFile,
		"ACancelledImportLeavesTheFile":          aCancelledImportLeavesTheFile,
		"AnImportOfAGrowingFileFails":            anImportOfAGrowingFileFails,
		"ListIsInKeyOrder":                       listIsInKeyOrder,
		"ListGoesBeyondOnePage":                  listGoesBeyondOnePage,
		"DeleteRemovesOneObject":                 deleteRemovesOneObject,
		"DeletePrefixRemovesWhatIsBelow":         deletePrefixRemovesWhatIsBelow,
		"ConcatJoinsRanges":                      concatJoinsRanges,
		"ConcatJoinsBigParts":                    concatJoinsBigParts,
		"ConcatRemovesItsParts":                  concatRemovesItsParts,
		"ConcatOfAMissingPartLeavesNothing":      concatOfAMissingPartLeavesNothing,
		"ConcatRefusesRangesBeyondTheObject":     concatRefusesRangesBeyondTheObject,
		"AHealthyStoreIsHealthy":                 aHealthyStoreIsHealthy,
		"ACancelledContextIsRefused":             aCancelledContextIsRefused,
		"ReadersOutliveTheContextTheyOpenedWith": readersOutliveTheContextTheyOpenedWith,
	} {
		t.Run(name, func(t *testing.T) { test(t, open(t)) })
	}
}

// noise returns n bytes that no other seed gives.
func noise(seed uint64, n int) []byte {
	b := make([]byte, n)
	src := rand.NewChaCha8([32]byte{byte(seed), byte(seed >> 8), 1})
	_, _ = src.Read(b)
	return b
}

func sumOf(b []byte) string {
	h := sha256.Sum256(b)
	return hex.EncodeToString(h[:])
}

func put(t *testing.T, s storage.Store, key string, content []byte) storage.Object {
	t.Helper()
	obj, err := s.Put(t.Context(), key, bytes.NewReader(content))
	if err != nil {
		t.Fatalf("Put(%q): %v", key, err)
	}
	return obj
}

// get reads the whole object.
func get(t *testing.T, s storage.Store, key string) []byte {
	t.Helper()
	b, err := read(t.Context(), s, key)
	if err != nil {
		t.Fatalf("read %q: %v", key, err)
	}
	return b
}

func read(ctx context.Context, s storage.Store, key string) ([]byte, error) {
	r, err := s.Open(ctx, key)
	if err != nil {
		return nil, err
	}
	b, err := io.ReadAll(io.NewSectionReader(r, 0, r.Object().Size))
	if err == nil && int64(len(b)) != r.Object().Size {
		err = io.ErrUnexpectedEOF
	}
	return b, errors.Join(err, r.Close())
}

// same compares contents without printing megabytes.
func same(t *testing.T, what string, got, want []byte) {
	t.Helper()
	if bytes.Equal(got, want) {
		return
	}
	at := 0
	for at < min(len(got), len(want)) && got[at] == want[at] {
		at++
	}
	t.Errorf("%s: %d bytes, want %d; they differ from byte %d on", what, len(got), len(want), at)
}

func mustNotExist(t *testing.T, s storage.Store, key string) {
	t.Helper()
	if obj, err := s.Stat(t.Context(), key); !errors.Is(err, storage.ErrNotExist) {
		t.Errorf("Stat(%q) = %+v, %v; want ErrNotExist", key, obj, err)
	}
}

func keys(t *testing.T, s storage.Store, prefix string) []string {
	t.Helper()
	got := []string{}
	for obj, err := range s.List(t.Context(), prefix) {
		if err != nil {
			t.Fatalf("List(%q): %v", prefix, err)
		}
		got = append(got, obj.Key)
	}
	return got
}
