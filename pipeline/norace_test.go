//go:build !race

package pipeline_test

// manyFiles is how many files one account has waiting.
const manyFiles = 500
