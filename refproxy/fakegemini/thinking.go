package fakegemini

import (
	"math"
	"strconv"
	"strings"
)

func checkThinking(r *reading, path string, n node) {
	fields{
		"includeThoughts": kindShape(kindBool),
		"thinkingBudget":  integer(-1, math.MaxInt32),
		"thinkingLevel":   oneOf("THINKING_LEVEL_UNSPECIFIED", "MINIMAL", "LOW", "MEDIUM", "HIGH"),
	}.check(r, path, n)
	r.atMostOne(path, n, "thinkingBudget", "thinkingLevel")
	generation := generationOf(r.form.model)
	if _, ok := n.get("thinkingLevel"); ok && generation != 0 && generation < 3 {
		r.refuse(path+".thinkingLevel", "%s.thinkingLevel: is not supported by this model.", path)
	}
	if budget, ok := n.get("thinkingBudget"); ok && generation == 2.5 {
		checkBudget(r, path+".thinkingBudget", budget)
	}
}

// dynamicBudget leaves it to the model how much it thinks.
const dynamicBudget = -1

// checkBudget holds a model of Gemini 2.5 to the budgets that it knows.
func checkBudget(r *reading, path string, n node) {
	low, high, off := 0, 24576, true
	switch {
	case strings.Contains(r.form.model, "-pro"):
		low, high, off = 128, 32768, false
	case strings.Contains(r.form.model, "-flash-lite"):
		low = 512
	}
	value, err := strconv.Atoi(n.text)
	if err != nil || value == dynamicBudget || value == 0 && off || value >= low && value <= high {
		return // what is no number was refused before
	}
	r.refuse(path, "%s: the thinking budget %d is invalid. Please choose a value between %d and %d.", path, value, low, high)
}
