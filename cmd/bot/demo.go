package main

import (
	"errors"

	"github.com/spf13/cobra"
)

// newDemoCommand prints where to find the demo, which used to be a command of this program. It is not in the help.
func newDemoCommand() *cobra.Command {
	return &cobra.Command{
		Use: "demo", Short: "the demo is a program of its own", Hidden: true, DisableFlagParsing: true,
		RunE: func(*cobra.Command, []string) error {
			return &exitError{
				2,
				errors.New("the demo is a program of its own, with the same options: in a checkout, run 'go run ./cmd/demo'"),
			}
		},
	}
}
