package main

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/alecthomas/kong"
)

// version is the release; the linker may replace it.
const version = "0.1.0"

type versionCommand struct{}

// Run prints the version, the revision it was built from, and the platform.
func (versionCommand) Run(k *kong.Context) error {
	_, err := fmt.Fprintf(k.Stdout, "hearth %s%s %s %s/%s\n", version, revision(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
	return err
}

func revision() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" && len(s.Value) >= 12 {
			return " (" + s.Value[:12] + ")"
		}
	}
	return ""
}
