package datasets

import (
	"embed"
	"fmt"
	"path"
	"slices"
	"strings"
)

//go:embed scenarios/*.yaml
var scenarioFiles embed.FS

// Scenario returns the bytes of the built-in scenario of that name. Their
// schema belongs to refproxy/fakegemini. The error lists the names there are.
func Scenario(name string) ([]byte, error) {
	if slices.Contains(ScenarioNames(), name) {
		return scenarioFiles.ReadFile(path.Join("scenarios", name+".yaml"))
	}
	return nil, fmt.Errorf("no scenario %q: use one of %s", name, strings.Join(ScenarioNames(), ", "))
}

// ScenarioNames returns the names of the built-in scenarios, sorted.
func ScenarioNames() []string {
	entries, err := scenarioFiles.ReadDir("scenarios")
	if err != nil {
		panic("datasets: embedded scenarios: " + err.Error()) // embedded: it cannot be missing
	}
	names := make([]string, len(entries))
	for i, entry := range entries {
		names[i] = strings.TrimSuffix(entry.Name(), ".yaml")
	}
	slices.Sort(names) // with the suffix they may stand in another order
	return names
}
