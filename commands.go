package main

import "github.com/spf13/cobra"

// subcommands lists every command, in the order that help shows them.
func subcommands() []*cobra.Command {
	return []*cobra.Command{
		newGateCmd(),
		newProxyCmd(),
		newFakegeminiCmd(),
		newBenchCmd(),
	}
}
