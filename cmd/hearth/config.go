package main

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"
	"github.com/alecthomas/kong"
)

// configFile is a settings file: its keys are the flags of `hearth serve` without the dashes, and a table
// [cache.NAME] declares a cache with its settings.
type configFile struct {
	path   string
	values map[string]any
	caches map[string]map[string]any
}

// configPath finds --config before the rest is parsed, since the file takes part in parsing.
func configPath(args []string) string {
	for i, a := range args {
		switch {
		case a == "--":
			return os.Getenv("HEARTH_CONFIG")
		case (a == "--config" || a == "-c") && i+1 < len(args):
			return args[i+1]
		case strings.HasPrefix(a, "--config="):
			return strings.TrimPrefix(a, "--config=")
		}
	}
	return os.Getenv("HEARTH_CONFIG")
}

func readConfigFile(path string) (*configFile, error) {
	c := &configFile{path: path, values: map[string]any{}, caches: map[string]map[string]any{}}
	if path == "" {
		return c, nil
	}
	if _, err := toml.DecodeFile(path, &c.values); err != nil {
		return nil, fmt.Errorf("config file %s: %w", path, err)
	}
	caches, ok := c.values["cache"].(map[string]any)
	delete(c.values, "cache")
	if !ok {
		return c, nil
	}
	for name, v := range caches {
		settings, ok := v.(map[string]any)
		if !ok {
			return nil, fmt.Errorf("config file %s: cache.%s is not a table; write [cache.%s] and settings below it", path, name, name)
		}
		c.caches[name] = settings
	}
	return c, nil
}

// Validate implements kong.Resolver: every key must be a flag of `hearth serve`.
func (c *configFile) Validate(app *kong.Application) error {
	var known []string
	for _, node := range app.Children {
		if node.Name != "serve" {
			continue
		}
		for _, f := range node.Flags {
			known = append(known, f.Name)
		}
	}
	for key := range c.values {
		if !slices.Contains(known, key) {
			return fmt.Errorf("config file %s: unknown key %q; known are %s and [cache.NAME]", c.path, key, strings.Join(known, ", "))
		}
	}
	return nil
}

// Resolve implements kong.Resolver: the environment is stronger than the file.
func (c *configFile) Resolve(_ *kong.Context, parent *kong.Path, flag *kong.Flag) (any, error) {
	v, ok := c.values[flag.Name]
	if !ok || parent.Node() == nil || (parent.Node().Name != "serve" && parent.Node().Name != "print") {
		return nil, nil
	}
	for _, env := range flag.Envs {
		if _, set := os.LookupEnv(env); set {
			return nil, nil
		}
	}
	return v, nil
}

type configCommands struct {
	Print configPrint `cmd:"" help:"Print every setting of the server, its value and where it comes from."`
}

type configPrint struct {
	serveOptions
}

// Run prints the settings as a config file that would give the same server.
func (c *configPrint) Run(k *kong.Context, file *configFile) error {
	for _, f := range k.Selected().Flags {
		if f.Name == "help" {
			continue
		}
		from := "default"
		if _, ok := file.values[f.Name]; ok {
			from = file.path
		}
		for _, env := range f.Envs {
			if _, ok := os.LookupEnv(env); ok {
				from = env
			}
		}
		for _, p := range k.Path {
			if p.Flag == f && !p.Resolved {
				from = "flag"
			}
		}
		fmt.Fprintf(k.Stdout, "%s = %s  # %s\n", f.Name, tomlValue(effective(f)), from)
	}
	for _, name := range slices.Sorted(maps.Keys(file.caches)) {
		fmt.Fprintf(k.Stdout, "\n[cache.%q]\n", name)
		for _, key := range slices.Sorted(maps.Keys(file.caches[name])) {
			fmt.Fprintf(k.Stdout, "%s = %s\n", key, tomlValue(file.caches[name][key]))
		}
	}
	return nil
}

// effective returns a flag's value; of an address that nobody gave, the default that its placeholder shows.
func effective(f *kong.Flag) any {
	if v, ok := f.Target.Interface().(string); !ok || v != "" || !strings.HasPrefix(f.PlaceHolder, "127.0.0.1:") {
		return f.Target.Interface()
	}
	return f.PlaceHolder
}

func tomlValue(v any) string {
	switch v := v.(type) {
	case string:
		return fmt.Sprintf("%q", v)
	case fmt.Stringer:
		return fmt.Sprintf("%q", v.String())
	case []string:
		quoted := make([]string, len(v))
		for i, s := range v {
			quoted[i] = fmt.Sprintf("%q", s)
		}
		return "[" + strings.Join(quoted, ", ") + "]"
	}
	return fmt.Sprint(v)
}
