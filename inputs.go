package main

import (
	"fmt"
	"os"

	"github.com/firstbyte-dev/firstbyte/datasets"
	"github.com/firstbyte-dev/firstbyte/guard/policy"
)

// loadPolicy reads the policy at path, or the built-in one for "".
func loadPolicy(path string) (policy.Policy, error) {
	if path == "" {
		return policy.Default(), nil
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
