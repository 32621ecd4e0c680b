package datasets

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
)

// Vary returns a scenario with one parameter multiplied by factor, which asks of a
// result how much of it hangs on a number that somebody chose. The parameter is
// named by its keys, joined by dots; several that only make sense together are joined
// by +. A duration is scaled as one, a whole number
// stays whole and at least 1. A last key that ends in * names entries by their
// beginning: their number is scaled, by leaving out the last or repeating them with
// -2, -3 behind their names. Comments are lost.
func Vary(scenario []byte, parameter string, factor float64) ([]byte, error) {
	if !(factor > 0) {
		return nil, fmt.Errorf("parameter %s: a factor of %v must be above 0", parameter, factor)
	}
	var whole yaml.MapSlice
	if err := yaml.UnmarshalWithOptions(scenario, &whole, yaml.UseOrderedMap()); err != nil {
		return nil, fmt.Errorf("parameter %s: %w", parameter, err)
	}
	for one := range strings.SplitSeq(parameter, "+") {
		if err := vary(whole, strings.Split(one, "."), factor); err != nil {
			return nil, fmt.Errorf("parameter %s: %w", one, err)
		}
	}
	return yaml.Marshal(whole)
}

var errNoParameter = errors.New("the scenario has no such number, duration or entries")

// vary goes down the keys; entries of a map that holds other maps are changed in place.
func vary(in yaml.MapSlice, keys []string, factor float64) error {
	for i := range in {
		if in[i].Key != keys[0] {
			continue
		}
		inner, isMap := in[i].Value.(yaml.MapSlice)
		switch {
		case len(keys) == 1:
			scaled, err := scale(in[i].Value, factor)
			in[i].Value = scaled
			return err
		case !isMap:
			return errNoParameter
		case len(keys) == 2 && strings.HasSuffix(keys[1], "*"):
			number, err := repeat(inner, strings.TrimSuffix(keys[1], "*"), factor)
			in[i].Value = number
			return err
		}
		return vary(inner, keys[1:], factor)
	}
	return errNoParameter
}

func scale(value any, factor float64) (any, error) {
	whole := func(n float64) int64 { return int64(max(1, math.Round(n*factor))) }
	switch v := value.(type) {
	case uint64:
		return whole(float64(v)), nil
	case int64:
		return whole(float64(v)), nil
	case float64:
		return v * factor, nil
	case string:
		d, err := time.ParseDuration(v)
		if err != nil {
			return nil, errNoParameter
		}
		return time.Duration(float64(d) * factor).String(), nil
	}
	return nil, errNoParameter
}

// repeat scales how many entries begin so.
func repeat(in yaml.MapSlice, beginning string, factor float64) (out yaml.MapSlice, err error) {
	var named []yaml.MapItem
	for _, item := range in {
		if name, ok := item.Key.(string); ok && strings.HasPrefix(name, beginning) {
			named = append(named, item)
		} else {
			out = append(out, item)
		}
	}
	if len(named) == 0 {
		return nil, errNoParameter
	}
	for i := range int(max(1, math.Round(float64(len(named))*factor))) {
		item := named[i%len(named)]
		if round := i / len(named); round > 0 {
			item.Key = fmt.Sprintf("%v-%d", item.Key, round+1)
		}
		out = append(out, item)
	}
	return out, nil
}
