package convert

import (
	"bufio"
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/firstbyte-dev/firstbyte/bench/sample"
)

// FuzzDecoders holds for any bytes: a decoder ends, never gives more entries
// than there are lines and values, numbers them by lines that exist, and what it
// calls a request has an outcome and, once it is checked, its instants in order.
func FuzzDecoders(f *testing.F) {
	for i, name := range []string{"envoy.log", "otlp.json", "litellm.json", "litellm.csv"} {
		text, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(uint(min(i, 2)), text)
	}
	f.Add(uint(1), []byte(`{"resourceSpans":[{"scopeSpans":[{"spans":[{"startTimeUnixNano":-1}]}]}]}`))
	f.Add(uint(2), []byte("a,b\n\"x\n1,2,3\n"))
	f.Add(uint(2), []byte(`{"data":[{"startTime":1,"endTime":"x"}]}`))
	for i, name := range []string{"vegeta.json", "k6.json", "vllm.json"} {
		text, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(uint(3+i), text)
	}
	f.Fuzz(func(t *testing.T, from uint, text []byte) {
		o := Options{From: Sources()[from%uint(len(Sources()))]}
		fields, err := o.mapping()
		if err != nil {
			t.Fatal(err)
		}
		most, entries := bytes.Count(text, []byte("\n"))+1, 0
		values := most + bytes.Count(text, []byte(","))
		err = o.decoder()(fields, bufio.NewReaderSize(bytes.NewReader(text), 4096), func(rec record) error {
			entries++
			if rec.line < 1 || rec.line > most {
				t.Fatalf("line %d of %d", rec.line, most)
			}
			if rec.wrong != nil || rec.passed != "" {
				return nil
			}
			s := &rec.sample
			if s.Outcome == "" || strings.ContainsAny(s.Code+s.Finish+rec.model, " \n\"") {
				t.Fatalf("%+v", s)
			}
			if ordered(s) == nil && (s.IntendedNS > s.CloseNS || s.TokenNS > s.CloseNS || s.FirstByteNS > s.CloseNS) {
				t.Fatalf("out of order: %+v", s)
			}
			if plain := o.From.generated() && s.Status >= 200 && s.Status < 400; s.Outcome == sample.OK && s.Status != 0 && s.Status != 200 && !plain {
				t.Fatalf("status %d is a success", s.Status)
			}
			return nil
		})
		if entries > values {
			t.Fatalf("%d entries of %d values", entries, values)
		}
		if err != nil && strings.ContainsAny(err.Error(), "\r\n") {
			t.Errorf("not one line: %q", err)
		}
	})
}
