//go:build linux

package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"sluice/packager/static"
)

func packageCommand() *cobra.Command {
	var out string
	var formats []string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "package FILE…",
		Short: "Write static HLS and DASH from track files or MP4s",
		Long: `Write static HLS and DASH: a directory a format with playlists or manifest, init and media segments, as the server
would send them just in time. Give the track files of 'sluice transcode', video first, or plain MP4s; nothing is
encoded.`,
		Args: usageArgs(cobra.MinimumNArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			if _, _, err := loadConfig(cmd); err != nil {
				return err
			}
			set, closeSet, err := static.Open(args)
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, closeSet()) }()
			list := make([]static.Format, len(formats))
			for i, f := range formats {
				list[i] = static.Format(f)
			}
			made, err := static.Write(cmd.Context(), set, out, list)
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(cmd.OutOrStdout(), made)
			}
			for _, f := range list {
				fmt.Fprintf(cmd.OutOrStdout(), "%s\t%s\n", f, made[f])
			}
			return nil
		},
	}
	var all []string
	for _, f := range static.Formats {
		all = append(all, string(f))
	}
	cmd.Flags().StringVarP(&out, "out", "o", "package", "directory for what is made")
	cmd.Flags().StringSliceVar(&formats, "format", all, "formats to write: hls, hls-ts, dash")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}
