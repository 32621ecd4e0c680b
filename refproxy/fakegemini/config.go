package fakegemini

import (
	"errors"
	"fmt"
	"maps"
	"net"
	"slices"
	"strconv"
	"strings"

	"github.com/firstbyte-dev/firstbyte/clock"
)

// A Protocol is what an arm's listener speaks.
type Protocol string

// The protocols. Every listener speaks HTTP/1.1 too, as Google's do.
const (
	H1  Protocol = "h1"  // HTTP/1.1 over TCP
	H2  Protocol = "h2"  // HTTP/2 over TLS
	H2C Protocol = "h2c" // HTTP/2 over TCP, with prior knowledge
)

// Config says what to simulate and where. The scenario is required.
type Config struct {
	Scenario Scenario
	Seed     uint64

	// Arms names the listeners; none means one called upstream. All give the
	// same service but for Injuries, which is by arm; no kind stands twice.
	Arms     []string
	Injuries map[string][]Injury

	// Answer returns the text for an item; nil or ok false means the scenario's
	// fallback. It must be pure and safe for concurrent use.
	Answer func(item string) (text string, ok bool)

	Protocol Protocol // empty means H2
	Listen   string   // loopback address of the first arm, the others take the ports after it; empty means free ports
	Control  string   // loopback address of the control listener; empty means a free port
	CAFile   string   // where Listen writes the CA certificate, for H2; empty means nowhere
	Keep     int      // records kept; 0 means 200,000

	KeepRequests int // requests kept, with their bodies; 0 means none

	// Clock is the time of every delay, limit and token; nil means the machine's.
	// The instants of a Record are the machine's whatever it is.
	Clock *clock.Scaled
}

const (
	defaultArm  = "upstream"
	defaultKeep = 200_000
	anyPort     = "127.0.0.1:0"
)

// Validate reports everything that is wrong, one problem per line.
func (c Config) Validate() error {
	problems := []error{
		c.Scenario.Validate(),
		c.validateArms(),
		c.validateInjuries(),
		check(slices.Contains([]Protocol{"", H1, H2, H2C}, c.Protocol),
			fmt.Sprintf("protocol %q: use h1, h2 or h2c", c.Protocol)),
		check(c.Keep >= 0, "keep must not be negative"),
		check(c.KeepRequests >= 0, "the requests to keep must not be negative"),
	}
	for _, address := range []string{c.Listen, c.Control} {
		problems = append(problems, validateAddress(address))
	}
	return errors.Join(problems...)
}

func (c Config) validateArms() error {
	for i, name := range c.Arms {
		if name == "" || strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
			return fmt.Errorf("arm %q: a name is made of a-z, 0-9 and -", name)
		}
		if slices.Contains(c.Arms[:i], name) {
			return fmt.Errorf("arm %q is named twice", name)
		}
	}
	return nil
}

func (c Config) validateInjuries() error {
	arms := c.withDefaults().Arms
	var unknown []string
	for name := range c.Injuries {
		if !slices.Contains(arms, name) {
			unknown = append(unknown, name)
		}
	}
	if len(unknown) == 0 {
		return c.validateKinds()
	}
	slices.Sort(unknown)
	return fmt.Errorf("injury for unknown arm %s: the arms are %s", strings.Join(unknown, ", "), strings.Join(arms, ", "))
}

// validateKinds refuses two injuries of a kind in one path: it would be a guess
// whether they add up.
func (c Config) validateKinds() error {
	var problems []error
	for _, arm := range slices.Sorted(maps.Keys(c.Injuries)) {
		for i, injury := range c.Injuries[arm] {
			if slices.ContainsFunc(c.Injuries[arm][:i], func(j Injury) bool { return j.Kind == injury.Kind }) {
				problems = append(problems, fmt.Errorf("arm %s has an injury of the kind of %s already", arm, injury))
			}
		}
	}
	return errors.Join(problems...)
}

// validateAddress wants loopback: the upstream simulates for one machine.
func validateAddress(address string) error {
	if address == "" {
		return nil
	}
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return fmt.Errorf("address %q: use host:port, such as 127.0.0.1:8080", address)
	}
	if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		return fmt.Errorf("address %q: port must be 0 to 65535", address)
	}
	if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return fmt.Errorf("address %q is not a loopback address: the simulated upstream serves this machine alone", address)
	}
	return nil
}

func (c Config) withDefaults() Config {
	if len(c.Arms) == 0 {
		c.Arms = []string{defaultArm}
	}
	if c.Protocol == "" {
		c.Protocol = H2
	}
	if c.Listen == "" {
		c.Listen = anyPort
	}
	if c.Control == "" {
		c.Control = anyPort
	}
	if c.Keep == 0 {
		c.Keep = defaultKeep
	}
	return c
}

// addressOf returns where the i-th arm listens.
func (c Config) addressOf(i int) string {
	host, port, _ := net.SplitHostPort(c.Listen) // validated
	number, _ := strconv.Atoi(port)
	if number != 0 {
		number += i
	}
	return net.JoinHostPort(host, strconv.Itoa(number))
}
