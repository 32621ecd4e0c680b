package main

import (
	"regexp"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// secretName is a flag whose value would be a secret for every user of the
// machine to read in its list of processes. One that ends in -file or -env names
// where the secret is, and is fine; tokens in the plural are what models count.
var secretName = regexp.MustCompile(`(^|-)((key|secret|password|passphrase|bearer|auth|authorization|credential)s?|token)$`)

func TestNoSecretIsAnArgument(t *testing.T) {
	for name, want := range map[string]bool{
		"api-key": true, "keys": true, "auth-token": true,
		"max-tokens": false, "key-file": false, "key-env": false, "first-token-timeout": false,
	} {
		if got := secretName.MatchString(name); got != want {
			t.Errorf("secretName(%q) = %t, want %t", name, got, want)
		}
	}
	var walk func(*cobra.Command)
	walk = func(cmd *cobra.Command) {
		cmd.Flags().VisitAll(func(f *pflag.Flag) {
			if strings.HasPrefix(f.Value.Type(), "string") && secretName.MatchString(f.Name) {
				t.Errorf("%s --%s would take a secret as an argument: take it from the environment or a file", cmd.CommandPath(), f.Name)
			}
		})
		for _, sub := range cmd.Commands() {
			walk(sub)
		}
	}
	walk(newRootCmd())
}
