package dialect

import (
	"bytes"
	"cmp"
	"encoding/json"
	"strconv"
)

// An apiError holds the words in which the APIs tell of an error: Anthropic and
// OpenAI have a type, Google a status; codes are numbers or words.
type apiError struct {
	Type, Status, Code, Message any
}

// tell returns the most telling word, and the message.
func (e *apiError) tell() (code, message string) {
	return cmp.Or(word(e.Type), word(e.Status), word(e.Code)), word(e.Message)
}

// word is a text or a number; "" for anything else.
func word(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	}
	return ""
}

// readError reads the value of a member "error": an object or a text.
func readError(data json.RawMessage) (code, message string) {
	var e apiError
	if json.Unmarshal(data, &e) == nil {
		return e.tell()
	}
	_ = json.Unmarshal(data, &message) // what is neither tells nothing
	return "", message
}

// refusal reads {"error":…}, which Google at times puts into an array of one,
// and the error that some servers send without an envelope.
func refusal(body []byte) (code, message string) {
	body = soleElement(body)
	var envelope struct {
		Error json.RawMessage
		apiError
	}
	if json.Unmarshal(body, &envelope) != nil {
		return "", ""
	}
	if told(envelope.Error) {
		return readError(envelope.Error)
	}
	if word(envelope.Message) == "" {
		return "", ""
	}
	return envelope.tell()
}

// told reports whether a member is there and not null.
func told(member json.RawMessage) bool {
	return len(member) > 0 && !bytes.Equal(member, []byte("null"))
}

// soleElement takes the only element out of an array, and all else as it is.
func soleElement(body []byte) []byte {
	var array []json.RawMessage
	if json.Unmarshal(body, &array) == nil && len(array) == 1 {
		return array[0]
	}
	return body
}
