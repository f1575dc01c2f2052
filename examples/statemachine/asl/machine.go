// Package asl runs state machines written in the Amazon States Language, in this process: enough of it for the recipes
// here, with the limits and the names of errors of AWS Step Functions. It knows nothing of hearth.
package asl

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"
)

// PayloadBytesMax is what the input or output of a state, and the result of a task, may have as JSON.
const PayloadBytesMax = 262_144

// Machine is a state machine, or a part of one that Map and Parallel run.
type Machine struct {
	Comment string
	StartAt string
	States  map[string]*State
}

// State is one state, of any type.
type State struct {
	Type           string
	Comment        string
	Next           string
	End            bool
	InputPath      *string
	OutputPath     *string
	ResultPath     *string
	Parameters     any
	ResultSelector any
	Result         any
	Resource       string
	TimeoutSeconds float64
	Seconds        float64
	Choices        []map[string]any
	Default        string
	Branches       []*Machine
	ItemsPath      string
	ItemSelector   any
	ItemProcessor  *Machine
	MaxConcurrency int
	Retry          []Retrier
	Catch          []Catcher
	Error, Cause   string
}

// Retrier says after which errors a state is tried again.
type Retrier struct {
	ErrorEquals     []string
	IntervalSeconds *float64
	MaxAttempts     *int
	BackoffRate     *float64
}

// Catcher says where to go after an error.
type Catcher struct {
	ErrorEquals []string
	Next        string
	ResultPath  *string
}

// Error is an error with the name that the States Language knows it by.
type Error struct{ Name, Cause string }

// Error implements error.
func (e *Error) Error() string { return e.Name + ": " + e.Cause }

func failf(name, format string, args ...any) *Error {
	return &Error{Name: name, Cause: fmt.Sprintf(format, args...)}
}

// Task does the work of a Task state: it gets the state's Parameters and returns its result.
type Task func(ctx context.Context, in any) (any, error)

// Runner runs machines.
type Runner struct {
	Tasks   map[string]Task   // by Resource
	Entered func(name string) // is told of each state, from any goroutine; nil is nobody
}

// Parse reads a definition and checks that all states it names are there.
func Parse(text []byte) (*Machine, error) {
	m := &Machine{}
	if err := json.Unmarshal(text, m); err != nil {
		return nil, err
	}
	return m, m.check()
}

func (m *Machine) check() error {
	names := []string{m.StartAt}
	for _, s := range m.States {
		if s.Next != "" {
			names = append(names, s.Next)
		}
		if s.Default != "" {
			names = append(names, s.Default)
		}
		for _, c := range s.Choices {
			next, _ := c["Next"].(string)
			names = append(names, next)
		}
		for _, c := range s.Catch {
			names = append(names, c.Next)
		}
		parts := s.Branches
		if s.ItemProcessor != nil {
			parts = append(slices.Clone(parts), s.ItemProcessor)
		}
		for _, part := range parts {
			if err := part.check(); err != nil {
				return err
			}
		}
	}
	for _, n := range names {
		if m.States[n] == nil {
			return fmt.Errorf("there is no state %q", n)
		}
	}
	return nil
}

// Run runs a machine on an input of JSON's Go types and returns its output.
func (r *Runner) Run(ctx context.Context, m *Machine, input any) (any, error) {
	return r.run(ctx, m, input, map[string]any{"Execution": map[string]any{"StartTime": time.Now().UTC().Format(time.RFC3339)}})
}

func (r *Runner) run(ctx context.Context, m *Machine, data any, context map[string]any) (any, error) {
	name := m.StartAt
	for {
		if err := fits(name, "input", data); err != nil {
			return nil, err
		}
		s := m.States[name]
		if r.Entered != nil {
			r.Entered(name)
		}
		out, next, err := r.step(ctx, s, data, context)
		if err != nil {
			return nil, err
		}
		if err := fits(name, "output", out); err != nil {
			return nil, err
		}
		if next == "" {
			return out, nil
		}
		data, name = out, next
	}
}

// fits holds data between states against the limit.
func fits(name, what string, data any) error {
	if n := len(marshal(data)); n > PayloadBytesMax {
		return failf("States.DataLimitExceeded", "the %s of the state %q has %d bytes; the most is %d", what, name, n, PayloadBytesMax)
	}
	return nil
}

func marshal(data any) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(data) // JSON's own types always have a text
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

// step runs one state to its end, retries and catches included. An empty next ends the machine.
func (r *Runner) step(ctx context.Context, s *State, data any, c map[string]any) (out any, next string, err error) {
	attempts := make([]int, len(s.Retry))
	for {
		out, next, err = r.try(ctx, s, data, c)
		if err == nil {
			return out, next, nil
		}
		failure := named(err)
		if wait, again := s.again(failure, attempts); again {
			select {
			case <-ctx.Done():
				return nil, "", ctx.Err()
			case <-time.After(wait):
			}
			continue
		}
		for _, k := range s.Catch {
			if matches(k.ErrorEquals, failure.Name) {
				out, err := placed(data, map[string]any{"Error": failure.Name, "Cause": failure.Cause}, k.ResultPath)
				return out, k.Next, err
			}
		}
		return nil, "", failure
	}
}

// again reports whether a state is tried once more after an error, and when.
func (s *State) again(e *Error, attempts []int) (time.Duration, bool) {
	for i, t := range s.Retry {
		if !matches(t.ErrorEquals, e.Name) {
			continue
		}
		if attempts[i] >= or(t.MaxAttempts, 3) {
			return 0, false
		}
		wait := or(t.IntervalSeconds, 1)
		for range attempts[i] {
			wait *= or(t.BackoffRate, 2)
		}
		attempts[i]++
		return time.Duration(wait * float64(time.Second)), true
	}
	return 0, false
}

func or[T any](p *T, otherwise T) T {
	if p == nil {
		return otherwise
	}
	return *p
}

// matches reports whether a list of names has an error. No wildcard matches what ends an execution whatever it says.
func matches(names []string, name string) bool {
	if slices.Contains(names, name) {
		return true
	}
	if name == "States.DataLimitExceeded" || name == "States.Runtime" {
		return false
	}
	return slices.Contains(names, "States.ALL") || slices.Contains(names, "States.TaskFailed") && name != "States.Timeout"
}

// named gives an error of a task a name.
func named(err error) *Error {
	if e, ok := err.(*Error); ok {
		return e
	}
	if err == context.DeadlineExceeded {
		return failf("States.Timeout", "the state took longer than its TimeoutSeconds")
	}
	return failf("States.TaskFailed", "%v", err)
}

// try runs a state once.
func (r *Runner) try(ctx context.Context, s *State, raw any, c map[string]any) (out any, next string, err error) {
	in, err := at(s.InputPath, raw, c)
	if err != nil {
		return nil, "", err
	}
	next = s.Next
	var result any
	switch s.Type {
	case "Succeed":
		out, err = at(s.OutputPath, in, c)
		return out, "", err
	case "Fail":
		return nil, "", &Error{s.Error, s.Cause}
	case "Choice":
		if next, err = choose(s, in, c); err != nil {
			return nil, "", err
		}
		out, err = at(s.OutputPath, in, c)
		return out, next, err
	case "Wait":
		select {
		case <-ctx.Done():
			return nil, "", ctx.Err()
		case <-time.After(time.Duration(s.Seconds * float64(time.Second))):
		}
		out, err = at(s.OutputPath, in, c)
		return out, next, err
	case "Pass", "Task", "Map", "Parallel":
		result, err = r.work(ctx, s, in, c)
	default:
		err = failf("States.Runtime", "states of the type %q are not run here", s.Type)
	}
	if err != nil {
		return nil, "", err
	}
	if s.ResultSelector != nil {
		if result, err = fill(s.ResultSelector, result, c); err != nil {
			return nil, "", err
		}
	}
	if out, err = placed(raw, result, s.ResultPath); err != nil {
		return nil, "", err
	}
	out, err = at(s.OutputPath, out, c)
	return out, next, err
}

// work returns the result of a state that has one.
func (r *Runner) work(ctx context.Context, s *State, in any, c map[string]any) (any, error) {
	switch s.Type {
	case "Map":
		return r.each(ctx, s, in, c)
	case "Parallel":
		return r.parallel(ctx, s, in, c)
	}
	if s.Parameters != nil {
		var err error
		if in, err = fill(s.Parameters, in, c); err != nil {
			return nil, err
		}
	}
	if s.Type == "Pass" {
		if s.Result != nil {
			return s.Result, nil
		}
		return in, nil
	}
	task := r.Tasks[s.Resource]
	if task == nil {
		return nil, failf("States.Runtime", "nothing does the work of %s", s.Resource)
	}
	if err := fits(s.Resource, "input", in); err != nil {
		return nil, err
	}
	if s.TimeoutSeconds > 0 {
		limited, cancel := context.WithTimeout(ctx, time.Duration(s.TimeoutSeconds*float64(time.Second)))
		defer cancel()
		ctx = limited
	}
	out, err := task(ctx, in)
	if err != nil && ctx.Err() == context.DeadlineExceeded {
		return nil, ctx.Err()
	}
	if err != nil {
		return nil, err
	}
	return out, fits(s.Resource, "result", out)
}

// each runs a Map's machine for every item, so many at once.
func (r *Runner) each(ctx context.Context, s *State, in any, c map[string]any) (any, error) {
	path := s.ItemsPath
	found, err := lookup(path, in, c)
	if err != nil {
		return nil, err
	}
	items, ok := found.([]any)
	if !ok {
		return nil, failf("States.Runtime", "ItemsPath %s is no array", path)
	}
	atOnce := s.MaxConcurrency
	if atOnce <= 0 {
		atOnce = 40
	}
	selector := s.ItemSelector
	if selector == nil {
		selector = s.Parameters
	}
	return together(ctx, len(items), atOnce, func(ctx context.Context, i int) (any, error) {
		own := map[string]any{"Map": map[string]any{"Item": map[string]any{"Index": float64(i), "Value": items[i]}}}
		for k, v := range c {
			if k != "Map" {
				own[k] = v
			}
		}
		item := items[i]
		if selector != nil {
			var err error
			if item, err = fill(selector, in, own); err != nil {
				return nil, err
			}
		}
		return r.run(ctx, s.ItemProcessor, item, own)
	})
}

func (r *Runner) parallel(ctx context.Context, s *State, in any, c map[string]any) (any, error) {
	if s.Parameters != nil {
		var err error
		if in, err = fill(s.Parameters, in, c); err != nil {
			return nil, err
		}
	}
	return together(ctx, len(s.Branches), len(s.Branches), func(ctx context.Context, i int) (any, error) {
		return r.run(ctx, s.Branches[i], in, c)
	})
}

// together runs n parts, some at once. The first error ends the others.
func together(ctx context.Context, n, atOnce int, part func(ctx context.Context, i int) (any, error)) (any, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	type done struct {
		i   int
		out any
		err error
	}
	results, slots := make(chan done, n), make(chan struct{}, max(1, atOnce))
	for i := range n {
		go func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			if ctx.Err() != nil {
				results <- done{i, nil, ctx.Err()}
				return
			}
			out, err := part(ctx, i)
			results <- done{i, out, err}
		}()
	}
	outs := make([]any, n)
	var first error
	for range n {
		d := <-results
		if d.err != nil && first == nil {
			first = d.err
			cancel()
		}
		outs[d.i] = d.out
	}
	return outs, first
}
