// Package complete tells when a file in a directory is whole: nobody writes it any more, and nobody will go on.
//
// In: notifications about the directory (Watcher) and looks at the file (Judge). Out: a verdict, with what it waits for.
//
// A file is never whole while any process holds it open for writing, which a read lease tells (or /proc where leases do not work),
// however long the writer pauses. One that was renamed into place is whole at once; one that was closed after writing, when it
// stayed so for two seconds, since some tools open again; one of which nothing is known, when it did not change for the settling
// time. Where the file system cannot tell about writers (network mounts), it must stay unchanged for six settling times and over
// three looks, and its container must look whole: boxes add up to the file, a length is a multiple of the packet's.
package complete
