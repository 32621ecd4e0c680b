package fakeaccount

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Config says what the account is like; the package documentation explains each
// key. The zero value is an account that is set up.
type Config struct {
	Tokens     Tokens     `yaml:"tokens"`
	CodeAssist CodeAssist `yaml:"code_assist"`
}

// Tokens is how the token endpoint behaves.
type Tokens struct {
	Life   time.Duration `yaml:"life"`
	Rotate bool          `yaml:"rotate"`
	Refuse Refuse        `yaml:"refuse"`
}

// Refuse says which grants are refused, and how.
type Refuse struct {
	Code   string `yaml:"code"`
	Status int    `yaml:"status"`
	After  int    `yaml:"after"`
	Times  int    `yaml:"times"`
}

// CodeAssist is what Code Assist knows of the account.
type CodeAssist struct {
	Project         string       `yaml:"project"`
	ProjectShape    string       `yaml:"project_shape"`
	Onboarding      bool         `yaml:"onboarding"`
	Tier            string       `yaml:"tier"`
	Tiers           []Tier       `yaml:"tiers"`
	Ineligible      []Ineligible `yaml:"ineligible"`
	Polls           int          `yaml:"polls"`
	Nameless        bool         `yaml:"nameless"`
	OnboardingError string       `yaml:"onboarding_error"`
}

// A Tier is one that the account may have.
type Tier struct {
	ID          string `yaml:"id"`
	Default     bool   `yaml:"default"`
	UserProject bool   `yaml:"user_project"`
}

// Ineligible is why a tier is closed to the account.
type Ineligible struct {
	Tier    string `yaml:"tier"`
	Reason  string `yaml:"reason"`
	Message string `yaml:"message"`
	URL     string `yaml:"url"`
}

const (
	defaultLife    = time.Hour
	defaultProject = "simulated-project"
	standardTier   = "standard-tier"
	freeTier       = "free-tier"
	legacyTier     = "legacy-tier"
)

// Validate reports every value out of range, one per line.
func (c Config) Validate() error {
	problems := []error{
		check(c.Tokens.Life >= 0, "tokens.life must not be negative"),
		check(c.Tokens.Refuse.Status == 0 || c.Tokens.Refuse.Status >= 400 && c.Tokens.Refuse.Status <= 599, "tokens.refuse.status must be 400 to 599"),
		check(c.Tokens.Refuse.After >= 0 && c.Tokens.Refuse.Times >= 0, "tokens.refuse: after and times must not be negative"),
		check(c.Tokens.Refuse.Code != "" || c.Tokens.Refuse == (Refuse{}), "tokens.refuse.code must say how"),
		check(c.CodeAssist.ProjectShape == "" || slices.Contains(shapes, c.CodeAssist.ProjectShape),
			fmt.Sprintf("code_assist.project_shape: %q is none of %s", c.CodeAssist.ProjectShape, strings.Join(shapes, ", "))),
		check(c.CodeAssist.Polls >= 0, "code_assist.polls must not be negative"),
	}
	for i, tier := range c.CodeAssist.Tiers {
		problems = append(problems, check(tier.ID != "", fmt.Sprintf("code_assist.tiers[%d].id must not be empty", i)))
	}
	for i, closed := range c.CodeAssist.Ineligible {
		problems = append(problems, check(closed.Reason != "", fmt.Sprintf("code_assist.ineligible[%d].reason must not be empty", i)))
	}
	return errors.Join(problems...)
}

func check(ok bool, problem string) error {
	if ok {
		return nil
	}
	return errors.New(problem)
}

func (c Config) withDefaults() Config {
	if c.Tokens.Life == 0 {
		c.Tokens.Life = defaultLife
	}
	if c.Tokens.Refuse.Status == 0 {
		c.Tokens.Refuse.Status = 400
	}
	if c.CodeAssist.Project == "" {
		c.CodeAssist.Project = defaultProject
	}
	if c.CodeAssist.ProjectShape == "" {
		c.CodeAssist.ProjectShape = "id"
	}
	if c.CodeAssist.Tier == "" {
		c.CodeAssist.Tier = standardTier
	}
	if c.CodeAssist.Tiers == nil {
		c.CodeAssist.Tiers = []Tier{{ID: freeTier, Default: true}}
	}
	return c
}

// shapes are the ways in which a project has been told.
var shapes = append([]string{"id", "path", "location", "list", "none", "blank"}, objectKeys...)

var objectKeys = []string{"projectId", "project_id", "id", "name", "project"}

// shaped returns the project in its shape; nil is none.
func shaped(shape, project string) any {
	switch shape {
	case "id":
		return project
	case "path":
		return "projects/" + project
	case "location":
		return "projects/" + project + "/locations/global"
	case "list":
		return []any{" ", map[string]any{"id": project}}
	case "none":
		return nil
	case "blank":
		return " "
	}
	return map[string]any{"other": "x", shape: project}
}
