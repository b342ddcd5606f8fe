package main

import (
	"cmp"
	"fmt"
	"runtime"
	"runtime/debug"
)

// version is set by the linker for a release: -ldflags "-X main.version=v1.2.3".
var version string

type versionCommand struct{}

// Run prints the version, the revision it was built from, and Go's version.
func (versionCommand) Run(out streams) error {
	_, err := fmt.Fprintf(out.out, "whoread %s (%s, %s/%s)\n", versionText(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
	return err
}

// versionText is the version of a release, or else the revision.
func versionText() string {
	revision, modified := "", ""
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, setting := range info.Settings {
			switch setting.Key {
			case "vcs.revision":
				revision = setting.Value[:min(len(setting.Value), 12)]
			case "vcs.modified":
				if setting.Value == "true" {
					modified = "+changes"
				}
			}
		}
	}
	return cmp.Or(version, cmp.Or(revision, "development")+modified)
}
