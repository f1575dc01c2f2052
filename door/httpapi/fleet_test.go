package httpapi

import (
	"context"
	"go/ast"
	"go/parser"
	"go/token"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/hearthcache/hearth/control"
	"github.com/hearthcache/hearth/control/store"
	"github.com/hearthcache/hearth/engine/local"
	"github.com/hearthcache/hearth/engine/valkey"
	"github.com/hearthcache/hearth/fleet"
	"github.com/hearthcache/hearth/gateway"
	"github.com/hearthcache/hearth/test/await"
	topicsvalkey "github.com/hearthcache/hearth/topics/valkey"
)

// ofFleet is the test that runs this package's tests against two gateways over a cluster.
const ofFleet = "TestOfAFleet"

// ofOneProcess says why tests are about one process alone, or about no server at all.
var ofOneProcess = map[string]string{
	"TestEveryKindHasAStatus":     "no server",
	"TestEveryKindOfErrorHasARow": "no server",
	"TestCacheStatus":             "no server",
	"TestDocument":                "no server",
	"TestDocumentRefuses":         "no server",
	"TestStrangersAreRefused":     "no engine is reached",
	ofFleet:                       "itself",
}

func TestOfAFleet(t *testing.T) {
	tests := map[string]func(*testing.T){
		"TestItems": TestItems, "TestRolesAndKeys": TestRolesAndKeys, "TestPages": TestPages, "TestIssuedOverHTTP": TestIssuedOverHTTP,
		"TestUsageOverHTTP": TestUsageOverHTTP, "TestBatch": TestBatch, "TestBatchAnswersAreBounded": TestBatchAnswersAreBounded, "TestBatchAnswersOfAllClientsAreBounded": TestBatchAnswersOfAllClientsAreBounded,
		"TestBatchPermissions": TestBatchPermissions,
		"TestClaims":           TestClaims, "TestClaimParts": TestClaimParts, "TestClaimRefusals": TestClaimRefusals, "TestClaimLimits": TestClaimLimits,
		"TestClaimWriters": TestClaimWriters, "TestClaimPermissions": TestClaimPermissions, "TestClaimReadsTogether": TestClaimReadsTogether,
		"TestClaimHeld": TestClaimHeld, "TestCutBodies": TestCutBodies, "TestClaimBrowsers": TestClaimBrowsers, "TestClaimUsage": TestClaimUsage,
		"TestHeadAndHeaders": TestHeadAndHeaders, "TestConditionsAndRanges": TestConditionsAndRanges, "TestConditionalPut": TestConditionalPut,
		"TestBodies": TestBodies, "TestCollapsedStatus": TestCollapsedStatus, "TestOldAddresses": TestOldAddresses, "TestNowhere": TestNowhere,
		"TestTagsOfItems": TestTagsOfItems, "TestExplained": TestExplained, "TestPublishErrors": TestPublishErrors, "TestLongPoll": TestLongPoll,
		"TestPollEndsWithItsCacheAndItsClient": TestPollEndsWithItsCacheAndItsClient,
		"TestServerSentEvents":                 TestServerSentEvents, "TestEventErrors": TestEventErrors, "TestWebSocket": TestWebSocket,
		"TestSettingsOverHTTP": TestSettingsOverHTTP, "TestTopicList": TestTopicList,
	}
	for _, name := range testsHere(t) {
		if tests[name] == nil && ofOneProcess[name] == "" {
			t.Errorf("%s runs against one process only", name)
		}
	}
	var err error
	if clusterOfTests, err = fleet.StartCluster(t.TempDir(), 3, 0); err != nil {
		t.Fatal(err)
	}
	defer clusterOfTests.Stop()
	for name, test := range tests {
		t.Run(name, test)
	}
}

// testsHere returns the names of this package's tests.
func testsHere(t *testing.T) (names []string) {
	t.Helper()
	files, err := filepath.Glob("*_test.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range f.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil && strings.HasPrefix(fn.Name.Name, "Test") {
				names = append(names, fn.Name.Name)
			}
		}
	}
	return names
}

// clusterOfTests serves the tests of TestOfAFleet, one after another.
var clusterOfTests *fleet.Cluster

// inFleet reports whether a test runs against a fleet, where docs/engines.md names what it cannot.
func inFleet(t *testing.T) bool { return strings.HasPrefix(t.Name(), ofFleet+"/") }

// cause returns what is told of a miss: a fleet does not know causes, but for invalidations.
func cause(t *testing.T, known string) string {
	if inFleet(t) {
		return "unknown"
	}
	return known
}

// gateways returns those that a test is about, with the same control state: one over an engine of its own, or as part of
// TestOfAFleet two over a cluster of three shards.
func gateways(t *testing.T, o gateway.Options) []*gateway.Gateway {
	t.Helper()
	if !inFleet(t) {
		plane, err := control.NewPlane(context.Background(), nil)
		if err != nil {
			t.Fatal(err)
		}
		e := local.New(local.Options{})
		t.Cleanup(func() { _ = e.Close() })
		o.Engine, o.Plane = e, plane
		return []*gateway.Gateway{gateway.New(o)}
	}
	for _, s := range clusterOfTests.Servers {
		if _, err := s.Command("FLUSHALL"); err != nil {
			t.Fatal(err)
		}
	}
	return []*gateway.Gateway{fleetGateway(t, clusterOfTests, o), fleetGateway(t, clusterOfTests, o)}
}

// untilEvery waits until something holds at every gateway: one that has just been started may not have been waited for.
func untilEvery(t *testing.T, gs []*gateway.Gateway, what string, holds func(*gateway.Gateway) bool) {
	t.Helper()
	for _, g := range gs {
		await.That(t, what+", at every gateway", func() bool { return holds(g) })
	}
}

// fleetGateway is a gateway as `hearth serve --engine valkey` makes it.
func fleetGateway(t *testing.T, servers *fleet.Cluster, o gateway.Options) *gateway.Gateway {
	t.Helper()
	at := valkey.Options{Addrs: servers.Addrs(), NearBytes: 1 << 20}
	e, err := valkey.New(at)
	if err != nil {
		t.Fatal(err)
	}
	side, err := valkey.Connect(at)
	if err != nil {
		t.Fatal(err)
	}
	shared := store.NewValkey(side)
	plane, err := control.NewPlane(context.Background(), shared)
	if err != nil {
		t.Fatal(err)
	}
	broker := topicsvalkey.New(topicsvalkey.Options{
		Client:  side,
		Dial:    func(addr string) (net.Conn, error) { return valkey.Dial(at, addr) },
		Owners:  func(ctx context.Context) (func(string) string, error) { return valkey.Owners(ctx, side, at) },
		Reclaim: e.Drop,
	})
	o.Engine, o.Plane, o.Ledger, o.Topics = e, plane, control.NewSharedLedger(shared), broker
	g := gateway.New(o)
	ctx, cancel := context.WithCancel(context.Background())
	var parts sync.WaitGroup
	for _, run := range []func(context.Context) error{plane.Run, e.Run, g.Run, g.RunTopics} {
		parts.Go(func() { _ = run(ctx) })
	}
	t.Cleanup(func() {
		cancel()
		parts.Wait()
		_ = g.Close()
		_ = broker.Close()
		_ = e.Close()
		_ = shared.Close()
		side.Close()
	})
	return g
}

// byTurns gives each request to another gateway's handler than the one before.
func byTurns(gs []*gateway.Gateway, handler func(*gateway.Gateway) http.Handler) http.Handler {
	var handlers []http.Handler
	for _, g := range gs {
		handlers = append(handlers, handler(g))
	}
	var turn atomic.Uint64
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		handlers[turn.Add(1)%uint64(len(handlers))].ServeHTTP(w, r)
	})
}
