package report

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/firstbyte-dev/firstbyte/guard/judge"
)

// Read reads a verdict file as [JSON] writes it. It refuses what is no verdict
// of this schema, a decision that does not exist or contradicts its exit code,
// and anything after the verdict.
func Read(r io.Reader) (judge.Verdict, error) {
	var v judge.Verdict
	decoder := json.NewDecoder(r)
	if err := decoder.Decode(&v); err != nil {
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return judge.Verdict{}, errors.New("report: the verdict is cut off: write it again with firstbyte gate or guard")
		}
		return judge.Verdict{}, fmt.Errorf("report: not a verdict: %w", err)
	}
	if v.Schema != judge.Schema {
		return judge.Verdict{}, fmt.Errorf("report: schema %.40q, not %q: give the verdict.json that firstbyte gate or guard wrote", v.Schema, judge.Schema)
	}
	if code := v.Decision.ExitCode(); code == 1 || code != v.ExitCode {
		return judge.Verdict{}, fmt.Errorf("report: decision %.20q with exit code %d is no verdict of ours: the file was changed by hand", v.Decision, v.ExitCode)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return judge.Verdict{}, errors.New("report: something stands after the verdict: give one verdict.json")
	}
	return v, nil
}
