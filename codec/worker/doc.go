// Package worker runs the media engine in cages: it implements [codec.Engine] by starting child processes, of the same binary or
// of Config.Program, giving each one job, and watching it. Media from strangers can then crash, hang or bloat a child, but not the server.
//
// In: a source, and a job or the wish to know what the source is. Out: what the engine in the child delivers, passed to the
// caller's sink in order, and a report; or a *codec.Error that says what went wrong, including the deaths that only the parent
// can see (media_crash, out_of_memory, limit_cpu, stalled).
//
// # Processes
//
// A job process runs one job and exits; a probe process serves up to 200 probes. One of each is kept warm, because loading
// libav takes longer than probing most files. The child gets its request, and the source's descriptor, over a socket pair on
// descriptor 0 and answers with binary frames on a pipe, descriptor 3. A source that is not a local file is read through a
// second socket pair that the parent serves. The child's environment is empty but for what its memory allocator and runtime
// need; it never learns a path, and holds no credentials.
//
// # The cage
//
// Before exec: no_new_privs, a Landlock domain without writing and without TCP, user and network namespaces, nice and batch
// scheduling, a process group of its own, death with the parent. Before the first untrusted byte: resource limits, a cgroup
// where one is delegated, and, by the child itself when its engine is ready, a seccomp filter that leaves reading descriptors,
// memory, threads and time. Each is applied as far as the kernel allows; [Pool.Isolation] says how far. A watcher kills what
// uses too much memory, makes no progress, or does not stop when told.
//
// What is started must call [Main] first thing; a binary that starts itself asks [IsChild] whether to.
//
// This package must never import codec/av (main hands Main the engine), nor interpret media. It needs Linux.
package worker
