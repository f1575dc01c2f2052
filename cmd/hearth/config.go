package main

import (
	"fmt"
	"maps"
	"os"
	"reflect"
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
	switch n := v.(type) {
	case int64, float64:
		return fmt.Sprint(n), nil // kong gives no number to what reads texts, such as a size
	}
	return v, nil
}

type configCommands struct {
	Print configPrint `cmd:"" help:"Print every setting of the server, its value and where it comes from."`
}

type configPrint struct {
	serveOptions
}

// Run prints the settings as a config file that would give the same server, but for passwords: what is a default, or
// holds one, is a comment.
func (c *configPrint) Run(k *kong.Context, file *configFile) error {
	for _, f := range k.Selected().Flags {
		if f.Name == "help" {
			continue
		}
		from := source(k, file, f)
		off := ""
		if from == fromDefault || hidden(f.Target.Interface()) {
			off = "# " // a default port that is taken is left closed, one that a file asks for is an error
		}
		fmt.Fprintf(k.Stdout, "%s%s = %s  # %s\n", off, f.Name, tomlValue(effective(f)), from)
	}
	for _, name := range slices.Sorted(maps.Keys(file.caches)) {
		fmt.Fprintf(k.Stdout, "\n[%s]\n", toml.Key{"cache", name})
		for _, key := range slices.Sorted(maps.Keys(file.caches[name])) {
			fmt.Fprintf(k.Stdout, "%s = %s\n", toml.Key{key}, tomlValue(file.caches[name][key]))
		}
	}
	return nil
}

// Where a setting comes from, beside a variable and the config file, which have names of their own.
const (
	fromDefault = "default"
	fromFlag    = "flag"
)

// source returns where a setting comes from.
func source(k *kong.Context, file *configFile, f *kong.Flag) string {
	for _, p := range k.Path {
		if p.Flag == f && !p.Resolved {
			return fromFlag
		}
	}
	for _, env := range f.Envs {
		if _, ok := os.LookupEnv(env); ok {
			return env
		}
	}
	if _, ok := file.values[f.Name]; ok {
		return file.path
	}
	return fromDefault
}

// effective returns a flag's value; of an address that nobody gave, the default that its placeholder shows.
func effective(f *kong.Flag) any {
	if v, ok := f.Target.Interface().(string); !ok || v != "" || !strings.HasPrefix(f.PlaceHolder, "127.0.0.1:") {
		return f.Target.Interface()
	}
	return f.PlaceHolder
}

// tomlValue returns a setting as TOML: what has a text of its own as that.
func tomlValue(v any) string {
	if s, ok := v.(fmt.Stringer); ok {
		v = s.String()
	}
	if l := reflect.ValueOf(v); l.Kind() == reflect.Slice {
		texts := make([]string, l.Len())
		for i := range texts {
			texts[i] = fmt.Sprint(l.Index(i))
		}
		v = texts
	}
	line, err := toml.Marshal(map[string]any{"v": v})
	if err != nil {
		return fmt.Sprintf("%q", fmt.Sprint(v)) // no setting is of such a type
	}
	return strings.TrimSpace(strings.TrimPrefix(string(line), "v = "))
}
