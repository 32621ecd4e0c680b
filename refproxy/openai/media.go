package openai

import (
	"strings"

	"github.com/firstbyte-dev/firstbyte/refproxy/chat"
)

// media converts a URL: data: or https:, which the server fetches.
func media(at, url, name string) (chat.Part, error) {
	m := &chat.Media{Name: name}
	switch {
	case strings.HasPrefix(url, "data:"):
		var ok bool
		if m.MIME, m.Data, ok = cutData(url); !ok {
			return chat.Part{}, chat.Invalid(at, "a data URL must be data:TYPE;base64,DATA")
		}
	case strings.HasPrefix(url, "https://"):
		m.URL = url
	default:
		return chat.Part{}, chat.Invalid(at, "must be a data: or an https: URL")
	}
	return chat.Part{Kind: chat.PartMedia, Media: m}, nil
}

// cutData takes data:TYPE[;parameters];base64,DATA apart.
func cutData(url string) (mime, data string, ok bool) {
	head, data, ok := strings.Cut(strings.TrimPrefix(url, "data:"), ",")
	head, is64 := strings.CutSuffix(head, ";base64")
	mime, _, _ = strings.Cut(head, ";")
	return mime, data, ok && is64 && mime != "" && data != ""
}

// file converts a file whose data is base64, as a data URL or, of a PDF, alone.
func file(at, data, name string) (chat.Part, error) {
	switch {
	case data == "":
		return chat.Part{}, chat.Invalid(at, "required: no file is stored here, so send its content")
	case strings.HasPrefix(data, "data:"):
		return media(at, data, name)
	case strings.HasSuffix(strings.ToLower(name), ".pdf"):
		return media(at, "data:application/pdf;base64,"+data, name)
	}
	return chat.Part{}, chat.Invalid(at, "the type is not known; send data:TYPE;base64,DATA")
}

// audioTypes maps the API's formats to media types.
var audioTypes = map[string]string{"wav": "audio/wav", "mp3": "audio/mp3"}

func appendText(parts []chat.Part, text string) []chat.Part {
	if text == "" {
		return parts
	}
	return append(parts, chat.Text(text))
}
