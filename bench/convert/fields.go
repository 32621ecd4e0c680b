package convert

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A row is one request's fields as its log has them.
type row interface {
	// text returns a field as text; "" where it is missing or says nothing.
	text(field string) string
}

// A Role is what a field means to us.
type Role string

// The roles that fields can have.
const (
	RoleStart      Role = "start"       // an instant
	RoleEnd        Role = "end"         // an instant
	RoleDuration   Role = "duration"    // from the start to the last byte, instead of an end
	RoleFirstByte  Role = "first_byte"  // a duration from the start
	RoleFirstToken Role = "first_token" // a duration from the start, or an instant; of a span also an event
	RoleStatus     Role = "status"      // HTTP status
	RoleFailure    Role = "failure"     // flags, or the class of an error
	RoleRequest    Role = "request"     // the request's id
	RoleSession    Role = "session"
	RoleModel      Role = "model"
	RoleInput      Role = "input_tokens" // those from a cache included
	RoleOutput     Role = "output_tokens"
	RoleCached     Role = "cached_tokens"
	RoleFinish     Role = "finish"
	RoleAttempts   Role = "attempts"
	RoleCost       Role = "cost" // US dollars
)

// A field names where a role is found: the first name that has a value counts.
type field struct {
	names []string
	unit  time.Duration // of durations
}

// usual are the names that a source has unless Options.Map says otherwise.
func usual(from Source) map[Role]field {
	switch from {
	case Envoy:
		return map[Role]field{
			RoleStart:     {names: []string{"start_time", "timestamp", "@timestamp", "time"}},
			RoleDuration:  {names: []string{"duration"}, unit: time.Millisecond},
			RoleFirstByte: {names: []string{"response_duration"}, unit: time.Millisecond},
			RoleStatus:    {names: []string{"response_code", "status"}},
			RoleFailure:   {names: []string{"response_flags", "response_flags_long"}},
			RoleRequest:   {names: []string{"request_id", "x-request-id", "x_request_id"}},
			RoleModel:     {names: []string{"genai_model_name"}},
			RoleInput:     {names: []string{"genai_tokens_input"}},
			RoleOutput:    {names: []string{"genai_tokens_output"}},
			RoleAttempts:  {names: []string{"upstream_request_attempt_count"}},
		}
	case OTLP:
		return map[Role]field{
			RoleFirstToken: {unit: time.Second, names: []string{
				"gen_ai.response.time_to_first_chunk", "gen_ai.response.time_to_first_token",
				"gen_ai.latency.time_to_first_token", "gen_ai.server.time_to_first_token",
				"First Token Stream Event", "llm.content.completion.chunk", // these two are events
			}},
			RoleStatus:  {names: []string{"http.response.status_code", "http.status_code"}},
			RoleFailure: {names: []string{"error.type"}},
			RoleRequest: {names: []string{"gen_ai.response.id", "gen_ai.request.id"}},
			RoleSession: {names: []string{"gen_ai.conversation.id", "session.id"}},
			RoleModel:   {names: []string{"gen_ai.response.model", "gen_ai.request.model", "llm.model_name"}},
			RoleInput:   {names: []string{"gen_ai.usage.input_tokens", "gen_ai.usage.prompt_tokens", "llm.token_count.prompt"}},
			RoleOutput:  {names: []string{"gen_ai.usage.output_tokens", "gen_ai.usage.completion_tokens", "llm.token_count.completion"}},
			RoleCached: {names: []string{
				"gen_ai.usage.cache_read.input_tokens", "gen_ai.usage.cache_read_input_tokens", "gen_ai.usage.cached_tokens",
				"llm.token_count.prompt_details.cache_read",
			}},
			RoleFinish: {names: []string{"gen_ai.response.finish_reasons"}},
		}
	case LiteLLM:
		return map[Role]field{
			RoleStart:      {names: []string{"startTime"}},
			RoleEnd:        {names: []string{"endTime"}},
			RoleFirstToken: {names: []string{"completionStartTime"}},
			RoleStatus:     {names: []string{"metadata.error_information.error_code"}},
			RoleFailure:    {names: []string{"metadata.error_information.error_class"}},
			RoleRequest:    {names: []string{"request_id", "id"}},
			RoleSession:    {names: []string{"session_id"}},
			RoleModel:      {names: []string{"model"}},
			RoleInput:      {names: []string{"prompt_tokens"}},
			RoleOutput:     {names: []string{"completion_tokens"}},
			RoleCached: {names: []string{
				"metadata.additional_usage_values.cache_read_input_tokens",
				"metadata.additional_usage_values.prompt_tokens_details.cached_tokens",
				"metadata.usage_object.cache_read_input_tokens",
				"metadata.usage_object.prompt_tokens_details.cached_tokens",
			}},
			RoleCost: {names: []string{"spend", "response_cost"}},
		}
	}
	return nil
}

// fields are the roles of one conversion.
type fields map[Role]field

// mapping is the usual names with what Map puts in their place.
func (o Options) mapping() (fields, error) {
	all := fields(usual(o.From))
	var problems []error
	for _, pair := range o.Map {
		name, target, ok := strings.Cut(pair, "=")
		role := Role(name)
		if !ok || target == "" || !slices.Contains(roles(), role) {
			problems = append(problems, fmt.Errorf("map %q: want ROLE=FIELD, with a role out of %s", pair, join(roles())))
			continue
		}
		if all == nil {
			continue // the source is wrong, which is said elsewhere
		}
		f := field{names: []string{target}, unit: all[role].unit}
		if before, unit, ok := cutLast(target, ':'); ok && units[unit] > 0 {
			f = field{names: []string{before}, unit: units[unit]}
		}
		if f.unit == 0 && (role == RoleDuration || role == RoleFirstByte) {
			f.unit = time.Millisecond
		}
		all[role] = f
	}
	return all, errors.Join(problems...)
}

func cutLast(text string, at byte) (before, after string, ok bool) {
	i := strings.LastIndexByte(text, at)
	if i < 0 {
		return text, "", false
	}
	return text[:i], text[i+1:], true
}

var units = map[string]time.Duration{"ns": 1, "us": time.Microsecond, "ms": time.Millisecond, "s": time.Second}

func roles() []Role {
	return []Role{
		RoleStart, RoleEnd, RoleDuration, RoleFirstByte, RoleFirstToken, RoleStatus, RoleFailure, RoleRequest,
		RoleSession, RoleModel, RoleInput, RoleOutput, RoleCached, RoleFinish, RoleAttempts, RoleCost,
	}
}

// Roles lists the roles by name, for help texts.
func Roles() string { return join(roles()) }

func join[T ~string](all []T) string {
	var names []string
	for _, x := range all {
		names = append(names, string(x))
	}
	return strings.Join(names, ", ")
}

// text returns the value of a role; "" if the row has none.
func (f fields) text(r row, role Role) string {
	for _, name := range f[role].names {
		if text := r.text(name); text != "" {
			return text
		}
	}
	return ""
}

// count returns a role that is a number of things; 0 if the row has none.
func (f fields) count(r row, role Role) (int, error) {
	text := f.text(r, role)
	if text == "" {
		return 0, nil
	}
	x, err := strconv.ParseFloat(text, 64) // exports write 12.0 as well
	if err != nil || x < 0 || x > 1<<40 || x != math.Trunc(x) {
		return 0, fmt.Errorf("%s is %.40q, which is no count", role, text)
	}
	return int(x), nil
}

// amount returns a role that is a number; 0 if the row has none.
func (f fields) amount(r row, role Role) (float64, error) {
	text := f.text(r, role)
	if text == "" {
		return 0, nil
	}
	x, err := strconv.ParseFloat(text, 64)
	if err != nil || !(x >= 0) || math.IsInf(x, 1) {
		return 0, fmt.Errorf("%s is %.40q, which is no amount", role, text)
	}
	return x, nil
}

// span returns a role that is a duration in nanoseconds; ok is false if the row
// has none.
func (f fields) span(r row, role Role) (ns int64, ok bool, err error) {
	text := f.text(r, role)
	if text == "" {
		return 0, false, nil
	}
	x, err := strconv.ParseFloat(text, 64)
	ns64 := x * float64(f[role].unit)
	if err != nil || !(ns64 >= 0) || ns64 > float64(maxSpan) {
		return 0, false, fmt.Errorf("%s is %.40q, which is no duration", role, text)
	}
	return int64(math.Round(ns64)), true, nil
}

// maxSpan bounds the length of one request: more is damage.
const maxSpan = 7 * 24 * time.Hour

// instant returns a role that is an instant, in nanoseconds since 1970.
func (f fields) instant(r row, role Role) (ns int64, ok bool, err error) {
	text := f.text(r, role)
	if text == "" {
		return 0, false, nil
	}
	if ns, ok = parseInstant(text); !ok {
		return 0, false, fmt.Errorf("%s is %.40q, which is no instant", role, text)
	}
	return ns, true, nil
}

// layouts are the forms of instants in logs and database exports; a text without
// a zone is UTC, as databases keep it.
var layouts = []string{
	time.RFC3339Nano, "2006-01-02T15:04:05.999999999", "2006-01-02 15:04:05.999999999",
	"2006-01-02 15:04:05.999999999Z07:00", "2006-01-02 15:04:05.999999999Z07",
}

// parseInstant reads an instant: a date with time, or a number since 1970 in
// seconds, milliseconds, microseconds or nanoseconds, by its size.
func parseInstant(text string) (ns int64, ok bool) {
	if ns, err := strconv.ParseInt(text, 10, 64); err == nil && ns >= 1e17 {
		return ns, true
	}
	if x, err := strconv.ParseFloat(text, 64); err == nil {
		for _, scale := range []struct{ below, factor float64 }{{1e8, 0}, {1e11, 1e9}, {1e14, 1e6}, {1e17, 1e3}} {
			if x < scale.below {
				return int64(math.Round(x * scale.factor)), scale.factor > 0
			}
		}
		return 0, false
	}
	for _, layout := range layouts {
		if t, err := time.Parse(layout, text); err == nil && t.Year() >= 1971 && t.Year() < 2200 {
			return t.UnixNano(), true
		}
	}
	return 0, false
}
