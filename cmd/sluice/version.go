package main

import (
	"fmt"
	"runtime"

	"github.com/spf13/cobra"

	"sluice/internal/version"
)

func versionCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "version",
		Short: "Print the version of sluice and of the libraries it runs on",
		Args:  usageArgs(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			v := map[string]string{"sluice": version.Version, "go": runtime.Version(), "platform": runtime.GOOS + "/" + runtime.GOARCH}
			for name, ver := range engineVersions() {
				v[name] = ver
			}
			if asJSON {
				return printJSON(cmd.OutOrStdout(), v)
			}
			fmt.Fprintf(cmd.OutOrStdout(), "sluice %s (%s, %s)\n", v["sluice"], v["go"], v["platform"])
			for _, lib := range []string{"libavcodec", "libavformat", "libavfilter"} {
				if v[lib] != "" {
					fmt.Fprintf(cmd.OutOrStdout(), "%s %s\n", lib, v[lib])
				}
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}
