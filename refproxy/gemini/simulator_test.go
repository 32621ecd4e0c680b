package gemini_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/firstbyte-dev/firstbyte/refproxy/fakegemini"
)

// invented are the refusals that golden files ask for: signatures that no model
// made, and more answers than the simulator gives.
var invented = regexp.MustCompile(`^Corrupted thought signature|thoughtSignature' \(TYPE_BYTES\)|candidateCount'`)

// TestSimulatorTakesGoldens holds what golden files send to the simulated
// upstream, which reads requests with strict eyes of its own.
func TestSimulatorTakesGoldens(t *testing.T) {
	asked := map[string][]byte{}
	var models []string
	for _, file := range glob(t) {
		a, err := txtar.ParseFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var req struct {
			Model string
			Codec json.RawMessage
		}
		if a.Files[0].Name != "request.json" || a.Files[1].Name != "upstream-request.json" {
			continue
		}
		if err := json.Unmarshal(a.Files[0].Data, &req); err != nil {
			t.Fatal(err)
		}
		if req.Codec != nil {
			continue // of another variant
		}
		models = append(models, req.Model)
		asked[req.Model+" "+file] = a.Files[1].Data
	}
	url := simulator(t, models)
	taken := 0
	for name, body := range asked {
		model, _, _ := strings.Cut(name, " ")
		status, message := post(t, url+"/v1beta/models/"+model+":generateContent", body)
		switch {
		case status == http.StatusOK:
			taken++
		case !invented.MatchString(message):
			t.Errorf("%s: %d %s", name, status, message)
		}
	}
	if taken < 100 {
		t.Errorf("only %d of %d were taken", taken, len(asked))
	}
}

func glob(t *testing.T) []string {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no golden files: %v", err)
	}
	return files
}

// simulator serves those models, and returns where.
func simulator(t *testing.T, models []string) string {
	text, err := os.ReadFile("../../datasets/scenarios/fast.yaml")
	if err != nil {
		t.Fatal(err)
	}
	scenario, err := fakegemini.ParseScenario(text)
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(models)
	scenario.Models = slices.Compact(models)
	s, err := fakegemini.New(fakegemini.Config{Scenario: scenario, Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(s.Handler("upstream"))
	t.Cleanup(server.Close)
	return server.URL
}

func post(t *testing.T, url string, body []byte) (status int, message string) {
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("X-Goog-Api-Key", "test")
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }() // read to its end
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	var failed struct{ Error struct{ Message string } }
	if err := json.Unmarshal(answer, &failed); err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, failed.Error.Message
}
