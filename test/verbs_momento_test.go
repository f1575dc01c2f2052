package test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/hearthcache/hearth/pb/pbtest"
)

// momentoNeeds says what every method of Momento's services needs. "Method/member" is the method with that member of the
// oneofs in its request, where this is not the first one.
const momentoNeeds = `
	nothing: cache_client.Ping/Ping
	secret: auth.Auth/RefreshApiToken
	reads: cache_client.Scs/Get, cache_client.Scs/GetWithHash, cache_client.Scs/GetBatch, cache_client.Scs/KeysExist, cache_client.Scs/ItemGetTtl
	reads: cache_client.Scs/ItemGetType, cache_client.Scs/DictionaryGet, cache_client.Scs/DictionaryFetch, cache_client.Scs/DictionaryLength
	reads: cache_client.Scs/SetFetch, cache_client.Scs/SetSample, cache_client.Scs/SetContains, cache_client.Scs/SetLength
	reads: cache_client.Scs/ListFetch, cache_client.Scs/ListLength
	reads: cache_client.Scs/SortedSetFetch, cache_client.Scs/SortedSetGetScore, cache_client.Scs/SortedSetGetRank
	reads: cache_client.Scs/SortedSetLength, cache_client.Scs/SortedSetLengthByScore
	writes: cache_client.Scs/Set, cache_client.Scs/SetBatch, cache_client.Scs/Delete, cache_client.Scs/UpdateTtl/overwrite_to_milliseconds
	writes: cache_client.Scs/DictionarySet, cache_client.Scs/DictionaryDelete, cache_client.Scs/SetUnion, cache_client.Scs/SetDifference
	writes: cache_client.Scs/ListPushFront, cache_client.Scs/ListPushBack, cache_client.Scs/ListConcatenateFront, cache_client.Scs/ListConcatenateBack
	writes: cache_client.Scs/ListErase, cache_client.Scs/ListRemove, cache_client.Scs/ListRetain, cache_client.Scs/SortedSetPut, cache_client.Scs/SortedSetRemove
	writes: cache_client.Scs/SetIfHash/unconditional
	both: cache_client.Scs/SetIf, cache_client.Scs/SetIfHash, cache_client.Scs/SetIfNotExists, cache_client.Scs/Increment, cache_client.Scs/UpdateTtl
	both: cache_client.Scs/DictionaryIncrement, cache_client.Scs/SetPop, cache_client.Scs/ListPopFront, cache_client.Scs/ListPopBack
	both: cache_client.Scs/SortedSetIncrement, cache_client.Scs/SortedSetUnionStore
	reads: leaderboard.Leaderboard/GetLeaderboardLength, leaderboard.Leaderboard/GetByRank, leaderboard.Leaderboard/GetRank
	reads: leaderboard.Leaderboard/GetByScore, leaderboard.Leaderboard/GetCompetitionRank
	writes: leaderboard.Leaderboard/DeleteLeaderboard, leaderboard.Leaderboard/UpsertElements, leaderboard.Leaderboard/RemoveElements
	reads: hearth.Loading/Fetch
	writes: hearth.Loading/Fill
	listens: cache_client.pubsub.Pubsub/Subscribe
	speaks: cache_client.pubsub.Pubsub/Publish
	manages: control_client.ScsControl/CreateCache, control_client.ScsControl/DeleteCache, control_client.ScsControl/ListCaches
	manages: control_client.ScsControl/FlushCache, control_client.ScsControl/CreateSigningKey, control_client.ScsControl/RevokeSigningKey
	manages: control_client.ScsControl/ListSigningKeys, webhook.Webhook/PutWebhook, webhook.Webhook/ListWebhooks, webhook.Webhook/DeleteWebhook
	manages: webhook.Webhook/GetWebhookSecret, webhook.Webhook/RotateWebhookSecret, token.Token/GenerateDisposableToken
	manages: auth.Auth/GenerateApiToken
	owns: auth.Auth/GenerateApiToken/super_user`

// notOffered are methods that answer UNIMPLEMENTED to everybody.
const notOffered = `auth.Auth/Login control_client.ScsControl/CreateIndex control_client.ScsControl/DeleteIndex control_client.ScsControl/ListIndexes`

// methods returns every method of the proto files by its path, and those not offered by hearth.
func methods() map[string]protoreflect.MethodDescriptor {
	all := map[string]protoreflect.MethodDescriptor{}
	protoregistry.GlobalFiles.RangeFiles(func(f protoreflect.FileDescriptor) bool {
		for i := range f.Services().Len() {
			s := f.Services().Get(i)
			name, ours := strings.CutPrefix(string(s.FullName()), pbtest.Prefix)
			for j := range s.Methods().Len() {
				if m := s.Methods().Get(j); ours {
					all[name+"/"+string(m.Name())] = m
				}
			}
		}
		return true
	})
	return all
}

func TestEveryMethodOfMomento(t *testing.T) { everywhere(t, everyMethodOfMomento) }

func everyMethodOfMomento(t *testing.T, start starter) {
	g := startGuarded(t, start)
	needs, all := table(t, momentoNeeds, ","), methods()
	var there, cases []string
	for name := range all {
		if !strings.Contains(" "+notOffered+" ", " "+name+" ") {
			there = append(there, name)
		}
	}
	var verbs []verb
	conn, err := grpc.NewClient(g.Listen, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	for name, n := range needs {
		method, member := name, ""
		if strings.Count(name, "/") == 2 {
			at := strings.LastIndexByte(name, '/')
			method, member = name[:at], name[at+1:]
		} else {
			cases = append(cases, name)
		}
		m := all[method]
		if m == nil {
			continue // whole says so
		}
		verbs = append(verbs, verb{name, n, func(token string) (bool, string) {
			s := sampler{member: member, token: token, cache: "a"}
			if strings.HasSuffix(method, "eCache") {
				s.cache = "new" // which comes and goes
			}
			code, message := g.web(method, token, s.sample(m.Input()))
			err := invoke(conn, method, token, s.sample(m.Input()), nil)
			if overWeb, direct := isRefusal(code), isRefusal(status.Code(err)); overWeb != direct {
				t.Errorf("%s is refused over gRPC-Web: %v (%s), over gRPC: %v", method, overWeb, message, direct)
			}
			return isRefusal(status.Code(err)), status.Convert(err).Message()
		}})
	}
	whole(t, "Momento", there, cases)
	g.check(g.everybody(), verbs)
	for _, name := range strings.Fields(notOffered) {
		if err := invoke(conn, name, g.bare(g.root), sampler{}.sample(all[name].Input()), nil); status.Code(err) != codes.Unimplemented {
			t.Errorf("%s answers %v", name, err)
		}
	}
}

func isRefusal(c codes.Code) bool { return c == codes.Unauthenticated || c == codes.PermissionDenied }

// web makes a call over gRPC-Web as far as the first frame with a status, and returns that; OK where a response comes first.
func (g *guarded) web(method, token string, in proto.Message) (codes.Code, string) {
	g.t.Helper()
	m, err := proto.Marshal(in)
	if err != nil {
		g.t.Fatal(err)
	}
	body := append([]byte{0, 0, 0, byte(len(m) >> 8), byte(len(m))}, m...)
	r, err := http.NewRequest("POST", g.url("/"+method), bytes.NewReader(body))
	if err != nil {
		g.t.Fatal(err)
	}
	r.Header = http.Header{"Content-Type": {"application/grpc-web+proto"}, "Authorization": {token}, "Cache": {"a"}}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		g.t.Fatal(err)
	}
	defer resp.Body.Close()
	text := "grpc-status: " + resp.Header.Get("Grpc-Status")
	var head [5]byte
	if _, err := io.ReadFull(resp.Body, head[:]); err == nil {
		if head[0] != 0x80 {
			return codes.OK, ""
		}
		trailers, _ := io.ReadAll(resp.Body)
		text = string(trailers)
	}
	var code codes.Code
	if found := regexp.MustCompile(`(?i)grpc-status: ?(\d+)`).FindStringSubmatch(text); found != nil {
		n, _ := strconv.Atoi(found[1])
		code = codes.Code(n)
	} else {
		g.t.Errorf("%s over gRPC-Web answers without a status: %s %q", method, resp.Status, text)
	}
	return code, text
}

// invoke makes a call on the cache "a" and reads one response into out, unless it is nil.
func invoke(conn *grpc.ClientConn, method, token string, in, out proto.Message) error {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	ctx = metadata.AppendToOutgoingContext(ctx, "authorization", token, "cache", "a")
	s, err := conn.NewStream(ctx, &grpc.StreamDesc{ServerStreams: true}, "/"+method)
	if err == nil {
		err = s.SendMsg(in)
	}
	if err == nil {
		err = s.CloseSend()
	}
	if err != nil {
		return err
	}
	if out == nil {
		out = &emptypb.Empty{} // takes any message's fields as unknown ones
	}
	return s.RecvMsg(out)
}

// call makes a call as the owner, which has to succeed.
func call(t *testing.T, g *guarded, method string, in, out proto.Message) {
	t.Helper()
	conn, err := grpc.NewClient(g.Listen, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := invoke(conn, method, g.bare(g.root), in, out); err != nil {
		t.Fatalf("%s: %v", method, err)
	}
}

// sampler makes requests on the key "k" or the topic "t" of a cache, with the named member of their oneofs: explicit
// permissions or the first one where it has none of that name. The credential stands in the body where there is a place for it.
type sampler struct{ member, token, cache string }

func (s sampler) sample(d protoreflect.MessageDescriptor) proto.Message {
	t, err := protoregistry.GlobalTypes.FindMessageByName(d.FullName())
	if err != nil {
		panic(err)
	}
	m := t.New()
	s.fill(m)
	return m.Interface()
}

func (s sampler) fill(m protoreflect.Message) {
	d := m.Descriptor()
	for i := range d.Fields().Len() {
		if f := d.Fields().Get(i); f.ContainingOneof() == nil {
			s.set(m, f)
		}
	}
	for i := range d.Oneofs().Len() {
		o := d.Oneofs().Get(i)
		for _, f := range []protoreflect.FieldDescriptor{o.Fields().ByName(protoreflect.Name(s.member)), o.Fields().ByName("explicit"), o.Fields().Get(0)} {
			if f != nil {
				s.set(m, f)
				break
			}
		}
	}
}

func (s sampler) set(m protoreflect.Message, f protoreflect.FieldDescriptor) {
	switch {
	case f.IsMap():
	case f.IsList() && f.Message() != nil:
		s.fill(m.Mutable(f).List().AppendMutable().Message())
	case f.IsList():
		m.Mutable(f).List().Append(s.scalar(f))
	case f.Message() != nil:
		s.fill(m.Mutable(f).Message())
	default:
		m.Set(f, s.scalar(f))
	}
}

func (s sampler) scalar(f protoreflect.FieldDescriptor) protoreflect.Value {
	switch f.Kind() {
	case protoreflect.StringKind:
		return protoreflect.ValueOfString(s.text(f.Name()))
	case protoreflect.BytesKind:
		return protoreflect.ValueOfBytes([]byte("k"))
	case protoreflect.BoolKind:
		return protoreflect.ValueOfBool(f.Name() != "failed") // a load that has failed fills nothing
	case protoreflect.EnumKind:
		values := f.Enum().Values()
		return protoreflect.ValueOfEnum(values.Get(min(1, values.Len()-1)).Number())
	case protoreflect.Int32Kind, protoreflect.Sint32Kind:
		return protoreflect.ValueOfInt32(1)
	case protoreflect.Uint32Kind:
		return protoreflect.ValueOfUint32(10)
	case protoreflect.Int64Kind, protoreflect.Sint64Kind:
		return protoreflect.ValueOfInt64(1)
	case protoreflect.Uint64Kind:
		return protoreflect.ValueOfUint64(1000)
	case protoreflect.FloatKind:
		return protoreflect.ValueOfFloat32(1)
	case protoreflect.DoubleKind:
		return protoreflect.ValueOfFloat64(1)
	}
	panic("no sample of " + f.Kind().String())
}

func (s sampler) text(field protoreflect.Name) string {
	switch field {
	case "auth_token":
		return s.token
	case "cache", "cache_name":
		return s.cache
	case "topic", "topic_name":
		return "t"
	case "next_token":
		return ""
	case "post_url":
		return "https://example.com/"
	}
	return "k"
}
