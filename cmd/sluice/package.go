package main

import "github.com/spf13/cobra"

func packageCommand() *cobra.Command { return &cobra.Command{Use: "package"} }

func remuxCommand() *cobra.Command { return &cobra.Command{Use: "remux"} }
