package feature_test

import (
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/firstbyte-dev/firstbyte/refproxy/feature"
)

func env(pairs map[string]string) func(string) (string, bool) {
	return func(k string) (string, bool) { v, ok := pairs[k]; return v, ok }
}

// read is how a program reads its flags.
func read(list string, pairs map[string]string) (feature.Flags, error) {
	given, err := feature.Parse(list)
	flags, errEnv := given.Override(env(pairs))
	return flags, errors.Join(err, errEnv)
}

// says fails unless err holds all the words; no words mean no error.
func says(t *testing.T, err error, words []string) {
	t.Helper()
	if (err != nil) != (len(words) > 0) {
		t.Fatalf("error %v, want one with %q", err, words)
	}
	for _, word := range words {
		if !strings.Contains(err.Error(), word) {
			t.Errorf("error %q does not say %q", err, word)
		}
	}
}

func TestParse(t *testing.T) {
	allOn := feature.Flags{RetryPolicyV2: true, HTTP2PoolTuning: true, ConverterFastPath: true, PreviewCredentialSchedulerV2: true}
	noPool := allOn
	noPool.HTTP2PoolTuning = false
	for _, tt := range []struct {
		name, list string
		env        map[string]string
		want       feature.Flags
		wantErr    []string // words the error must hold; none means no error
	}{
		{name: "nothing given"},
		{name: "all off", list: "all-off"},
		{name: "all on", list: "all-on", want: allOn},
		{name: "one name", list: "ff_http2_pool_tuning", want: feature.Flags{HTTP2PoolTuning: true}},
		{name: "two names with a space", list: "ff_retry_policy_v2, ff_converter_fast_path", want: feature.Flags{RetryPolicyV2: true, ConverterFastPath: true}},
		{name: "environment off wins", list: "all-on", env: map[string]string{"FF_HTTP2_POOL_TUNING": "no"}, want: noPool},
		{name: "environment on wins", list: "all-off", env: map[string]string{"FF_CONVERTER_FAST_PATH": "Yes"}, want: feature.Flags{ConverterFastPath: true}},
		{name: "empty environment is not set", list: "all-on", env: map[string]string{"FF_HTTP2_POOL_TUNING": ""}, want: allOn},
		{name: "lower-case environment is ignored", env: map[string]string{"ff_http2_pool_tuning": "1"}},
		{name: "misspelt flag", list: "ff_http_pool", wantErr: []string{`"ff_http_pool"`, "ff_http2_pool_tuning", "all-on"}},
		{name: "every problem is told", list: "nope", env: map[string]string{"FF_RETRY_POLICY_V2": "maybe"}, wantErr: []string{"nope", "FF_RETRY_POLICY_V2", "maybe"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := read(tt.list, tt.env)
			says(t, err, tt.wantErr)
			if diff := cmp.Diff(tt.want, got); err == nil && diff != "" {
				t.Errorf("flags (-want +got):\n%s", diff)
			}
		})
	}
}

// TestTruthyWords holds the four words of the environment that mean on.
func TestTruthyWords(t *testing.T) {
	for _, word := range []string{"true", "TRUE", "1", "yes", "on", " On "} {
		got, err := read("", map[string]string{"FF_HTTP2_POOL_TUNING": word})
		if err != nil || !got.HTTP2PoolTuning {
			t.Errorf("%q: %+v, %v", word, got, err)
		}
	}
}

// TestEveryFieldHasAName fails when a field is added to Flags but not to the
// table: such a flag could never be switched on.
func TestEveryFieldHasAName(t *testing.T) {
	n := reflect.TypeFor[feature.Flags]().NumField()
	on, err := feature.Parse("all-on")
	if err != nil {
		t.Fatal(err)
	}
	if len(feature.Names()) != n || len(on.Map()) != n {
		t.Fatalf("%d fields, %d names, map %v", n, len(feature.Names()), on.Map())
	}
	for i := range n {
		if v := reflect.ValueOf(on); !v.Field(i).Bool() {
			t.Errorf("all-on leaves %s off", v.Type().Field(i).Name)
		}
	}
	for name, state := range on.Map() {
		if !state {
			t.Errorf("all-on: map says %s is off", name)
		}
	}
}
