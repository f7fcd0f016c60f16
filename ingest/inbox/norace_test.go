//go:build !race

package inbox

const manyFiles = 1000
