package main

import (
	"cmp"
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"

	"licensebot/internal/cli"
)

// version and revision are set in a release build. If revision is empty, the go command has noted it: it does so for
// every build in a checkout.
var (
	version  = "dev"
	revision = ""
)

// newVersionCommand prints which build this is.
func newVersionCommand(c stdio) *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "print the version and the revision it was built from", Args: cli.NoArguments,
		RunE: func(*cobra.Command, []string) error {
			_, err := fmt.Fprintln(c.out, versionLine())
			return err
		},
	}
}

func versionLine() string {
	info, _ := debug.ReadBuildInfo()
	return describeBuild(version, cmp.Or(revision, revisionOf(info)))
}

// describeBuild returns the line that names a build.
func describeBuild(version, revision string) string {
	return fmt.Sprintf("licensebot %s (revision %s, %s %s/%s)", version, cmp.Or(revision, "unknown"), runtime.Version(),
		runtime.GOOS, runtime.GOARCH)
}

// revisionOf returns the commit that a program was built from, in the form of git describe. It is empty if the go
// command did not note it, as for "go run" and in a git worktree.
func revisionOf(info *debug.BuildInfo) string {
	if info == nil {
		return ""
	}
	noted := map[string]string{}
	for _, s := range info.Settings {
		noted[s.Key] = s.Value
	}
	commit := noted["vcs.revision"]
	commit = commit[:min(len(commit), 12)]
	if commit != "" && noted["vcs.modified"] == "true" {
		commit += "-dirty"
	}
	return commit
}
