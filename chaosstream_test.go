package main

import (
	"bufio"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

// A chaosDialect is one way to ask the proxy for a stream. It is read by nothing
// of the program's own, so that a fault of both sides cannot hide.
type chaosDialect struct {
	path string
	body string // with a %s for the prompt
	read func(name string, data []byte, h *heard) error
}

var chaosDialects = []chaosDialect{
	{"/v1/messages", `{"model":"gemini-2.5-flash","max_tokens":4096,"stream":true,"messages":[{"role":"user","content":"%s"}]}`, hearAnthropic},
	{"/v1/chat/completions", `{"model":"gemini-2.5-flash","stream":true,"messages":[{"role":"user","content":"%s"}]}`, hearChat},
	{"/v1/responses", `{"model":"gemini-2.5-flash","stream":true,"store":false,"input":"%s"}`, hearResponses},
	{"/v1beta/models/gemini-2.5-flash:streamGenerateContent?alt=sse", `{"contents":[{"role":"user","parts":[{"text":"%s"}]}]}`, hearGemini},
}

// heard is what a client has of a stream.
type heard struct {
	text   strings.Builder
	events int
	whole  bool   // the stream said that it is complete
	failed string // the type of the error that it ended with
}

// listen reads a stream of events to its end, or until each says to stop.
func (d chaosDialect) listen(r io.Reader, h *heard, each func() error) error {
	name, reader := "", bufio.NewReaderSize(r, 4096)
	for {
		line, err := reader.ReadString('\n')
		if errors.Is(err, io.EOF) && line == "" {
			return nil
		}
		if err != nil {
			return err
		}
		field, value, _ := strings.Cut(strings.TrimRight(line, "\r\n"), ":")
		value = strings.TrimPrefix(value, " ")
		switch field {
		case "event":
			name = value
		case "data":
			if h.failed != "" {
				return fmt.Errorf("%q after the error", value)
			}
			h.events++
			if err := cmp.Or(d.read(name, []byte(value), h), each()); err != nil {
				return err
			}
			name = ""
		}
	}
}

// failedAs wants the word that an envelope has for a failure.
func failedAs(h *heard, word string, data []byte) error {
	if word == "" {
		return fmt.Errorf("an error without a type: %s", data)
	}
	h.failed = word
	return nil
}

func hearAnthropic(name string, data []byte, h *heard) error {
	var e struct {
		Type  string
		Delta struct{ Type, Text string }
		Error struct{ Type, Message string }
	}
	if err := json.Unmarshal(data, &e); err != nil || e.Type != name {
		return fmt.Errorf("event %q: %w: %s", name, err, data)
	}
	switch e.Type {
	case "content_block_delta":
		h.text.WriteString(e.Delta.Text)
	case "message_stop":
		h.whole = true
	case "error":
		return failedAs(h, e.Error.Type, data)
	}
	return nil
}

func hearChat(_ string, data []byte, h *heard) error {
	if string(data) == "[DONE]" {
		h.whole = true
		return nil
	}
	var e struct {
		Choices []struct{ Delta struct{ Content string } }
		Error   *struct{ Type, Message string }
	}
	if err := json.Unmarshal(data, &e); err != nil {
		return fmt.Errorf("%w: %s", err, data)
	}
	if e.Error != nil {
		return failedAs(h, e.Error.Type, data)
	}
	for _, c := range e.Choices {
		h.text.WriteString(c.Delta.Content)
	}
	return nil
}

func hearResponses(name string, data []byte, h *heard) error {
	var e struct {
		Type     string
		Delta    json.RawMessage
		Response struct {
			Error *struct{ Code, Message string }
		}
	}
	if err := json.Unmarshal(data, &e); err != nil || e.Type != name {
		return fmt.Errorf("event %q: %w: %s", name, err, data)
	}
	switch e.Type {
	case "response.output_text.delta":
		var text string
		if err := json.Unmarshal(e.Delta, &text); err != nil {
			return fmt.Errorf("%w: %s", err, data)
		}
		h.text.WriteString(text)
	case "response.completed":
		h.whole = true
	case "response.failed":
		if e.Response.Error == nil {
			return failedAs(h, "", data)
		}
		return failedAs(h, e.Response.Error.Code, data)
	}
	return nil
}

func hearGemini(_ string, data []byte, h *heard) error {
	var e struct {
		Candidates []struct {
			Content      struct{ Parts []struct{ Text string } }
			FinishReason string
		}
		Error *struct{ Status string }
	}
	if err := json.Unmarshal(data, &e); err != nil {
		return fmt.Errorf("%w: %s", err, data)
	}
	if e.Error != nil {
		return failedAs(h, e.Error.Status, data)
	}
	for _, c := range e.Candidates {
		for _, p := range c.Content.Parts {
			h.text.WriteString(p.Text)
		}
		h.whole = h.whole || c.FinishReason != ""
	}
	return nil
}

// refusalType reads the envelope of an answer that is no success.
func refusalType(path string, body []byte) (string, error) {
	var e struct {
		Error struct{ Type, Status, Message string }
	}
	if err := json.Unmarshal(body, &e); err != nil {
		return "", fmt.Errorf("%w: %s", err, body)
	}
	word := e.Error.Type
	if strings.HasPrefix(path, "/v1beta/") {
		word = e.Error.Status
	}
	if word == "" || e.Error.Message == "" {
		return "", fmt.Errorf("an error without type or message: %s", body)
	}
	return word, nil
}
