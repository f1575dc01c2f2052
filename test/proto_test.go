package test

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os/exec"
	"path"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"

	_ "github.com/hearthcache/hearth/pb"
	"github.com/hearthcache/hearth/pb/pbtest"
)

// Filled messages of every type, both ways between our generated code and the vendor's: what they write of an object we
// read as the same message, and what we write they read as the same object.
func TestMessagesAreTheVendorsInJavaScript(t *testing.T) {
	types := pbtest.Types()
	if len(types) < 250 {
		t.Fatalf("only %d types", len(types))
	}
	const each = 12
	var lines strings.Builder
	var sent []proto.Message
	r := rand.New(rand.NewPCG(1, 2))
	for _, typ := range types {
		if path.Base(typ.Descriptor().ParentFile().Path()) == "hearth.proto" {
			continue // our own, which the vendor has not
		}
		for range each {
			m := pbtest.Random(r, typ)
			sent = append(sent, m)
			lines.WriteString(vendorLine(t, m))
		}
	}
	cmd := exec.Command("node", "proto.mjs")
	cmd.Dir, cmd.Stdin = "node", strings.NewReader(lines.String())
	var errs strings.Builder
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, errs.String())
	}
	answers := bufio.NewScanner(strings.NewReader(string(out)))
	answers.Buffer(nil, 64<<20)
	for _, m := range sent {
		if !answers.Scan() {
			t.Fatal("too few answers")
		}
		checkVendorLine(t, m, answers.Bytes())
	}
}

func vendorLine(t *testing.T, m proto.Message) string {
	t.Helper()
	b, err := proto.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	d := m.ProtoReflect().Descriptor()
	line, err := json.Marshal(map[string]any{
		"file":   strings.TrimSuffix(path.Base(d.ParentFile().Path()), ".proto"),
		"name":   strings.TrimPrefix(string(d.FullName()), pbtest.Prefix),
		"object": object(m.ProtoReflect()),
		"bytes":  b,
	})
	if err != nil {
		t.Fatal(err)
	}
	return string(line) + "\n"
}

func checkVendorLine(t *testing.T, m proto.Message, line []byte) {
	t.Helper()
	var answer struct {
		Bytes  []byte
		Object any
	}
	if err := json.Unmarshal(line, &answer); err != nil {
		t.Fatal(err)
	}
	name := m.ProtoReflect().Descriptor().FullName()
	back := m.ProtoReflect().New().Interface()
	if err := proto.Unmarshal(answer.Bytes, back); err != nil || !proto.Equal(m, back) {
		t.Errorf("%s: the vendor writes %v for %v (%v)", name, back, m, err)
	}
	var want any
	b, _ := json.Marshal(object(m.ProtoReflect()))
	_ = json.Unmarshal(b, &want)
	if diff := missing(string(name), want, answer.Object); diff != "" {
		t.Errorf("the vendor reads %v otherwise: %s", m, diff)
	}
}

// object returns the fields of a message that are set, as JavaScript has them.
func object(m protoreflect.Message) map[string]any {
	o := map[string]any{}
	m.Range(func(f protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		if !f.IsList() {
			o[string(f.Name())] = single(f, v)
			return true
		}
		var list []any
		for i := range v.List().Len() {
			list = append(list, single(f, v.List().Get(i)))
		}
		o[string(f.Name())] = list
		return true
	})
	return o
}

func single(f protoreflect.FieldDescriptor, v protoreflect.Value) any {
	switch f.Kind() {
	case protoreflect.MessageKind:
		return object(v.Message())
	case protoreflect.BytesKind:
		return map[string]any{"base64": v.Bytes()}
	case protoreflect.EnumKind:
		return int32(v.Enum())
	}
	return v.Interface()
}

// missing returns where got lacks something of want; got may hold more, such as defaults.
func missing(at string, want, got any) string {
	switch w := want.(type) {
	case map[string]any:
		g, ok := got.(map[string]any)
		if !ok {
			return fmt.Sprintf("%s is %v, want %v", at, got, want)
		}
		for name, v := range w {
			if diff := missing(at+"."+name, v, g[name]); diff != "" {
				return diff
			}
		}
		return ""
	case []any:
		g, ok := got.([]any)
		if !ok || len(g) != len(w) {
			return fmt.Sprintf("%s is %v, want %v", at, got, want)
		}
		for i := range w {
			if diff := missing(fmt.Sprint(at, "[", i, "]"), w[i], g[i]); diff != "" {
				return diff
			}
		}
		return ""
	}
	if want != got {
		return fmt.Sprintf("%s is %v, want %v", at, got, want)
	}
	return ""
}

// Every message of the vendor's Python package stands in ours with the same fields, and the other way round, but for
// what either revision does not have yet.
func TestDescriptorsAreTheVendorsInPython(t *testing.T) {
	out := program(t, "python", "../../.cache/python/bin/python", "descriptors.py")
	b, err := base64.StdEncoding.DecodeString(strings.TrimSpace(out))
	if err != nil {
		t.Fatal(err)
	}
	var files descriptorpb.FileDescriptorSet
	if err := proto.Unmarshal(b, &files); err != nil {
		t.Fatal(err)
	}
	compared := 0
	for _, f := range files.File {
		for _, m := range f.MessageType {
			compared += compareMessage(t, f.GetPackage()+"."+m.GetName(), m)
		}
	}
	if compared < 200 {
		t.Errorf("only %d messages were compared", compared)
	}
}

func compareMessage(t *testing.T, name string, theirs *descriptorpb.DescriptorProto) (compared int) {
	d, err := protoregistry.GlobalFiles.FindDescriptorByName(protoreflect.FullName(pbtest.Prefix + name))
	if err != nil {
		t.Errorf("%s: %v", name, err)
		return 0
	}
	ours := d.(protoreflect.MessageDescriptor)
	for _, f := range theirs.Field {
		compareField(t, name, theirs, f, ours.Fields().ByNumber(protoreflect.FieldNumber(f.GetNumber())))
	}
	for _, nested := range theirs.NestedType {
		compared += compareMessage(t, name+"."+nested.GetName(), nested)
	}
	return compared + 1
}

func compareField(t *testing.T, name string, m *descriptorpb.DescriptorProto, f *descriptorpb.FieldDescriptorProto, ours protoreflect.FieldDescriptor) {
	t.Helper()
	if ours == nil {
		t.Errorf("%s: we have no field %v", name, f)
		return
	}
	oneof, typ := "", ""
	if f.OneofIndex != nil && !f.GetProto3Optional() {
		oneof = m.OneofDecl[f.GetOneofIndex()].GetName()
	}
	theirs := fmt.Sprint(f.GetName(), " ", strings.TrimPrefix(strings.ToLower(f.GetType().String()), "type_"), " ",
		f.GetLabel() == descriptorpb.FieldDescriptorProto_LABEL_REPEATED, " ", f.GetProto3Optional(), " ", oneof, " ",
		strings.TrimPrefix(f.GetTypeName(), "."))
	switch {
	case ours.Message() != nil:
		typ = strings.TrimPrefix(string(ours.Message().FullName()), pbtest.Prefix)
	case ours.Enum() != nil:
		typ = strings.TrimPrefix(string(ours.Enum().FullName()), pbtest.Prefix)
	}
	in := ours.ContainingOneof()
	if in != nil && !in.IsSynthetic() {
		oneof = string(in.Name())
	} else {
		oneof = ""
	}
	mine := fmt.Sprint(ours.Name(), " ", ours.Kind(), " ", ours.IsList(), " ", ours.HasOptionalKeyword(), " ", oneof, " ", typ)
	if mine != theirs {
		t.Errorf("%s field %d: ours is %q, theirs %q", name, f.GetNumber(), mine, theirs)
	}
}
