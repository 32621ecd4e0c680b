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
