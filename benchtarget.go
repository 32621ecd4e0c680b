package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/firstbyte-dev/firstbyte/bench/load"
	"github.com/firstbyte-dev/firstbyte/bench/sample"
)

// readKey takes the API key from where the flags say; "" for neither.
func readKey(env, file string) (load.Secret, error) {
	switch {
	case env != "":
		key := strings.TrimSpace(os.Getenv(env))
		if key == "" {
			return "", fmt.Errorf("--key-env: %s is not set or empty: export it first", env)
		}
		return load.Secret(key), nil
	case file != "":
		data, err := os.ReadFile(file)
		if err != nil {
			return "", fmt.Errorf("--key-file: %w", err)
		}
		key := strings.TrimSpace(string(data))
		if key == "" {
			return "", fmt.Errorf("--key-file: %s is empty: put the key into it", file)
		}
		return load.Secret(key), nil
	}
	return "", nil
}

// benchArms reads NAME=URL targets.
func benchArms(targets []string, key load.Secret) ([]load.Arm, []sample.Arm, error) {
	if len(targets) == 0 {
		return nil, nil, errors.New("--target: name at least one, as NAME=URL")
	}
	var arms []load.Arm
	var about []sample.Arm
	for _, target := range targets {
		name, address, ok := strings.Cut(target, "=")
		if !ok || name == "" {
			return nil, nil, fmt.Errorf("--target %q: write NAME=URL", target)
		}
		if err := checkTarget("--target "+name, address); err != nil {
			return nil, nil, err
		}
		arms = append(arms, load.Standing{ArmName: name, At: load.Target{URL: address, Key: key}})
		about = append(about, sample.Arm{Target: address})
	}
	return arms, about, nil
}

// checkTarget refuses what is no address, and what may hold a key: it would stand
// in the run file.
func checkTarget(what, address string) error {
	u, err := url.Parse(address)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https":
		return fmt.Errorf("%s: not a URL of http or https with a host", what)
	case u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return fmt.Errorf("%s: give scheme, host, port and path alone; a key goes into --key-env or --key-file", what)
	}
	return nil
}

// reach makes sure that somebody listens before anything is sent. flag is where the
// addresses come from.
func reach(ctx context.Context, arms []load.Arm, flag string) error {
	for _, arm := range arms {
		if _, commanded := arm.(*commandArm); commanded {
			continue // it is reached when its command has run
		}
		target, err := arm.Start(ctx)
		if err != nil {
			return err
		}
		u, err := url.Parse(target.URL)
		if err != nil {
			return err
		}
		if err := dial(ctx, u); err != nil {
			return fmt.Errorf("target %s cannot be reached: %w: start it, or correct %s", arm.Name(), err, flag)
		}
	}
	return nil
}

// dial connects to where u says, and hangs up.
func dial(ctx context.Context, u *url.URL) error {
	port := u.Port()
	if port == "" {
		port = u.Scheme // "http" and "https" are names of ports
	}
	dialer := net.Dialer{Timeout: 5 * time.Second}
	conn, err := dialer.DialContext(ctx, "tcp", net.JoinHostPort(u.Hostname(), port))
	if err != nil {
		return err
	}
	_ = conn.Close() // it has served its purpose
	return nil
}
