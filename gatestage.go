package main

import (
	"fmt"
	"maps"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/firstbyte-dev/firstbyte/clock"
	"github.com/firstbyte-dev/firstbyte/datasets"
	"github.com/firstbyte-dev/firstbyte/guard/gate"
	"github.com/firstbyte-dev/firstbyte/refproxy/fakegemini"
	"github.com/firstbyte-dev/firstbyte/refproxy/retry"
)

// A stage is what simulator and proxies are told of a play.
type stage struct {
	simulator, proxy []string // arguments
	credentials      string   // "": any key will do
	file             string   // a scenario that is varied; "": it is built in, or the user's
}

// clear removes what nobody reads any more.
func (s *stage) clear() {
	if s.file != "" {
		_ = os.Remove(s.file)
	}
}

// stage reads the scenario for what the proxies have to know of it, and gives all
// processes one clock.
func (p *playFlags) stage(name string) (stage, error) {
	text, err := scenarioText(name)
	if err != nil {
		return stage{}, err
	}
	s := stage{simulator: []string{"--scenario", name}}
	if s.proxy, err = variedRetry(p.vary); err != nil {
		return stage{}, err
	}
	if text, err = p.varied(text); err != nil {
		return stage{}, err
	}
	scenario, err := fakegemini.ParseScenario(text)
	if err != nil {
		return stage{}, fmt.Errorf("%s: %w", p.title(name), err)
	}
	if len(p.vary) > 0 {
		if s.file, err = keep(text); err != nil {
			return stage{}, err
		}
		s.simulator = []string{"--scenario", s.file}
	}
	s.credentials = credentials(scenario)
	for _, model := range scenario.Capacity.PreviewModels {
		s.proxy = append(s.proxy, "--preview-model", model)
	}
	if p.clock > 1 {
		shared, err := clock.NewScaled(p.clock, time.Now())
		if err != nil {
			return stage{}, fmt.Errorf("--clock: %w", err)
		}
		s.simulator, s.proxy = append(s.simulator, "--clock", shared.String()), append(s.proxy, "--clock", shared.String())
	}
	return s, nil
}

// varied is the scenario's text with every --vary applied.
func (p *playFlags) varied(text []byte) (_ []byte, err error) {
	for _, v := range p.vary {
		parameter, factor, err := gate.ParseVariation(v)
		if err != nil {
			return nil, fmt.Errorf("--vary: %w", err)
		}
		if parameter == gate.Workers || strings.HasPrefix(parameter, gate.RetryPrefix) {
			continue // not the scenario's
		}
		if text, err = datasets.Vary(text, parameter, factor); err != nil {
			return nil, fmt.Errorf("--vary: %w", err)
		}
	}
	return text, nil
}

// variedRetry is what gives both proxies a retry policy whose numbers are varied.
func variedRetry(vary []string) (args []string, err error) {
	p := retry.Default()
	changed := false
	for _, v := range vary {
		parameter, factor, err := gate.ParseVariation(v)
		name, is := strings.CutPrefix(parameter, gate.RetryPrefix)
		if err != nil || !is {
			continue // varied says so, or it is not the policy's
		}
		changed = true
		count := func(n *int) { *n = int(math.Round(float64(*n) * factor)) }
		span := func(d *time.Duration) { *d = time.Duration(float64(*d) * factor) }
		switch name {
		case "interval":
			span(&p.Interval)
		case "total":
			span(&p.Total)
		case "retries":
			count(&p.Retries)
		case "burst":
			count(&p.Burst)
		case "share":
			p.Share *= factor
		default:
			return nil, fmt.Errorf("--vary: the retry policy has no %q: interval, total, retries, burst or share", name)
		}
	}
	if !changed {
		return nil, nil
	}
	return []string{
		"--retry-interval", p.Interval.String(), "--retry-total", p.Total.String(), "--retries", strconv.Itoa(p.Retries),
		"--retry-burst", strconv.Itoa(p.Burst), "--retry-share", strconv.FormatFloat(p.Share, 'g', -1, 64),
	}, nil
}

// credentials lists a scenario's keys as the proxy takes them.
func credentials(s fakegemini.Scenario) string {
	var lines []string
	for _, name := range slices.Sorted(maps.Keys(s.Capacity.Keys)) {
		line := name + " name=" + name
		if s.Capacity.Keys[name].Preview {
			line += " preview"
		}
		lines = append(lines, line)
	}
	return strings.Join(lines, "\n")
}

// keep writes a scenario where the simulator can read it.
func keep(text []byte) (string, error) {
	f, err := os.CreateTemp("", "firstbyte-scenario-*.yaml")
	if err != nil {
		return "", err
	}
	_, err = f.Write(text)
	if errClose := f.Close(); err == nil {
		err = errClose
	}
	return f.Name(), err
}
