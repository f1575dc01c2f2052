package crowd

import (
	"slices"
	"sync"
	"time"
)

// source is where an item was found.
type source uint8

const (
	fromLocal source = iota
	fromShared
	fromOrigin
)

var sourceNames = [...]string{"local", "hearth", "origin"}

// Result is what came of a day with one strategy.
type Result struct {
	Strategy     string `json:"strategy"`
	Title        string `json:"title"`
	Skipped      string `json:"skipped,omitempty"` // why there is no result
	Invocations  int    `json:"invocations"`
	Environments int    `json:"environments"` // cold starts
	Reads        int    `json:"reads"`
	LocalHits    int    `json:"local_hits"`
	SharedHits   int    `json:"shared_hits"`
	CallerLoads  int    `json:"caller_loads"` // that environments made themselves
	Sets         int    `json:"sets"`         // of what they loaded
	Wanted       int    `json:"items_wanted"` // different items: fewer loads are not possible
	OriginLoads  int    `json:"origin_loads"` // requests that the origin saw
	LaunchLoads  int    `json:"launch_loads"` // of them for the launched item
	Errors       int    `json:"errors"`       // requests that failed; the caller went on without
	Error        string `json:"error,omitempty"`
	BusiestLoads int    `json:"busiest_loads"` // most requests to the origin within a tenth of a second

	// Of reads that left their environment, from the last byte sent on an open connection to the value.
	Latency Percentiles   `json:"latency"`
	Connect Percentiles   `json:"connect"`      // of opening connections to hearth
	Late    Percentiles   `json:"late"`         // by which invocations came after their time: the crowd's own processor was busy
	Waited  time.Duration `json:"waited_nanos"` // all callers together, for their reads
	Took    time.Duration `json:"took_nanos"`

	Visits   []Visit         `json:"visits,omitempty"` // of the figure: each invocation
	launch   []time.Duration // when the launched item was loaded
	arrivals []time.Duration
}

// Visit is what one invocation of the figure did.
type Visit struct {
	Invocation  int    `json:"invocation"`
	Environment int    `json:"environment"`
	Cold        bool   `json:"cold"`
	From        string `json:"from"` // local, hearth or origin
}

// Percentiles of durations.
type Percentiles struct {
	P50  time.Duration `json:"p50_nanos"`
	P99  time.Duration `json:"p99_nanos"`
	P999 time.Duration `json:"p99_9_nanos"`
	Max  time.Duration `json:"max_nanos"`
}

// percentilesOf sorts what it is given.
func percentilesOf(d []time.Duration) Percentiles {
	if len(d) == 0 {
		return Percentiles{}
	}
	slices.Sort(d)
	at := func(permille int) time.Duration { return d[(len(d)-1)*permille/1000] }
	return Percentiles{at(500), at(990), at(999), d[len(d)-1]}
}

// visitsMax is up to how many invocations each is told of.
const visitsMax = 20

// tally counts what happens during a day.
type tally struct {
	mu      sync.Mutex // guards the rest
	r       Result
	took    []time.Duration
	dialled []time.Duration
	late    []time.Duration
	wanted  map[int]struct{}
}

func newTally(how Strategy, day []Invocation) *tally {
	t := &tally{r: Result{Strategy: how.Name, Title: how.Title, Invocations: len(day)}, wanted: map[int]struct{}{}}
	if len(day) <= visitsMax {
		t.r.Visits = make([]Visit, len(day))
	}
	for i := range day {
		t.r.arrivals = append(t.r.arrivals, day[i].At)
	}
	return t
}

func (t *tally) invoked(number, environment int, cold bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.r.Visits != nil {
		t.r.Visits[number] = Visit{Invocation: number + 1, Environment: environment, Cold: cold}
	}
}

// came notes by how much an invocation was late.
func (t *tally) came(late time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.late = append(t.late, late)
}

func (t *tally) connected(a answer) {
	t.failed(a.err)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.dialled = append(t.dialled, a.dial)
}

func (t *tally) failed(err error) {
	if err == nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.r.Errors++
	if t.r.Error == "" {
		t.r.Error = err.Error()
	}
}

func (t *tally) read(number, key int, from source, now time.Duration, a answer) {
	t.failed(a.err)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.r.Reads++
	t.wanted[key] = struct{}{}
	switch from {
	case fromLocal:
		t.r.LocalHits++
	case fromShared:
		t.r.SharedHits++
	case fromOrigin:
		t.r.CallerLoads++
	}
	if from != fromLocal {
		t.took = append(t.took, a.took)
		t.r.Waited += a.took
	}
	if t.r.Visits != nil {
		t.r.Visits[number].From = sourceNames[from]
	}
}

// reads returns how many reads there were until now.
func (t *tally) reads() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.r.Reads
}

// result returns what was counted, with the loads that the origin saw.
func (t *tally) result(how Strategy, environments int, loads []load) *Result {
	t.mu.Lock()
	defer t.mu.Unlock()
	r := &t.r
	r.Environments, r.Wanted, r.OriginLoads = environments, len(t.wanted), len(loads)
	if how.shared {
		r.Sets = r.CallerLoads
	}
	r.Latency, r.Connect, r.Late = percentilesOf(t.took), percentilesOf(t.dialled), percentilesOf(t.late)
	var all []time.Duration
	for _, l := range loads {
		if l.key == 0 {
			r.launch = append(r.launch, l.at)
		}
		all = append(all, l.at)
	}
	slices.Sort(all)
	slices.Sort(r.launch)
	r.LaunchLoads = len(r.launch)
	first := 0
	for i, at := range all {
		for at-all[first] >= time.Second/10 {
			first++
		}
		r.BusiestLoads = max(r.BusiestLoads, i-first+1)
	}
	return r
}

// load is one request that the origin saw.
type load struct {
	key int
	at  time.Duration
}
