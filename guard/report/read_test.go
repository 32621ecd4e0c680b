package report_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/firstbyte-dev/firstbyte/guard/report"
)

func TestReadRefusesWhatIsNoVerdict(t *testing.T) {
	whole := render(t, "json", promote())
	tests := []struct{ name, file, want string }{
		{"empty", "", "cut off"},
		{"cut", whole[:len(whole)/2], "cut off"},
		{"no JSON", "PROMOTE", "not a verdict"},
		{"a run file", `{"schema":"firstbyte.run/1"}`, "give the verdict.json"},
		{"no schema", `{}`, "give the verdict.json"},
		{"unknown decision", strings.Replace(whole, `"decision": "PROMOTE"`, `"decision": "SHIP IT"`, 1), "SHIP IT"},
		{"decision against exit code", strings.Replace(whole, `"exit_code": 0`, `"exit_code": 2`, 1), "changed by hand"},
		{"two verdicts", whole + whole, "after the verdict"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := report.Read(strings.NewReader(test.file))
			if err == nil || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("got %v, want one line that says %q", err, test.want)
			}
		})
	}
}

// FuzzRead: what is read as a verdict can be rendered in every way, and written
// and read again says the same.
func FuzzRead(f *testing.F) {
	for _, v := range verdicts() {
		var out bytes.Buffer
		if err := report.JSON(&out, v); err != nil {
			f.Fatal(err)
		}
		f.Add(out.Bytes())
	}
	f.Add([]byte(`{"schema":"firstbyte.verdict/1","decision":"HOLD","exit_code":3,"metrics":[{}],"arms":[{},{}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		v, err := report.Read(bytes.NewReader(data))
		if err != nil {
			return
		}
		first := render(t, "json", v)
		again, err := report.Read(strings.NewReader(first))
		if err != nil {
			t.Fatalf("written and not read: %v", err)
		}
		if second := render(t, "json", again); second != first {
			t.Fatalf("changes when written again:\n%s\n%s", first, second)
		}
		for _, suffix := range []string{"txt", "md", "html"} {
			if !strings.Contains(render(t, suffix, v), string(v.Decision)) {
				t.Fatalf("%s does not name the decision", suffix)
			}
		}
	})
}
