package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/pflag"

	"github.com/firstbyte-dev/firstbyte/refproxy/credential"
	"github.com/firstbyte-dev/firstbyte/refproxy/schema"
	"github.com/firstbyte-dev/firstbyte/refproxy/server"
	"github.com/firstbyte-dev/firstbyte/refproxy/upstream"
)

// upstreamFlags say which upstream a proxy has, as given.
type upstreamFlags struct {
	kind, url, caFile, keyFile string
	project, region, schemas   string
	credentials, preview       []string
	mixed, h2c                 bool

	given func(flag string) bool // also as ""
}

func (f *upstreamFlags) register(fs *pflag.FlagSet) {
	f.given = fs.Changed
	fs.StringVar(&f.kind, "upstream-kind", "gemini", strings.Join(upstream.Kinds(), ", "))
	fs.StringVar(&f.url, "upstream", "", "base URL of the upstream (default: Google's; for code-assist CODE_ASSIST_ENDPOINT goes before that)")
	fs.StringVar(&f.caFile, "upstream-ca-file", "", "certificates to trust for the upstream besides the system's, PEM")
	fs.StringVar(&f.keyFile, "upstream-key-file", "", "gemini: file with the upstream's keys, one a line: KEY [name=LABEL] [preview] [weight=N] (default: GEMINI_API_KEY, which may hold the same)")
	fs.StringArrayVar(&f.credentials, "credentials-file", nil, "FILE[,name=LABEL][,preview][,weight=N], repeatable; vertex: a service account's file (default: this machine's credentials); code-assist: client_id, client_secret, refresh_token and more, kept up to date")
	fs.StringArrayVar(&f.preview, "preview-model", nil, "upstream's name of a model that preview credentials alone may be used for; repeatable")
	fs.StringVar(&f.project, "project", "", "vertex and code-assist: project id (default: that of the credentials)")
	fs.StringVar(&f.region, "location", "", "vertex: global, or a region such as europe-west1 (default global)")
	fs.StringVar(&f.schemas, "tool-schemas", "auto", "form of tools' schemas for the upstream: parameters, json-schema, or auto, which is parameters where they can say it")
	fs.BoolVar(&f.mixed, "mixed-tools", false, "the upstream's models take its own tools (search, fetch, code) beside functions: send both instead of refusing the request")
	fs.BoolVar(&f.h2c, "upstream-h2c", false, "speak HTTP/2 without TLS to an http:// upstream")
}

// into adds the upstream to cfg. Where there is a store the credentials may all be
// in it.
func (f *upstreamFlags) into(ctx context.Context, cfg *server.Config, stored bool) error {
	kind, err := upstream.ParseKind(f.kind)
	if err != nil {
		return fmt.Errorf("--upstream-kind: %w", err)
	}
	roots, errCA := upstream.Roots(f.caFile)
	target, errSchemas := schema.ParseTarget(f.schemas)
	if errSchemas != nil {
		errSchemas = fmt.Errorf("--tool-schemas: %w", errSchemas)
	}
	cfg.Schemas, cfg.MixedTools, cfg.Preview = target, f.mixed, f.preview
	cfg.Upstream = upstream.Config{
		Kind: kind, BaseURL: f.url, RootCAs: roots, H2C: f.h2c, UserAgent: "firstbyte-refproxy/" + version,
	}
	if err := errors.Join(errCA, errSchemas, f.misplaced(kind)); err != nil {
		return err
	}
	switch kind {
	case upstream.Vertex:
		err = f.vertex(ctx, cfg, stored)
	case upstream.CodeAssist:
		err = f.codeAssist(cfg, stored)
	default:
		err = f.keys(cfg, stored)
	}
	return err
}

func (f *upstreamFlags) keys(cfg *server.Config, stored bool) error {
	key, err := secret("GEMINI_API_KEY", "--upstream-key-file", f.keyFile)
	if err != nil {
		return err
	}
	cfg.Sources, err = server.ParseKeys(key)
	if cfg.Sources == nil && stored {
		cfg.Sources = []server.Source{}
		if !cfg.Upstream.Google() { // which may want none
			cfg.Sources = []server.Source{{Credential: credential.Credential{ID: "default", Label: "default", Kind: f.kind, Weight: 1}}}
		}
	}
	return err
}

// misplaced reports flags that mean nothing, or nothing to this kind: they would be
// passed over, and something else served than was meant.
func (f *upstreamFlags) misplaced(kind upstream.Kind) error {
	var problems []error
	if f.url == "" && f.given("upstream") {
		problems = append(problems, errors.New(`--upstream "": want http://host or https://host; leave the flag out for Google's`))
	}
	refuse := func(flag, value, kinds string, fits bool) {
		if value != "" && !fits {
			problems = append(problems, fmt.Errorf("%s is for --upstream-kind %s, not %s: drop one", flag, kinds, f.kind))
		}
	}
	refuse("--upstream-key-file", f.keyFile, "gemini", kind == upstream.Gemini)
	refuse("--credentials-file", strings.Join(f.credentials, " "), "vertex and code-assist", kind != upstream.Gemini)
	refuse("--project", f.project, "vertex and code-assist", kind != upstream.Gemini)
	refuse("--location", f.region, "vertex", kind == upstream.Vertex)
	return errors.Join(problems...)
}

// files returns the credential files with what is said of them; an empty name is
// this machine's credentials, where there are such.
func (f *upstreamFlags) files() (names []string, about []credential.Credential, err error) {
	var problems []error
	for i, entry := range f.credentials {
		name, attributes, _ := strings.Cut(entry, ",")
		c, err := server.ParseAttributes(name, fmt.Sprintf("account-%d", i+1), strings.FieldsFunc(attributes, func(r rune) bool { return r == ',' }))
		if name == "" {
			err = errors.New("want FILE[,name=LABEL][,preview][,weight=N]")
		}
		if err != nil {
			problems = append(problems, fmt.Errorf("--credentials-file %q: %w", entry, err))
		}
		names, about = append(names, name), append(about, c)
	}
	return names, about, errors.Join(problems...)
}
