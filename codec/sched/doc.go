// Package sched shares the machine's cores and memory among media jobs, so that running several caged processes at once
// neither oversubscribes the processor nor exhausts memory.
//
// A core is a token. A job asks for tokens ([Ask]), waits its turn, and holds them ([Lease]) while it runs with as many lanes.
// Order: class first, then jobs that hold less than their fair share, then the job that started earliest. A job may have all
// tokens while it is alone; when several want them, each gets its share. Memory is reserved by a table of what a lane takes,
// and a lease is only given when it fits. Probes have a small lane of their own and never wait for transcodes.
//
// Nothing is preempted: leases are short because tasks are. The package is pure Go, starts no goroutines, and must never
// import codec/av or know what a job does.
package sched
