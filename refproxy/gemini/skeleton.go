package gemini

import (
	"errors"
	"io"
	"iter"
	"net/http"

	"github.com/firstbyte-dev/firstbyte/refproxy/chat"
)

var errSkeleton = errors.New("not built yet")

// EncodeRequest writes the body of generateContent and streamGenerateContent.
// It inserts no defaults and is deterministic.
func EncodeRequest(req chat.Request) ([]byte, error) { return nil, errSkeleton }

// EncodeCountTokens writes the body of countTokens. req.Model must be the
// upstream's name of the model, without "models/".
func EncodeCountTokens(req chat.Request) ([]byte, error) { return nil, errSkeleton }

// DecodeCountTokens reads the answer to countTokens.
func DecodeCountTokens(body []byte) (int, error) { return 0, errSkeleton }

// DecodeResponse reads the answer to generateContent. Every error is a
// *chat.Error.
func DecodeResponse(body []byte) (chat.Response, error) { return chat.Response{}, errSkeleton }

// DecodeStream reads the answer to streamGenerateContent: SSE, or JSON (one
// object or an array of them) by its first byte. It reads r to its end, does
// not close it, and can be ranged over once.
func DecodeStream(r io.Reader) iter.Seq2[chat.Event, error] { return nil }

// FastStream is DecodeStream by the short way: text of plain text-only events
// comes as Event.Raw, undecoded. Through one encoder both give the same bytes.
func FastStream(r io.Reader) iter.Seq2[chat.Event, error] { return nil }

// DecodeError reads an answer whose status is not 2xx.
func DecodeError(status int, header http.Header, body []byte) *chat.Error { return nil }

// DecodeModels reads one page of the list of models and the token of the
// next, "" for none.
func DecodeModels(body []byte) ([]chat.Model, string, error) { return nil, "", errSkeleton }
