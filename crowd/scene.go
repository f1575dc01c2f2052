// Package crowd replays a launch day: a crowd of execution environments, as a function platform starts them, that all
// want the same item at the same moment. The same arrivals and the same environments live in one of two worlds: real
// sockets to a running hearth and to an origin, or a model with a clock of its own, which reaches a million environments
// in seconds. It knows nothing of hearth's insides: it speaks to it as any client does.
package crowd

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"time"
)

// Scene is a day: who comes when, and wants what. Scenes are equal for equal seeds.
type Scene struct {
	Name         string        `json:"name"`
	Seed         uint64        `json:"seed"`
	Environments int           `json:"environments"`        // that the crowd needs: so many invocations at once
	Spread       time.Duration `json:"spread_nanos"`        // over which the crowd arrives
	Before       time.Duration `json:"before_nanos"`        // a quiet time ahead of the crowd, in which the launched item is unknown
	BeforeRate   float64       `json:"before_rate"`         // invocations a second then
	After        time.Duration `json:"after_nanos"`         // what follows the crowd
	AfterRate    float64       `json:"after_rate"`          // invocations a second then
	Work         time.Duration `json:"work_nanos"`          // what an invocation does beside its reads
	Cold         time.Duration `json:"cold_nanos"`          // what an environment needs to start
	Warm         time.Duration `json:"warm_nanos"`          // how long an idle environment is kept
	Reads        int           `json:"reads"`               // items that an invocation reads: the launched one, and others
	Keys         int           `json:"keys"`                // the other items
	Zipf         float64       `json:"zipf"`                // exponent of how unevenly the others are wanted
	ValueBytes   int           `json:"value_bytes"`         // of an item
	ItemTTL      time.Duration `json:"item_ttl_nanos"`      // of items in hearth
	LocalTTL     time.Duration `json:"local_ttl_nanos"`     // of items in an environment's own memory
	Latency      time.Duration `json:"latency_nanos"`       // of the origin, for one load
	Parallel     int           `json:"parallel"`            // loads that the origin answers at once, others queue; 0 is any number
	SharedTrip   time.Duration `json:"shared_trip_nanos"`   // model: to hearth and back
	ConnectTrip  time.Duration `json:"connect_trip_nanos"`  // model: until a connection is open
	CollapseWait time.Duration `json:"collapse_wait_nanos"` // what the cache's collapse-wait is set to
	CollapseLoad time.Duration `json:"collapse_load_nanos"` // and its collapse-load

	given []Invocation // instead of a day that is made of the rest
}

// Invocation is one request to the function.
type Invocation struct {
	At   time.Duration // since the day began
	Keys []int         // what it reads, one after another
}

// Bounds of a scene.
const (
	EnvironmentsMax = 2_000_000
	invocationsMax  = 4 * EnvironmentsMax
	ReadsMax        = 100
	KeysMax         = 1_000_000
	ValueBytesMax   = 4 << 20
)

// Launch returns the launch day for a number of environments that start within a time. Invocations take at least as
// long, so that none of the crowd finds another's environment idle.
func Launch(environments int, spread time.Duration) Scene {
	return Scene{
		Name: "launch", Seed: 1, Environments: environments, Spread: spread,
		Before: time.Second, BeforeRate: 10, After: spread * 3 / 2, AfterRate: float64(environments) / 2 / max(1, spread.Seconds()),
		Work: max(spread, 500*time.Millisecond), Cold: 150 * time.Millisecond, Warm: 5 * time.Minute,
		Reads: 3, Keys: 1000, Zipf: 1.1, ValueBytes: 1 << 10,
		ItemTTL: time.Minute, LocalTTL: time.Minute, Latency: 50 * time.Millisecond,
		SharedTrip: 500 * time.Microsecond, ConnectTrip: time.Millisecond,
	}
}

// Figure returns the scene that explains local caches: five invocations, of which the fourth and the fifth find
// environments that are idle, so that three environments run. Each of the three loads the item, unless they share it.
func Figure() Scene {
	s := Launch(3, 0)
	s.Name, s.Reads, s.Keys = "figure", 1, 1
	s.Before, s.Spread, s.After, s.Work = 0, 0, 2*time.Second, 700*time.Millisecond
	s.Cold = 50 * time.Millisecond
	for _, at := range []time.Duration{0, 300, 600, 1000, 1300} {
		s.given = append(s.given, Invocation{At: at * time.Millisecond, Keys: []int{0}})
	}
	return s
}

// complete fills in what follows from the rest.
func (s *Scene) complete() {
	if s.CollapseLoad == 0 {
		s.CollapseLoad = max(time.Second, 5*s.Latency)
	}
	if s.CollapseWait == 0 {
		s.CollapseWait = max(2500*time.Millisecond, 2*s.CollapseLoad)
	}
}

func (s *Scene) check() error {
	in := func(what string, n, least, most float64) error {
		if n < least || n > most || math.IsNaN(n) {
			plain := func(n float64) string { return strconv.FormatFloat(n, 'f', -1, 64) }
			return fmt.Errorf("%s is %s; it may be from %s to %s", what, plain(n), plain(least), plain(most))
		}
		return nil
	}
	longest := float64(24 * time.Hour)
	length := float64(s.Before+s.After)/1e9*max(s.BeforeRate, s.AfterRate) + float64(s.Environments)
	return errors.Join(
		in("the number of environments", float64(s.Environments), 1, EnvironmentsMax),
		in("the number of reads", float64(s.Reads), 1, ReadsMax),
		in("the number of keys", float64(s.Keys), 1, KeysMax),
		in("the exponent of Zipf's law", s.Zipf, 1.001, 10),
		in("the size of a value", float64(s.ValueBytes), 1, ValueBytesMax),
		in("the rate before", s.BeforeRate, 0, 1e7), in("the rate after", s.AfterRate, 0, 1e7),
		in("the spread in nanoseconds", float64(s.Spread), 0, longest),
		in("the time before in nanoseconds", float64(s.Before), 0, longest),
		in("the time after in nanoseconds", float64(s.After), 0, longest),
		in("the work of an invocation in nanoseconds", float64(s.Work), 0, longest),
		in("the origin's latency in nanoseconds", float64(s.Latency), 0, float64(time.Minute)),
		in("the origin's parallel loads", float64(s.Parallel), 0, 1e6),
		in("the number of invocations", length, 1, invocationsMax),
	)
}

// day returns the scene's invocations in the order of their arrival. From the launch on the first read of each is the
// launched item, 0; the other reads follow Zipf's law over the items from 1.
func (s *Scene) day() []Invocation {
	if s.given != nil {
		return s.given
	}
	r := rand.New(rand.NewPCG(s.Seed, 0))
	zipf := rand.NewZipf(r, s.Zipf, 1, uint64(s.Keys-1))
	var day []Invocation
	come := func(at time.Duration) {
		keys := make([]int, s.Reads)
		for i := range keys[1:] {
			keys[i+1] = 1 + int(zipf.Uint64())
		}
		if at < s.Before {
			keys = keys[1:]
		}
		day = append(day, Invocation{At: at, Keys: keys})
	}
	// Arrivals of many independent callers: exponential pauses between them.
	poisson := func(from, length time.Duration, rate float64) {
		for at := from; rate > 0; {
			if at += time.Duration(r.ExpFloat64() / rate * float64(time.Second)); at >= from+length {
				return
			}
			come(at)
		}
	}
	poisson(0, s.Before, s.BeforeRate)
	crowd := make([]time.Duration, s.Environments)
	for i := range crowd {
		crowd[i] = s.Before + time.Duration(r.Float64()*float64(s.Spread))
	}
	slices.Sort(crowd)
	for _, at := range crowd {
		come(at)
	}
	poisson(s.launched(), s.After, s.AfterRate)
	return day
}

// launched is when the crowd has come, and its first invocations are over: what follows finds idle environments.
func (s *Scene) launched() time.Duration { return s.Before + s.Spread + 500*time.Millisecond }

// length is about the time until the last invocation is over.
func (s *Scene) length() time.Duration {
	if n := len(s.given); n > 0 {
		return s.given[n-1].At + s.Work
	}
	return s.launched() + s.After + s.Work
}

// Strategy is how environments come by an item that they do not have themselves.
type Strategy struct {
	Name   string // short
	Title  string // for people
	shared bool   // ask hearth first, and tell it what was loaded

	collapse, origin bool // how the cache in hearth is set
}

// Strategies are those that are compared.
var Strategies = []Strategy{
	{Name: "local", Title: "local cache only"},
	{Name: "aside", Title: "read-aside over hearth", shared: true},
	{Name: "collapse", Title: "hearth, collapsed misses", shared: true, collapse: true},
	{Name: "origin", Title: "hearth loads from the origin", shared: true, origin: true},
}
