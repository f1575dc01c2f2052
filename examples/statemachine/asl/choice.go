package asl

import (
	"path"
	"strings"
)

// choose returns the state that the first rule which holds leads to.
func choose(s *State, in any, c map[string]any) (string, error) {
	for _, rule := range s.Choices {
		ok, err := holds(rule, in, c)
		if err != nil {
			return "", err
		}
		if ok {
			next, _ := rule["Next"].(string)
			return next, nil
		}
	}
	if s.Default == "" {
		return "", failf("States.NoChoiceMatched", "no rule holds and there is no Default")
	}
	return s.Default, nil
}

// holds reports whether a rule holds: And, Or, Not, or a comparison of a Variable.
func holds(rule map[string]any, in any, c map[string]any) (bool, error) {
	for name, all := range map[string]bool{"And": true, "Or": false} {
		list, ok := rule[name].([]any)
		if !ok {
			continue
		}
		for _, each := range list {
			inner, _ := each.(map[string]any)
			if ok, err := holds(inner, in, c); err != nil || ok != all {
				return !all, err
			}
		}
		return all, nil
	}
	if inner, ok := rule["Not"].(map[string]any); ok {
		ok, err := holds(inner, in, c)
		return !ok, err
	}
	variable, _ := rule["Variable"].(string)
	v, err := lookup(variable, in, c)
	if want, ok := rule["IsPresent"].(bool); ok {
		return (err == nil) == want, nil
	}
	if err != nil {
		return false, failf("States.Runtime", "the choice's variable %s points to nothing", variable)
	}
	for name, want := range rule {
		if name == "Variable" || name == "Next" || name == "Comment" {
			continue
		}
		if text, ok := want.(string); ok && strings.HasSuffix(name, "Path") {
			if want, err = lookup(text, in, c); err != nil {
				return false, err
			}
			name = strings.TrimSuffix(name, "Path")
		}
		return compare(name, v, want)
	}
	return false, failf("States.Runtime", "a choice compares nothing")
}

func compare(name string, v, want any) (bool, error) {
	switch name {
	case "IsNull":
		return (v == nil) == (want == true), nil
	case "BooleanEquals", "StringEquals":
		return v == want, nil
	case "StringMatches":
		pattern, _ := want.(string)
		text, ok := v.(string)
		if !ok {
			return false, nil
		}
		return path.Match(strings.ReplaceAll(pattern, "/", "\x00"), strings.ReplaceAll(text, "/", "\x00"))
	}
	a, ok1 := v.(float64)
	b, ok2 := want.(float64)
	order := map[string]bool{
		"NumericEquals": a == b, "NumericLessThan": a < b, "NumericLessThanEquals": a <= b,
		"NumericGreaterThan": a > b, "NumericGreaterThanEquals": a >= b,
	}
	result, known := order[name]
	if !known {
		return false, failf("States.Runtime", "%s is not compared here", name)
	}
	return ok1 && ok2 && result, nil
}
