package fakegemini

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// A scripted is an answer that a script gives: its parts whole, for a call in
// one piece, and cut, for a stream.
type scripted struct {
	whole  []piece
	stream []piece
	step   Step
}

// A piece is one part with the characters that usage counts.
type piece struct {
	part    part
	said    int
	thought int
}

// A player turns a step into an answer to one request.
type player struct {
	step   Step
	talk   talk
	seal   sealer
	signed bool // calls are
	output Output
	draws  draws
}

// play returns the step's answer. The problem is one of the script's, in words.
func (p player) play() (s scripted, problem string) {
	s.step = p.step
	for i, part := range p.step.Parts {
		if part.Thought != "" && !p.talk.thoughts {
			continue
		}
		whole, problem := p.pieces(i, part)
		if problem != "" {
			return scripted{}, problem
		}
		s.whole = append(s.whole, whole...)
		for _, one := range whole {
			s.stream = append(s.stream, p.cut(one)...)
		}
	}
	if len(s.whole) == 0 {
		s.whole, s.stream = []piece{{}}, []piece{{}}
	}
	return s, ""
}

func (p player) pieces(i int, of ScriptPart) (list []piece, problem string) {
	switch {
	case of.Text != "":
		return []piece{{part: part{Text: &of.Text}, said: utf8.RuneCountInString(of.Text)}}, ""
	case of.Thought != "":
		one := part{Text: &of.Thought, Thought: true}
		if !of.Unsigned {
			one.ThoughtSignature = p.seal.seal(sealedThought, of.Thought)
		}
		return []piece{{part: one, thought: utf8.RuneCountInString(of.Thought)}}, ""
	case of.SignatureOnly:
		return []piece{{part: part{Text: new(string), ThoughtSignature: p.seal.seal(sealedText, "")}}}, ""
	case of.Code != "":
		return codePieces(of), ""
	}
	kind := byte(sealedCall)
	switch {
	case !p.signed || of.Unsigned:
		kind = unsealed
	case p.step.speaks(i):
		kind = sealedCalls
	}
	return p.call(*of.Call, kind)
}

// unsealed is the kind of a call without a signature.
const unsealed = 0

func codePieces(of ScriptPart) []piece {
	list := []piece{{
		part: part{ExecutableCode: &executableCode{"PYTHON", of.Code}}, said: utf8.RuneCountInString(of.Code),
	}}
	if of.Output != nil {
		list = append(list, piece{part: part{CodeExecutionResult: &codeResult{"OUTCOME_OK", *of.Output}}})
	}
	return list
}

func (p player) call(c ScriptCall, kind byte) (list []piece, problem string) {
	name, ok := c.Name, true
	if name == "" {
		name, ok = p.talk.function(c.NameLike)
	}
	if !ok {
		return nil, fmt.Sprintf("no function that may be called has %q in its name; they are: %s", c.NameLike, strings.Join(p.talk.functions, ", "))
	}
	args := []byte("{}")
	if c.Args != nil {
		args = compact(c.Args)
	}
	one := part{FunctionCall: &functionCall{ID: c.ID, Name: name, Args: args}}
	if kind != unsealed {
		tree, err := parseTree(args)
		if err != nil {
			return nil, err.Error() // a scenario may hold what no JSON text can
		}
		one.ThoughtSignature = p.seal.sealCall(kind, name, tree)
	}
	return []piece{{part: one, said: utf8.RuneCountInString(name) + utf8.RuneCount(args)}}, ""
}

// compact renders what was validated.
func compact(value any) json.RawMessage {
	text, err := json.Marshal(value)
	if err != nil {
		panic("fakegemini: script: " + err.Error())
	}
	return text
}

// cut parts a text into chunks. A thought's signature comes with its end.
func (p player) cut(one piece) []piece {
	if one.part.Text == nil || *one.part.Text == "" {
		return []piece{one}
	}
	var list []piece
	for _, text := range split(p.output, *one.part.Text, p.draws) {
		chunk := piece{part: part{Text: &text, Thought: one.part.Thought}}
		if one.part.Thought {
			chunk.thought = utf8.RuneCountInString(text)
		} else {
			chunk.said = utf8.RuneCountInString(text)
		}
		list = append(list, chunk)
	}
	list[len(list)-1].part.ThoughtSignature = one.part.ThoughtSignature
	return list
}

// garble garbles the text and leaves thoughts, calls and code.
func (s *scripted) garble() {
	for _, list := range [][]piece{s.whole, s.stream} {
		for i := range list {
			if text := list[i].part.Text; text != nil && !list[i].part.Thought {
				list[i].part.Text = new(garbleText(*text))
			}
		}
	}
}

// responses returns the chunks' JSON values.
func (s scripted) responses(base response) []response {
	list := make([]response, 0, len(s.stream)+1)
	said, thought := 0, 0
	for i, one := range s.stream {
		said, thought = said+one.said, thought+one.thought
		var parts []part
		if one.part != (part{}) {
			parts = []part{one.part}
		}
		r := s.response(base, parts, said, thought)
		if i == len(s.stream)-1 {
			r.Candidates[0].FinishReason = s.finish()
		}
		list = append(list, r)
	}
	return list
}

// wholeResponse returns the answer as one value.
func (s scripted) wholeResponse(base response) response {
	var parts []part
	said, thought := 0, 0
	for _, one := range s.whole {
		said, thought = said+one.said, thought+one.thought
		if one.part != (part{}) {
			parts = append(parts, one.part)
		}
	}
	r := s.response(base, parts, said, thought)
	r.Candidates[0].FinishReason = s.finish()
	return r
}

func (s scripted) finish() string {
	if s.step.Finish == "" {
		return "STOP"
	}
	return s.step.Finish
}

func (s scripted) response(base response, parts []part, said, thought int) response {
	u := usageOf(max(base.UsageMetadata.Prompt, s.step.Usage.Cached), said)
	u.Cached = s.step.Usage.Cached
	u.Thoughts = tokens(thought)
	if s.step.Usage.Thoughts > 0 {
		u.Thoughts = s.step.Usage.Thoughts
	}
	u.Total += u.Thoughts
	base.UsageMetadata = u
	base.Candidates = []candidate{{Content: content{parts, "model"}}}
	return base
}

// status returns what the fault answers with.
func (f StepFault) status() status {
	st := status{Code: f.Status, Message: f.Message, Status: cmp.Or(f.Word, statusWord(f.Status))}
	if st.Message == "" {
		st.Message = "Simulated failure: " + http.StatusText(f.Status) + "."
	}
	st.Details = detailsOf(f.Reason, f.Metadata, f.QuotaID, f.Help, f.RetryDelay)
	return st
}

// head sets the header field of the fault.
func (f StepFault) head(w http.ResponseWriter) {
	if f.RetryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int(f.RetryAfter/time.Second)))
	}
}

var statusWords = map[int]string{
	400: "INVALID_ARGUMENT", 401: "UNAUTHENTICATED", 403: "PERMISSION_DENIED", 404: "NOT_FOUND",
	429: "RESOURCE_EXHAUSTED", 499: "CANCELLED", 500: "INTERNAL", 503: "UNAVAILABLE", 504: "DEADLINE_EXCEEDED",
}

func statusWord(code int) string {
	if word, ok := statusWords[code]; ok {
		return word
	}
	return "UNKNOWN"
}

// staged decides what a script gives to a request: an answer, a failure, or
// neither if no script has a step for it.
func (c call) staged(req request, k key) (*scripted, *status) {
	scenario := &c.arm.server.config.Scenario
	at, ok := req.talk.find(scenario.Scripts)
	if !ok {
		return nil, nil
	}
	step := scenario.Scripts[at.script].Steps[at.step]
	if step.Fault != nil && step.Fault.Times > c.arm.steps.next(strconv.Itoa(at.script)+"/"+strconv.Itoa(at.step)) {
		step.Fault.head(c.w)
		return nil, new(step.Fault.status())
	}
	s, problem := player{
		step: step, talk: req.talk, seal: c.sealer(), signed: signsCalls(c.model),
		output: scenario.Output, draws: newDraws(c.arm.server.config.Seed, "chunk", k.item, k.occ),
	}.play()
	if problem != "" {
		where := fmt.Sprintf("scripts[%d].steps[%d]", at.script, at.step)
		return nil, new(invalid([]violation{{where, "Simulated upstream: " + where + ": " + problem + "."}}))
	}
	return &s, nil
}

func (c call) sealer() sealer { return sealer{c.arm.server.config.Seed, familyOf(c.model)} }

// checkSeals refuses a request whose signatures are not as the model made them.
func (c call) checkSeals(contents node) bool {
	skipped, problem := c.sealer().checkSeals(contents, signsCalls(c.model))
	c.arm.counts.update(func(s *ArmStats) { s.SkippedSignatures += int64(skipped) })
	if problem == "" {
		return true
	}
	c.arm.counts.update(func(s *ArmStats) { s.RefusedSignatures++ })
	c.arm.refuse(c.w, status{Code: http.StatusBadRequest, Message: problem, Status: "INVALID_ARGUMENT"})
	return false
}
