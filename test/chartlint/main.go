// Command chartlint lints a Helm chart with Helm's own linter: each template is rendered with the chart's values, and
// again with those of every further file. It is a module of its own, so that hearth does not depend on Helm.
package main

import (
	"fmt"
	"os"

	"helm.sh/helm/v3/pkg/chartutil"
	"helm.sh/helm/v3/pkg/lint"
	"helm.sh/helm/v3/pkg/lint/support"
)

func main() {
	if len(os.Args) < 2 {
		fmt.Fprintln(os.Stderr, "usage: chartlint CHART [VALUES.yaml ...]")
		os.Exit(2)
	}
	bad := check(os.Args[1], "its own values", nil)
	for _, file := range os.Args[2:] {
		values, err := chartutil.ReadValuesFile(file)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(2)
		}
		bad = check(os.Args[1], file, values) || bad
	}
	if bad {
		os.Exit(1)
	}
}

// check prints what is worth a warning, and reports whether there was something.
func check(chart, with string, values map[string]any) (bad bool) {
	for _, m := range lint.AllWithKubeVersionAndSchemaValidation(chart, values, "hearth", nil, false).Messages {
		if m.Severity >= support.WarningSev {
			fmt.Printf("with %s: %v\n", with, m)
			bad = true
		}
	}
	return bad
}
