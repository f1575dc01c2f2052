package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
)

type shellCommand struct {
	Shell string `arg:"" enum:"bash,zsh,fish" help:"bash, zsh or fish."`
}

// Run prints a script that completes commands and flags, made from the command line itself.
func (c *shellCommand) Run(k *kong.Context) error {
	words := map[string][]string{}
	collect(k.Model.Node, "", words)
	var table strings.Builder
	for _, path := range slices.Sorted(maps.Keys(words)) {
		next := words[path]
		fmt.Fprintf(&table, "    %q) words=%q ;;\n", path, strings.Join(next, " "))
	}
	script := bashScript
	switch c.Shell {
	case "zsh":
		script = "autoload -U +X bashcompinit && bashcompinit\n" + bashScript
	case "fish":
		return printFish(k, words)
	}
	_, err := fmt.Fprintf(k.Stdout, script, table.String())
	return err
}

const bashScript = `_hearth() {
  local path="" word words=""
  for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    [[ $word == -* ]] || path="$path $word"
  done
  while :; do
    case "${path# }" in
%s    *) words="" ;;
    esac
    [[ -n $words || -z $path ]] && break
    path="${path%% *}"
  done
  COMPREPLY=($(compgen -W "$words" -- "${COMP_WORDS[COMP_CWORD]}"))
}
complete -F _hearth hearth
`

// collect lists, for each command path, the words that may follow it.
func collect(n *kong.Node, path string, words map[string][]string) {
	var next []string
	for _, child := range n.Children {
		next = append(next, child.Name)
		collect(child, strings.TrimSpace(path+" "+child.Name), words)
	}
	for _, f := range n.Flags {
		next = append(next, "--"+f.Name)
	}
	words[path] = next
}

func printFish(k *kong.Context, words map[string][]string) error {
	for _, path := range slices.Sorted(maps.Keys(words)) {
		for _, word := range words[path] {
			condition := "__fish_use_subcommand"
			if path != "" {
				condition = "__fish_seen_subcommand_from " + path[strings.LastIndex(path, " ")+1:]
			}
			flag := "-a " + word
			if name, ok := strings.CutPrefix(word, "--"); ok {
				flag = "-l " + name
			}
			if _, err := fmt.Fprintf(k.Stdout, "complete -c hearth -f -n '%s' %s\n", condition, flag); err != nil {
				return err
			}
		}
	}
	return nil
}
