package main

import "github.com/spf13/cobra"

func remuxCommand() *cobra.Command { return &cobra.Command{Use: "remux"} }
