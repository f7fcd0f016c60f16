// Package hook asks a server of the installation's own about files before they become entries. What goes in is what is known of a
// file, what comes out is whether it may come in, and as what. It never touches the file.
package hook
