package main

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/firstbyte-dev/firstbyte/clock"
	"github.com/firstbyte-dev/firstbyte/datasets"
	"github.com/firstbyte-dev/firstbyte/guard/gate"
	"github.com/firstbyte-dev/firstbyte/refproxy/fakegemini"
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
		if parameter == gate.Workers {
			continue // not the scenario's
		}
		if text, err = datasets.Vary(text, parameter, factor); err != nil {
			return nil, fmt.Errorf("--vary: %w", err)
		}
	}
	return text, nil
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
