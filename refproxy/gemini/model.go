package gemini

import (
	"strconv"
	"strings"

	"github.com/firstbyte-dev/firstbyte/refproxy/chat"
)

// model is what the name of a model tells.
type model struct {
	// family names the models that take each other's signatures.
	family string
	// generation is 3 and more; 2.5; 0 for what the name does not tell; and
	// another number for a model that does not think.
	generation float64
	pro        bool
}

// parseModel reads names such as "gemini-2.5-flash-lite" and
// "gemini-3-pro-preview".
func parseModel(name string) model {
	name = strings.TrimPrefix(name, "models/")
	m := model{family: name}
	rest, ok := strings.CutPrefix(name, "gemini-")
	version, kind, _ := strings.Cut(rest, "-")
	generation, err := strconv.ParseFloat(version, 64)
	if !ok || err != nil || !(generation > 0 && generation < 100) {
		return m
	}
	major, _, _ := strings.Cut(version, ".")
	m.generation, m.pro = generation, kind == "pro" || strings.HasPrefix(kind, "pro-")
	m.family = "gemini-" + version
	if generation >= 3 {
		m.family = "gemini-" + major
	}
	return m
}

type thinkingConfig struct {
	IncludeThoughts bool   `json:"includeThoughts,omitzero"`
	Budget          *int   `json:"thinkingBudget,omitzero"`
	Level           string `json:"thinkingLevel,omitzero"`
}

// amount is what one effort is for each kind of model: a budget in tokens for
// 2.5, a level for 3. The figures are those of the wire reference, section 1.5.
type amount struct {
	pro, flash           int
	levelPro, levelFlash string
}

var amounts = [...]amount{
	chat.EffortNone:    {128, 0, "LOW", "MINIMAL"},
	chat.EffortMinimal: {128, 0, "LOW", "MINIMAL"},
	chat.EffortLow:     {1024, 1024, "LOW", "LOW"},
	chat.EffortMedium:  {8192, 8192, "HIGH", "MEDIUM"},
	chat.EffortHigh:    {16000, 16000, "HIGH", "HIGH"},
	chat.EffortMax:     {32768, 24576, "HIGH", "HIGH"},
}

// dynamic leaves the budget to the model.
const dynamic = -1

// The most tokens of thought that are the two lower levels.
const (
	lowBudget    = 4096
	mediumBudget = 16384
)

// thinking returns nil if the caller said nothing. A model of which it is not
// known how it is told how much to think is told only whether to show it.
func (m model) thinking(r chat.Reasoning) *thinkingConfig {
	c := thinkingConfig{IncludeThoughts: r.Show && r.Mode != chat.ReasoningOff}
	switch {
	case m.generation >= 3:
		c.Level = m.level(r)
	case m.generation == 2.5:
		c.Budget = m.budget(r)
	case m.generation != 0:
		return nil
	}
	if c == (thinkingConfig{}) {
		return nil
	}
	return &c
}

// of returns the amount of an effort, whose least is that of no thought.
func (m model) of(e chat.Effort) (budget int, level string) {
	a := amounts[max(e, chat.EffortNone)]
	if m.pro {
		return a.pro, a.levelPro
	}
	return a.flash, a.levelFlash
}

// budget is for models that count tokens of thought.
func (m model) budget(r chat.Reasoning) *int {
	n, _ := m.of(r.Effort)
	switch {
	case r.Mode == chat.ReasoningDynamic:
		n = dynamic
	case r.Mode == chat.ReasoningOff:
		n, _ = m.of(chat.EffortNone)
	case r.Mode == chat.ReasoningBudget:
		least, _ := m.of(chat.EffortNone)
		most, _ := m.of(chat.EffortMax)
		n = min(max(r.Budget, least), most)
	case r.Effort == chat.EffortUnset:
		return nil
	}
	return &n
}

// level is for models that know levels of thought.
func (m model) level(r chat.Reasoning) string {
	effort := r.Effort
	switch {
	case r.Mode == chat.ReasoningOff:
		effort = chat.EffortNone
	case r.Mode == chat.ReasoningBudget && r.Budget <= lowBudget:
		effort = chat.EffortLow
	case r.Mode == chat.ReasoningBudget && r.Budget <= mediumBudget:
		effort = chat.EffortMedium
	case r.Mode == chat.ReasoningBudget:
		effort = chat.EffortHigh
	case effort == chat.EffortUnset:
		return ""
	}
	_, level := m.of(effort)
	return level
}
