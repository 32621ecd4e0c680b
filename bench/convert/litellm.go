package convert

import (
	"bufio"
	"encoding/csv"
	"encoding/json"
	"errors"
	"io"
	"strings"

	"github.com/firstbyte-dev/firstbyte/bench/sample"
)

// decodeLiteLLM reads rows of the table LiteLLM_SpendLogs: as a list in JSON or
// wrapped in "data" (the proxy's /spend/logs), one object a line, or as CSV with
// a line of names (a database's export).
func decodeLiteLLM(f fields, src *bufio.Reader, take func(record) error) error {
	first, err := firstLine(src)
	if err != nil {
		return err
	}
	if first[0] != '{' && first[0] != '[' {
		return decodeCSV(f, src, take)
	}
	return elements(src, []string{"data"}, true, func(line int, raw []byte) error {
		var o object
		if raw == nil || json.Unmarshal(raw, &o) != nil {
			return take(bad(line, "no row in JSON"))
		}
		return take(f.liteLLM(line, o))
	})
}

func decodeCSV(f fields, src *bufio.Reader, take func(record) error) error {
	r := csv.NewReader(src)
	r.ReuseRecord = true
	head, err := r.Read()
	if err != nil {
		return err
	}
	names := make(map[string]int, len(head))
	for i, name := range head {
		names[strings.TrimPrefix(name, "\ufeff")] = i
	}
	for {
		cells, err := r.Read()
		if err == io.EOF {
			return nil
		}
		if parse, ok := errors.AsType[*csv.ParseError](err); ok {
			if err := take(bad(parse.StartLine, "no row of the table: "+parse.Err.Error())); err != nil {
				return err
			}
			continue
		}
		if err != nil {
			return err
		}
		line, _ := r.FieldPos(0)
		if err := take(f.liteLLM(line, cellsOf{names, cells})); err != nil {
			return err
		}
	}
}

// cellsOf is a row of CSV.
type cellsOf struct {
	names map[string]int
	cells []string
}

func (c cellsOf) text(name string) string {
	if i, ok := c.names[name]; ok {
		return cell(c.cells[i])
	}
	outer, path, ok := strings.Cut(name, ".")
	i, known := c.names[outer]
	if !ok || !known {
		return ""
	}
	var inner object
	if json.Unmarshal([]byte(c.cells[i]), &inner) != nil {
		return ""
	}
	return inner.text(path)
}

// cell is a value without what databases write for nothing.
func cell(text string) string {
	if text == "NULL" || text == "null" || text == `\N` {
		return ""
	}
	return strings.TrimSpace(text)
}

// liteLLM reads one row.
func (f fields) liteLLM(line int, r row) record {
	rec := record{line: line, row: r}
	if call := r.text("call_type"); call != "" && !answering[call] {
		rec.passed = "call type " + word(call)
		return rec
	}
	if rec.wrong = f.liteLLMTimes(&rec.sample, r); rec.wrong == nil {
		rec.wrong = f.liteLLMOutcome(&rec)
	}
	if rec.wrong == nil {
		rec.wrong = f.work(&rec)
	}
	if strings.EqualFold(r.text("cache_hit"), "true") {
		rec.sample.Usage.Cached = rec.sample.Usage.Input // answered by LiteLLM without the model
	}
	return rec
}

// answering are the calls that a model answers with text.
var answering = map[string]bool{
	"completion": true, "acompletion": true, "text_completion": true, "atext_completion": true,
	"anthropic_messages": true, "responses": true, "aresponses": true,
	"generate_content": true, "agenerate_content": true, "generate_content_stream": true, "agenerate_content_stream": true,
}

func (f fields) liteLLMTimes(s *sample.Sample, r row) error {
	var ok, ended bool
	var err error
	if s.IntendedNS, ok, err = f.instant(r, RoleStart); err != nil {
		return err
	}
	if s.CloseNS, ended, err = f.instant(r, RoleEnd); err != nil {
		return err
	}
	if !ok || !ended {
		return errors.New("no startTime or no endTime")
	}
	token, ok, err := f.instant(r, RoleFirstToken)
	if err != nil {
		return err
	}
	// Where nothing was streamed, LiteLLM writes the end for the first token.
	if ok && token != s.CloseNS {
		s.TokenNS = token
	}
	return nil
}

func (f fields) liteLLMOutcome(rec *record) error {
	s, r := &rec.sample, rec.row
	status := r.text("status")
	if status == "" {
		status = r.text("metadata.status")
	}
	s.Outcome = sample.OK
	switch strings.ToLower(status) {
	case "success", "200":
		s.Status = 200
		return nil
	case "": // early versions say nothing, and kept no failures
		rec.silent = true
		return nil
	}
	var err error
	if s.Status, err = f.count(r, RoleStatus); err != nil {
		s.Status = 0 // some providers' codes are words
	}
	failed(s, f.text(r, RoleFailure))
	if s.Code == "" {
		s.Code = word(status)
	}
	s.TokenNS = 0 // the end again
	return nil
}
