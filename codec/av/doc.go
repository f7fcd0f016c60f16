// Package av implements codec.Engine in process with libav (FFmpeg 5.1 libraries). It is the only package of the project
// that imports go-astiav or "C"; a test of the import graph holds it to that.
//
// In: a codec.Source and a codec.Job. Out: coded samples, small files, progress and a report through a codec.Sink. The
// package carries out a plan and decides nothing that a plan could decide: policy lives in codec/plan.
//
// It meets untrusted bytes in native code and must therefore only run inside the caged worker process of codec/worker,
// and in tests. No libav object and no astiav type appears in an exported signature.
//
// # Ownership
//
// Every native object has one owner that closes it. Packets and frames are handed over channels together with their
// ownership; sharing means a new reference. Go memory never enters a C structure: callbacks carry a cgo.Handle.
// Goroutines that call libav lock their thread, because log lines find their job by thread.
//
// # Versions
//
// shim.c holds every call that go-astiav v0.16 lacks or does unsafely; what is left of go-astiav here is spelled the same in
// its later releases. The shim is written against FFmpeg 5.1; newer libraries are guarded there by library version.
//
// Without cgo the package is empty, so that the rest of the tree builds with CGO_ENABLED=0.
package av
