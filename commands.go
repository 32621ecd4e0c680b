package main

import "github.com/spf13/cobra"

// subcommands lists every command.
func subcommands() []*cobra.Command {
	return []*cobra.Command{
		newGateCmd(),
		newGuardCmd(),
		newRolloutCmd(),
		newAssertCmd(),
		newHistoryCmd(),
		newBenchCmd(),
		newMergeCmd(),
		newRecordCmd(),
		newCalibrateCmd(),
		newConvertCmd(),
		newExportCmd(),
		newReportCmd(),
		newProofCmd(),
		newProxyCmd(),
		newFakegeminiCmd(),
	}
}
