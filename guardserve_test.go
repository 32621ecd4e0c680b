package main

import (
	"os"
	"testing"

	"github.com/goccy/go-yaml"
)

// TestServeManifestIsTrueToTheFlags: the arguments in ci/canary/serve.yaml are a
// command line that the command takes, and one that says where the evidence is.
func TestServeManifestIsTrueToTheFlags(t *testing.T) {
	file, err := os.Open("ci/canary/serve.yaml")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	var deployment struct {
		Spec struct {
			Template struct {
				Spec struct {
					Containers []struct{ Args []string }
				}
			}
		}
	}
	if err := yaml.NewDecoder(file).Decode(&deployment); err != nil {
		t.Fatal(err)
	}
	args := deployment.Spec.Template.Spec.Containers[0].Args
	cmd, rest, err := newRootCmd().Find(args)
	if err != nil || cmd.CommandPath() != "firstbyte guard serve" {
		t.Fatalf("%v is the command %q, %v", args, cmd.CommandPath(), err)
	}
	if err := cmd.ParseFlags(rest); err != nil {
		t.Error(err)
	}
	for _, name := range []string{"prometheus", "arm-label", "baseline", "candidate", "policy"} {
		if !cmd.Flags().Changed(name) {
			t.Errorf("the manifest does not set --%s", name)
		}
	}
}

// TestAnOpenDoorIsWarnedOf: a server that others reach has a token or says so.
func TestAnOpenDoorIsWarnedOf(t *testing.T) {
	for _, c := range []struct {
		address, token string
		warned         bool
	}{
		{"127.0.0.1:8420", "", false},
		{"[::1]:8420", "", false},
		{"0.0.0.0:8420", "secret", false},
		{"0.0.0.0:8420", "", true},
		{"[::]:8420", "", true},
		{"what is this", "", true},
	} {
		if got := openDoor(c.address, c.token); (got != "") != c.warned {
			t.Errorf("%s with token %q: %q, want a warning: %v", c.address, c.token, got, c.warned)
		}
	}
}
