package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/firstbyte-dev/firstbyte/bench/dialect"
	"github.com/firstbyte-dev/firstbyte/bench/load"
	"github.com/firstbyte-dev/firstbyte/bench/tokens"
)

// dialectFlags say which API the targets speak.
type dialectFlags struct {
	name            string
	legacyMaxTokens bool
	tokens          string
}

func (f *dialectFlags) add(cmd *cobra.Command) {
	names := dialect.Names()
	fs := cmd.Flags()
	fs.StringVar(&f.name, "dialect", names[0], "API that the targets speak: "+strings.Join(names, ", "))
	fs.BoolVar(&f.legacyMaxTokens, "legacy-max-tokens", false, "openai-chat: bound answers by max_tokens, for servers that do not know max_completion_tokens")
	choices := tokens.Choices()
	fs.StringVar(&f.tokens, "tokens", choices[0], "who counts output tokens: usage (the provider), tokenizer (o200k_base, an estimate), events, or auto, the first of them that knows")
}

// apply has the run speak the dialect, ask for the model, of which plain HTTP has
// none, and count tokens.
func (f *dialectFlags) apply(cfg *load.Config, model string) (err error) {
	if cfg.Dialect, err = dialect.ByName(f.name); err != nil {
		return errors.New("--" + err.Error())
	}
	if f.legacyMaxTokens {
		if _, ok := cfg.Dialect.(dialect.OpenAIChat); !ok {
			return errors.New("--legacy-max-tokens: only --dialect openai-chat has it")
		}
		cfg.Dialect = dialect.OpenAIChat{LegacyMaxTokens: true}
	}
	cfg.Model = model
	if _, plain := cfg.Dialect.(dialect.HTTP); plain {
		cfg.Model = "none"
		if model != "" {
			return errors.New("--model: plain HTTP has no models; leave it out")
		}
	} else if model == "" {
		return errors.New("--model: name the model to ask for")
	}
	return f.count(cfg)
}

// count has tokens counted where there are any.
func (f *dialectFlags) count(cfg *load.Config) error {
	counter, err := tokens.NewCounter(f.tokens)
	if err != nil {
		return fmt.Errorf("--tokens: %w", err)
	}
	if _, plain := cfg.Dialect.(dialect.HTTP); !plain {
		cfg.Tokens = counter.Count
	} else if f.tokens != tokens.Auto {
		return errors.New("--tokens: an answer of plain HTTP has none; leave it out")
	}
	return nil
}

// score has answers scored, but for those of plain HTTP: what the items expect
// is said by a model.
func (f *dialectFlags) score(cfg *load.Config) (err error) {
	if _, plain := cfg.Dialect.(dialect.HTTP); !plain {
		cfg.Score, err = scoring(cfg.Set)
	}
	return err
}
