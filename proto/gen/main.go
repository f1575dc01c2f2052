// Command gen turns the .proto files of the folder above into the Go messages of package pb. The packages are
// generated under the prefix "hearth." and the file names under "hearth/", because the Go runtime of protobuf knows
// each name once in a process, and a process may link Momento's own Go SDK beside these messages. The prefix is not on
// the wire. It needs no protoc: the compiler and the generator are the versions that go.mod pins.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/bufbuild/protocompile"
	"github.com/bufbuild/protocompile/protoutil"
	"google.golang.org/protobuf/cmd/protoc-gen-go/internal_gengo"
	"google.golang.org/protobuf/compiler/protogen"
	"google.golang.org/protobuf/types/pluginpb"
)

func main() {
	if err := generate("..", filepath.Join("..", "..", "pb")); err != nil {
		fmt.Fprintln(os.Stderr, "gen:", err)
		os.Exit(1)
	}
}

// generate compiles every .proto file in dir and writes one Go file for each to out.
func generate(dir, out string) error {
	paths, err := filepath.Glob(filepath.Join(dir, "*.proto"))
	if err != nil {
		return err
	}
	sources := map[string]string{}
	var names []string
	for _, p := range paths {
		src, err := os.ReadFile(p)
		if err != nil {
			return err
		}
		name := "hearth/" + filepath.Base(p)
		sources[name] = prefixed(string(src))
		names = append(names, name)
	}
	req, err := compile(sources, names)
	if err != nil {
		return err
	}
	return write(req, out)
}

var (
	packageLine = regexp.MustCompile(`(?m)^package `)
	importLine  = regexp.MustCompile(`(?m)^import "`)
)

// prefixed moves a file's package and its imports under our prefix.
func prefixed(src string) string {
	src = packageLine.ReplaceAllString(src, "package hearth.")
	return importLine.ReplaceAllString(src, `import "hearth/`)
}

func compile(sources map[string]string, names []string) (*pluginpb.CodeGeneratorRequest, error) {
	c := protocompile.Compiler{
		Resolver: &protocompile.SourceResolver{Accessor: func(path string) (io.ReadCloser, error) {
			src, ok := sources[path]
			if !ok {
				return nil, os.ErrNotExist
			}
			return io.NopCloser(strings.NewReader(src)), nil
		}},
		SourceInfoMode: protocompile.SourceInfoStandard,
	}
	files, err := c.Compile(context.Background(), names...)
	if err != nil {
		return nil, err
	}
	parameter := "paths=source_relative"
	req := &pluginpb.CodeGeneratorRequest{FileToGenerate: names, Parameter: &parameter}
	seen := map[string]bool{}
	for _, f := range files { // dependencies first, as the generator wants them
		for i := range f.Imports().Len() {
			dep := files.FindFileByPath(f.Imports().Get(i).Path())
			if !seen[dep.Path()] {
				seen[dep.Path()] = true
				req.ProtoFile = append(req.ProtoFile, protoutil.ProtoFromFileDescriptor(dep))
			}
		}
		if !seen[f.Path()] {
			seen[f.Path()] = true
			req.ProtoFile = append(req.ProtoFile, protoutil.ProtoFromFileDescriptor(f))
		}
	}
	return req, nil
}

func write(req *pluginpb.CodeGeneratorRequest, out string) error {
	plugin, err := protogen.Options{}.New(req)
	if err != nil {
		return err
	}
	for _, f := range plugin.Files {
		if f.Generate {
			internal_gengo.GenerateFile(plugin, f)
		}
	}
	resp := plugin.Response()
	if resp.Error != nil {
		return fmt.Errorf("%s", resp.GetError())
	}
	for _, f := range resp.File {
		path := filepath.Join(out, filepath.Base(f.GetName()))
		if err := os.WriteFile(path, []byte(f.GetContent()), 0o644); err != nil {
			return err
		}
	}
	return nil
}
