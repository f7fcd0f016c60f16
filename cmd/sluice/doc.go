// Command sluice takes media in and makes it playable: one binary for the server, its workers and the tools around them.
//
// Each command is in a file of its own and only wires rooms together. Started with the engine's hidden first argument, the
// same binary is a caged media process (package codec/worker).
package main
