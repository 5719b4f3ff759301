package main

import (
	"context"
	"flag"

	"licensebot/bot"
)

// runManifest prints the Slack app manifest.
func runManifest(_ context.Context, args []string, c console) error {
	flags := flag.NewFlagSet("manifest", flag.ContinueOnError)
	flags.SetOutput(c.err)
	name := flags.String("name", "licensebot", "how the app is called in Slack")
	if err := flags.Parse(args); err != nil {
		return errUsage
	}
	manifest, err := bot.Manifest(*name)
	if err != nil {
		return err
	}
	_, err = c.out.Write(manifest)
	return err
}
