package fakegemini

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// An InjuryKind is what an injury breaks.
type InjuryKind int

// The kinds of injury. Each changes what it says and nothing else.
const (
	NoInjury      InjuryKind = iota
	InjureTTFT               // time to first chunk is longer by Percent
	InjureGap                // every gap is longer by Percent
	InjureError              // Percent of the requests are answered 500 INTERNAL
	InjureTail               // time to first chunk of its slowest tenth is longer by Percent
	InjureStall              // no request is ever answered
	InjureQuality            // the text of Percent of the answers is garbled; when and how it ends stays
)

// An Injury is damage in the path of one arm alone. The zero value is none.
type Injury struct {
	Kind    InjuryKind
	Percent float64 // 0..1000, for errors and quality 0..100; 0 for a stall
}

const injuryKinds = "ttft=+N%, gap=+N%, tail=+N% (N 0..1000), errors=N%, quality=N% (N 0..100) or stall"

var injuryNames = map[string]InjuryKind{
	"ttft": InjureTTFT, "gap": InjureGap, "errors": InjureError, "tail": InjureTail, "quality": InjureQuality,
}

// ParseInjury reads an injury such as "ttft=+30%", "gap=+30%", "errors=5%",
// "quality=10%", "tail=+50%" or "stall". The error lists the kinds.
func ParseInjury(text string) (Injury, error) {
	if text == "stall" {
		return Injury{Kind: InjureStall}, nil
	}
	name, value, _ := strings.Cut(text, "=")
	kind, ok := injuryNames[name]
	if !ok {
		return Injury{}, injuryError(text, "no such kind")
	}
	percent, err := parsePercent(value)
	if err != nil {
		return Injury{}, injuryError(text, err.Error())
	}
	if (kind == InjureError || kind == InjureQuality) && percent > 100 {
		return Injury{}, injuryError(text, "a share is at most 100%")
	}
	return Injury{Kind: kind, Percent: percent}, nil
}

func parsePercent(text string) (float64, error) {
	number, ok := strings.CutSuffix(text, "%")
	if !ok {
		return 0, errors.New("the percentage must end in %")
	}
	number = strings.TrimPrefix(number, "+")
	percent, err := strconv.ParseFloat(number, 64)
	if err != nil || strings.Trim(number, ".0123456789") != "" {
		return 0, errors.New("the percentage is not a number")
	}
	if percent > 1000 {
		return 0, errors.New("the percentage is over 1000")
	}
	return percent, nil
}

func injuryError(text, why string) error {
	return fmt.Errorf("injury %q: %s; use %s", text, why, injuryKinds)
}

// String returns the form that [ParseInjury] reads; none is "none".
func (j Injury) String() string {
	number := strconv.FormatFloat(j.Percent, 'f', -1, 64) + "%"
	switch j.Kind {
	case NoInjury:
		return "none"
	case InjureTTFT:
		return "ttft=+" + number
	case InjureGap:
		return "gap=+" + number
	case InjureTail:
		return "tail=+" + number
	case InjureError:
		return "errors=" + number
	case InjureQuality:
		return "quality=" + number
	case InjureStall:
		return "stall"
	}
	return "injury(" + strconv.Itoa(int(j.Kind)) + ")"
}

// factor is what the injury multiplies a time by when it applies.
func (j Injury) factor() float64 { return 1 + j.Percent/100 }
