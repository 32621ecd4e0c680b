package datasets_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/firstbyte-dev/firstbyte/datasets"
)

func TestScenario(t *testing.T) {
	if names := datasets.ScenarioNames(); !slices.Equal(names, []string{"chaos", "converter", "fast", "faults", "gate", "headline", "headline-unlimited", "pool", "retry", "scheduler"}) {
		t.Errorf("names %v", names)
	}
	for _, name := range datasets.ScenarioNames() {
		text, err := datasets.Scenario(name)
		if err != nil || !bytes.Contains(text, []byte("\nname: "+name+"\n")) {
			t.Errorf("%s: %v\n%s", name, err, text)
		}
	}
	for _, name := range []string{"", "nope", "../datasets", "gate.yaml"} {
		_, err := datasets.Scenario(name)
		if err == nil || !strings.HasSuffix(err.Error(), "use one of chaos, converter, fast, faults, gate, headline, headline-unlimited, pool, retry, scheduler") {
			t.Errorf("%q: %v", name, err)
		}
	}
}
