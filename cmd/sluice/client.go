//go:build !linux

package main

import "github.com/spf13/cobra"

// newRoot has what runs on any system: the server needs Linux. A file of a server's command begins with "//go:build linux".
func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use: "sluice", Short: "Send media to a sluice server", SilenceUsage: true, SilenceErrors: true,
		Long: "Send media to a sluice server. On Linux the same command is the server, too.",
	}
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError{err} })
	root.AddCommand(uploadCommand(), versionCommand())
	return root
}

// child runs caged workers, which only servers start.
func child() (code int, ok bool) { return 0, false }

// roomCode is the exit code for the errors of rooms, of which a client has none.
func roomCode(error) int { return exitFailed }

func engineVersions() map[string]string { return nil }
