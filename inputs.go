package main

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/firstbyte-dev/firstbyte/datasets"
	"github.com/firstbyte-dev/firstbyte/guard/policy"
)

// loadPolicy reads the policy at path, or a built-in one for "" and the name of
// that of flags.
func loadPolicy(path string) (policy.Policy, error) {
	switch path {
	case "":
		return policy.Default(), nil
	case policy.FlagsName:
		return policy.Flags(), nil
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return policy.Policy{}, fmt.Errorf("policy: %w", err)
	}
	p, err := policy.Parse(data)
	if err != nil {
		return policy.Policy{}, fmt.Errorf("%s: %w", path, err)
	}
	return p, nil
}

// policyInMode reads a policy and lets the command line choose its mode among those
// that who knows; "" leaves it the policy's.
func policyInMode(who, path, mode string, known ...policy.Mode) (policy.Policy, error) {
	p, err := loadPolicy(path)
	m := policy.Mode(mode)
	switch {
	case mode == "":
		return p, err
	case !slices.Contains(known, m):
		return p, errors.Join(err, fmt.Errorf("--mode %s: %s knows %s", mode, who, listed(known)))
	}
	if p.Mode = m; m != policy.GroupSequential {
		p.Looks = 0 // which belong to the other mode
	}
	return p, err
}

// listed names modes in a sentence.
func listed(modes []policy.Mode) string {
	var names []string
	for _, m := range modes {
		names = append(names, string(m))
	}
	last := len(names) - 1
	return strings.Join(names[:last], ", ") + " and " + names[last]
}

// loadDataset reads the dataset at path, or the built-in one for "".
func loadDataset(path string) (*datasets.Set, error) {
	if path == "" {
		return datasets.Default()
	}
	return datasets.Open(path)
}

// secret reads a file if one is named, and the environment otherwise.
func secret(env, flag, file string) (string, error) {
	if file == "" {
		return os.Getenv(env), nil
	}
	b, err := os.ReadFile(file)
	if err != nil {
		return "", fmt.Errorf("%s: %w", flag, err)
	}
	return string(b), nil
}
