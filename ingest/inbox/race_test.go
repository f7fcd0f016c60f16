//go:build race

package inbox

// The race detector makes the catalog's SQLite very slow.
const manyFiles = 150
