// Package cagetest holds the tests that run the real engine in the real cage, where the tests of codec/worker run a fake one:
// what comes out of the caged engine must equal what the engine makes in process, and no file of the corpus may break it.
package cagetest
