package crowd

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"

	"github.com/hearthcache/hearth/client"
)

// Options says what is compared, and where.
type Options struct {
	Scene      Scene
	Strategies []string // names; nil is all
	Model      bool     // in virtual time, without hearth and without sockets

	// Connect returns the client of environment n, with connections of its own. Environments are spread over Gateways.
	Connect      func(n int) (*client.Client, error)
	Gateways     int      // 0 is 1
	RESP         []string // host:port of each gateway: environments speak RESP to it instead of gRPC
	Key          string   // API key, for RESP; empty is none
	Cache        string   // what the names of the caches begin with, which are made and deleted
	OriginListen string   // where loads are counted and slowed down, host:port

	// Behind loads what is counted from somewhere else; nil is that the crowd's own origin makes values up.
	Behind func(ctx context.Context, key string) ([]byte, error)

	Progress func(Progress) // called about twice a second, and at the end of each strategy; nil is not at all
}

// Progress is how far a day is.
type Progress struct {
	Strategy     string
	Done         float64 // 0 to 1
	Environments int
	Reads        int
	OriginLoads  int
}

// Report is the comparison.
type Report struct {
	Scene   Scene     `json:"scene"`
	Model   bool      `json:"model"`
	Results []*Result `json:"results"`
}

// Run plays the day once with each strategy.
func Run(ctx context.Context, o Options) (*Report, error) {
	o.Scene.complete()
	hows, err := chosen(o.Strategies)
	if err = errors.Join(err, o.Scene.check()); err != nil {
		return nil, err
	}
	if o.Progress == nil {
		o.Progress = func(Progress) {}
	}
	day, r := o.Scene.day(), &Report{Scene: o.Scene, Model: o.Model}
	if o.Model {
		for _, how := range hows {
			one, err := runModel(ctx, &o.Scene, how, day, o.Progress)
			if err != nil {
				return nil, err
			}
			o.end(one)
			r.Results = append(r.Results, one)
		}
		return r, nil
	}
	stage, err := newStage(ctx, &o, day)
	if err != nil {
		return nil, err
	}
	defer stage.close()
	for _, how := range hows {
		runtime.GC() // what the last day has left is not this one's to clean up
		one, err := stage.play(ctx, how)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", how.Title, err)
		}
		o.end(one)
		r.Results = append(r.Results, one)
	}
	return r, nil
}

func (o *Options) end(r *Result) {
	o.Progress(Progress{Strategy: r.Title, Done: 1, Environments: r.Environments, Reads: r.Reads, OriginLoads: r.OriginLoads})
}

// chosen returns the strategies of those names, in the order of Strategies.
func chosen(names []string) ([]Strategy, error) {
	if names == nil {
		return Strategies, nil
	}
	var all []string
	for _, s := range Strategies {
		all = append(all, s.Name)
	}
	for _, n := range names {
		if !slices.Contains(all, n) {
			return nil, fmt.Errorf("there is no strategy %q: they are %s", n, strings.Join(all, ", "))
		}
	}
	return slices.DeleteFunc(slices.Clone(Strategies), func(s Strategy) bool { return !slices.Contains(names, s.Name) }), nil
}
