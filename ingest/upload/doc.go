// Package upload receives files in pieces: each upload token owns one sparse file, into which chunks are written where they
// belong, in any order, several at once, by any process that has the folder.
//
// In: chunks with their place. Out: a complete file, handed to whoever attached the token, in the transaction that completes it.
//
// What is here is what the catalog says: a chunk's extent is recorded after its bytes are synced to disk, so that a process may
// die at any time and the sender goes on from what the token shows. A chunk is written at most once, and the file becomes the
// original by changing its name. Folders of tokens lie in one directory of the machine (or of a shared file system) on which the
// import stage runs: with an object store, chunks gather there first and the complete file is stored from there.
//
// It does not know what files are for.
package upload
