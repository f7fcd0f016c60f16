//go:build race

package pipeline_test

// manyFiles is how many files one account has waiting. The race detector makes each cost several times as much.
const manyFiles = 100
