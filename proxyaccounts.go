package main

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"os"

	"github.com/firstbyte-dev/firstbyte/refproxy/codeassist"
	"github.com/firstbyte-dev/firstbyte/refproxy/control"
	"github.com/firstbyte-dev/firstbyte/refproxy/credential"
	"github.com/firstbyte-dev/firstbyte/refproxy/server"
	"github.com/firstbyte-dev/firstbyte/refproxy/store"
	"github.com/firstbyte-dev/firstbyte/refproxy/upstream"
	"github.com/firstbyte-dev/firstbyte/refproxy/vertex"
)

// vertex adds the accounts of the given files, or this machine's.
func (f *upstreamFlags) vertex(ctx context.Context, cfg *server.Config, stored bool) error {
	cfg.Upstream.Location = f.region
	files, about, err := f.files()
	if err != nil {
		return err
	}
	if len(files) == 0 {
		files, about = []string{""}, []credential.Credential{{ID: "machine", Label: "this machine", Weight: 1}}
	}
	open := f.opener(*cfg)
	for i, file := range files {
		source, err := open.vertex(ctx, vertex.Config{File: file})
		if err != nil && file == "" && stored {
			cfg.Sources = []server.Source{} // those in the store
			return nil
		}
		if err != nil {
			return err
		}
		source.Credential, source.Kind = about[i], f.kind
		cfg.Sources = append(cfg.Sources, source)
	}
	return nil
}

// codeAssist adds the accounts of the given files.
func (f *upstreamFlags) codeAssist(cfg *server.Config, stored bool) error {
	files, about, err := f.files()
	if err != nil {
		return err
	}
	if len(files) == 0 && !stored {
		return errors.New("no --credentials-file for Code Assist: want a JSON file with client_id, client_secret and refresh_token of an OAuth client of your own")
	}
	cfg.Upstream.BaseURL = cmp.Or(cfg.Upstream.BaseURL, os.Getenv("CODE_ASSIST_ENDPOINT"))
	cfg.Upstream.APIVersion = os.Getenv("CODE_ASSIST_API_VERSION")
	cfg.Sources = []server.Source{}
	open := f.opener(*cfg)
	for i, file := range files {
		source, err := open.codeAssist(codeassist.Config{File: file})
		if err != nil {
			return err
		}
		source.Credential, source.Kind = about[i], f.kind
		cfg.Sources = append(cfg.Sources, source)
	}
	return nil
}

// An accountOpener opens the accounts of one upstream.
type accountOpener struct {
	project string // of all of them; empty: of each its own
	cfg     server.Config
	http    http.RoundTripper // carries what is asked beside the conversation
}

func (f *upstreamFlags) opener(cfg server.Config) accountOpener {
	return accountOpener{f.project, cfg, &http.Transport{
		Proxy:             http.ProxyFromEnvironment,
		TLSClientConfig:   &tls.Config{RootCAs: cfg.Upstream.RootCAs, MinVersion: tls.VersionTLS12},
		ForceAttemptHTTP2: true,
	}}
}

// vertex opens an account of Vertex AI. Its ID is made of whose it is.
func (o accountOpener) vertex(ctx context.Context, cfg vertex.Config) (server.Source, error) {
	cfg.HTTP, cfg.UserAgent = o.http, o.cfg.Upstream.UserAgent
	tokens, err := vertex.Open(cfg)
	if err != nil {
		return server.Source{}, err
	}
	project := cmp.Or(o.project, tokens.Project(ctx))
	if project == "" {
		return server.Source{}, errors.New("the credentials for Vertex AI name no project: add --project")
	}
	return server.Source{
		Credential: credential.Credential{ID: server.SourceID(tokens.Identity())},
		Proof:      upstream.Proof{Tokens: tokens, Project: project},
	}, nil
}

// codeAssist opens an account of Code Assist. Its ID is made of the login.
func (o accountOpener) codeAssist(cfg codeassist.Config) (server.Source, error) {
	up := o.cfg.Upstream
	cfg.Project, cfg.BaseURL, cfg.APIVersion = o.project, up.BaseURL, up.APIVersion
	cfg.HTTP, cfg.UserAgent, cfg.Log, cfg.Clock = o.http, up.UserAgent, o.cfg.Log, o.cfg.Clock
	account, err := codeassist.Open(cfg)
	if err != nil {
		return server.Source{}, err
	}
	return server.Source{
		Credential: credential.Credential{ID: server.SourceID(account.Identity())},
		Proof:      upstream.Proof{Tokens: account}, Account: account,
	}, nil
}

// uploads are what a proxy of that configuration takes while it runs: credentials
// of its upstream's kind, and no account that it has a file of already.
func (f *upstreamFlags) uploads(cfg server.Config) control.Uploads {
	open, given := f.opener(cfg), map[string]string{}
	for _, s := range cfg.Sources {
		if tokens, ok := s.Proof.Tokens.(interface{ Identity() string }); ok {
			given[server.SourceID(tokens.Identity())] = s.Label
		}
	}
	return control.Uploads{Kind: f.kind, Open: func(secret store.Secret, keep control.Keep) (source server.Source, err error) {
		switch json := []byte(secret.Reveal()); cfg.Upstream.Kind {
		case upstream.Vertex:
			source, err = open.vertex(context.Background(), vertex.Config{JSON: json})
		case upstream.CodeAssist:
			source, err = open.codeAssist(codeassist.Config{JSON: json, Load: keep.Load, Save: keep.Save})
		default:
			source, err = control.OpenKey(secret, keep)
		}
		if label, twice := given[source.ID]; err == nil && twice {
			err = fmt.Errorf("this account was given as a file when the proxy was started, as %s", label)
		}
		return source, err
	}}
}
