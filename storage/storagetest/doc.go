// Package storagetest holds the one suite that every implementation of storage.Store passes.
package storagetest
