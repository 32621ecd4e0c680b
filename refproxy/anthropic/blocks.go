package anthropic

import (
	"fmt"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/firstbyte-dev/firstbyte/refproxy/chat"
)

// blockKinds is a set of the kinds of block that may stand in one place.
type blockKinds uint16

const (
	kindText blockKinds = 1 << iota
	kindImage
	kindDocument
	kindSearchResult
	kindToolUse
	kindToolResult
	kindThinking
	kindServer // what the provider's own tools left in a history
)

// kindOf names the blocks there are. Those that are missing here are refused:
// container_upload and compaction among them, since what they stand for is with
// the provider and not in the request.
var kindOf = map[string]blockKinds{
	"text": kindText, "image": kindImage, "document": kindDocument, "search_result": kindSearchResult,
	"tool_use": kindToolUse, "tool_result": kindToolResult,
	"thinking": kindThinking, "redacted_thinking": kindThinking,
	"server_tool_use": kindServer, "web_search_tool_result": kindServer, "web_fetch_tool_result": kindServer,
	"code_execution_tool_result": kindServer, "bash_code_execution_tool_result": kindServer,
	"text_editor_code_execution_tool_result": kindServer, "tool_search_tool_result": kindServer,
	"advisor_tool_result": kindServer, "mcp_tool_use": kindServer, "mcp_tool_result": kindServer,
}

const (
	kindsOfFile   = kindText | kindImage
	kindsOfResult = kindText | kindImage | kindDocument | kindSearchResult
)

// allowed are the kinds of block by the role of their message.
var allowed = map[string]blockKinds{
	"user":      kindsOfResult | kindToolResult | kindServer,
	"assistant": kindText | kindToolUse | kindThinking | kindServer,
	"system":    kindText,
}

// common are the members that every block may have. It is embedded.
type common struct {
	Type         string         `json:"type"`
	CacheControl jsontext.Value `json:"cache_control"` // accepted, never forwarded
	Unknown      jsontext.Value `json:",embed"`
}

// parts converts c, which stands at path, if it holds no other kinds of block.
// Empty strings vanish; white space never does.
func (b *conversation) parts(path string, c content, kinds blockKinds) ([]chat.Part, error) {
	if c.isString {
		return appendText(nil, c.text), nil
	}
	var parts partList
	for i, raw := range c.blocks {
		if err := b.block(&parts, fmt.Sprintf("%s.%d", path, i), raw, kinds); err != nil {
			return nil, err
		}
	}
	return parts.parts, nil
}

// block appends what the block raw says.
func (b *conversation) block(parts *partList, at string, raw jsontext.Value, kinds blockKinds) error {
	var head struct {
		Type string `json:"type"`
	}
	if err := decodeAt(at, raw, &head); err != nil {
		return err
	}
	kind, known := kindOf[head.Type]
	switch {
	case head.Type == "":
		return chat.Invalid(at+".type", "required")
	case !known:
		return chat.Invalid(at, "type %.100q is not supported", head.Type)
	case kinds&kind == 0:
		return chat.Invalid(at, "type %.100q cannot stand here", head.Type)
	}
	switch kind {
	case kindText:
		return parts.text(at, raw)
	case kindImage:
		return parts.image(at, raw)
	case kindDocument:
		return b.document(parts, at, raw)
	case kindSearchResult:
		return b.searchResult(parts, at, raw)
	case kindToolUse:
		return parts.toolUse(at, raw)
	case kindToolResult:
		return b.toolResult(parts, at, raw)
	case kindThinking:
		return b.thought(parts, at, raw)
	}
	return parts.server(raw)
}

// partList is the parts of one message or result.
type partList struct {
	parts []chat.Part
	lent  *chat.Signature // of the next part, kept by the reasoning before it
}

func (l *partList) add(p chat.Part) {
	if p.Signature == nil {
		p.Signature = l.lent
	}
	l.lent = nil
	l.parts = append(l.parts, p)
}

func appendText(parts []chat.Part, text string) []chat.Part {
	if text == "" {
		return parts
	}
	return append(parts, chat.Text(text))
}

func (l *partList) addText(text string) {
	if text != "" {
		l.add(chat.Text(text))
	}
}

func (l *partList) text(at string, raw jsontext.Value) error {
	var t struct {
		common
		Text *string `json:"text"`
		// Citations point at what the text was taken from. The text is whole
		// without them, and the upstream has no place for them.
		Citations jsontext.Value `json:"citations"`
	}
	if err := decodeAt(at, raw, &t); err != nil {
		return err
	}
	if t.Text == nil {
		return chat.Invalid(at+".text", "required")
	}
	l.addText(*t.Text)
	return refuseUnknown(at, t.Unknown)
}

func (l *partList) image(at string, raw jsontext.Value) error {
	var img struct {
		common
		Source *source `json:"source"`
	}
	if err := decodeAt(at, raw, &img); err != nil {
		return err
	}
	media, err := img.Source.media(at+".source", "image/")
	if err != nil {
		return err
	}
	l.add(chat.Part{Kind: chat.PartMedia, Media: media})
	return refuseUnknown(at, img.Unknown)
}

// source is where the content of an image or of a document is.
type source struct {
	Type      string         `json:"type"`
	MediaType string         `json:"media_type"`
	Data      string         `json:"data"`
	URL       string         `json:"url"`
	Content   content        `json:"content"`
	Unknown   jsontext.Value `json:",embed"`
}

// media returns a file whose type begins so.
func (s *source) media(at, mime string) (*chat.Media, error) {
	if s == nil {
		return nil, chat.Invalid(at, "required")
	}
	switch s.Type {
	case "base64":
		switch {
		case s.MediaType == "":
			return nil, chat.Invalid(at+".media_type", "required")
		case !strings.HasPrefix(s.MediaType, mime):
			return nil, chat.Invalid(at+".media_type", "%.100q is not supported; send %s", s.MediaType, strings.TrimSuffix(mime, "/"))
		case s.Data == "":
			return nil, chat.Invalid(at+".data", "required")
		}
		return &chat.Media{MIME: s.MediaType, Data: s.Data}, refuseUnknown(at, s.Unknown)
	case "url":
		if s.URL == "" {
			return nil, chat.Invalid(at+".url", "required")
		}
		m := &chat.Media{URL: s.URL}
		if !strings.HasSuffix(mime, "/") {
			m.MIME = mime
		}
		return m, refuseUnknown(at, s.Unknown)
	case "":
		return nil, chat.Invalid(at+".type", "required")
	}
	return nil, chat.Invalid(at, "type %.100q is not supported", s.Type)
}

// document converts a document of any source: first what it is called, then
// what it holds. Citations.enabled asks that the answer cite it, which this
// upstream cannot; the document is read all the same.
func (b *conversation) document(parts *partList, at string, raw jsontext.Value) error {
	var doc struct {
		common
		Source    *source        `json:"source"`
		Title     string         `json:"title"`
		Context   string         `json:"context"`
		Citations jsontext.Value `json:"citations"`
	}
	if err := decodeAt(at, raw, &doc); err != nil {
		return err
	}
	if err := refuseUnknown(at, doc.Unknown); err != nil {
		return err
	}
	label := labelled("Title", doc.Title) + labelled("Context", doc.Context)
	at += ".source"
	switch {
	case doc.Source != nil && doc.Source.Type == "text":
		if doc.Source.Data == "" {
			return chat.Invalid(at+".data", "required")
		}
		if label != "" {
			label += "\n"
		}
		parts.addText(label + doc.Source.Data)
		return refuseUnknown(at, doc.Source.Unknown)
	case doc.Source != nil && doc.Source.Type == "content":
		inner, err := b.parts(at+".content", doc.Source.Content, kindsOfFile)
		if err != nil {
			return err
		}
		if len(inner) == 0 {
			return chat.Invalid(at+".content", "no content left")
		}
		parts.addText(label)
		for _, p := range inner {
			parts.add(p)
		}
		return refuseUnknown(at, doc.Source.Unknown)
	}
	media, err := doc.Source.media(at, "application/pdf")
	if err != nil {
		return err
	}
	media.Name = doc.Title
	parts.addText(label)
	parts.add(chat.Part{Kind: chat.PartMedia, Media: media})
	return nil
}

// labelled returns a line that says what value is, or nothing.
func labelled(name, value string) string {
	if value == "" {
		return ""
	}
	return name + ": " + value + "\n"
}

// searchResult becomes one text.
func (b *conversation) searchResult(parts *partList, at string, raw jsontext.Value) error {
	var r struct {
		common
		Title     string         `json:"title"`
		Source    string         `json:"source"`
		Content   content        `json:"content"`
		Citations jsontext.Value `json:"citations"`
	}
	if err := decodeAt(at, raw, &r); err != nil {
		return err
	}
	inner, err := b.parts(at+".content", r.Content, kindText)
	if err != nil {
		return err
	}
	texts := make([]string, len(inner))
	for i, p := range inner {
		texts[i] = p.Text
	}
	parts.addText(labelled("Title", r.Title) + labelled("Source", r.Source) + "\n" + strings.Join(texts, "\n"))
	return refuseUnknown(at, r.Unknown)
}
