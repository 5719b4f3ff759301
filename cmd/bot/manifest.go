package main

import (
	"github.com/spf13/cobra"

	"licensebot/bot"
	"licensebot/internal/cli"
)

// newManifestCommand prints the Slack app manifest.
func newManifestCommand(c stdio) *cobra.Command {
	cmd := &cobra.Command{
		Use: "manifest [--name NAME]", Short: "print the Slack app manifest to paste",
		Args: cli.NoArguments,
	}
	name := cmd.Flags().String("name", "licensebot", "the app's `NAME` in Slack")
	cmd.RunE = func(*cobra.Command, []string) error {
		manifest, err := bot.Manifest(*name)
		if err != nil {
			return err
		}
		_, err = c.out.Write(manifest)
		return err
	}
	return cmd
}
