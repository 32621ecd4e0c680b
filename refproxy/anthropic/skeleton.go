package anthropic

import (
	"errors"
	"io"
	"net/http"

	"github.com/firstbyte-dev/firstbyte/refproxy/chat"
)

var errSkeleton = errors.New("not built yet")

// DecodeRequest reads the body of POST /v1/messages. Every error is a
// *chat.Error of KindInvalid. The result does not share memory with body.
func DecodeRequest(body []byte) (chat.Request, error) { return chat.Request{}, errSkeleton }

// DecodeCountTokens reads the body of POST /v1/messages/count_tokens, which is
// that of DecodeRequest with max_tokens optional.
func DecodeCountTokens(body []byte) (chat.Request, error) { return chat.Request{}, errSkeleton }

// CheckVersion returns the API version to speak for an anthropic-version
// header: DefaultVersion if absent; an error names the accepted ones.
func CheckVersion(header string) (string, error) { return header, nil }

// Head is what an answer says about itself.
type Head struct {
	// ID is the message id, "msg_...".
	ID string
	// Model is the caller's name of the model.
	Model string
	// InputEstimate is the input_tokens of message_start for an upstream that
	// does not tell; see chat.EstimateTokens.
	InputEstimate int
	// ContextManagement answers chat.Request.ContextManagement.
	ContextManagement bool
}

// EncodeResponse writes a whole answer: the body of a 200.
func EncodeResponse(head Head, resp chat.Response) ([]byte, error) { return nil, errSkeleton }

// EncodeCountTokens writes the body of a count.
func EncodeCountTokens(n int) []byte { return nil }

// EncodeModels writes the list of models as one whole page.
func EncodeModels(models []chat.Model) ([]byte, error) { return nil, errSkeleton }

// EncodeModel writes one model.
func EncodeModel(model chat.Model) ([]byte, error) { return nil, errSkeleton }

// EncodeError writes a failure known before the head of the answer was sent:
// HTTP status, headers (request-id, Retry-After, x-should-retry, Content-Type)
// and body. It reads err with chat.AsError.
func EncodeError(err error, requestID string) (status int, header http.Header, body []byte) {
	return 500, nil, nil
}

// StreamEncoder writes one streamed answer. Each call makes at most one Write
// on the sink, so a caller flushes after each. It is not safe for concurrent
// use: pings and events need one lock or one goroutine.
type StreamEncoder struct{ w io.Writer }

// NewStreamEncoder returns an encoder that writes to w.
func NewStreamEncoder(w io.Writer, head Head) *StreamEncoder { return &StreamEncoder{w: w} }

// Start writes message_start and a first ping, once; later calls do nothing, so a retried
// upstream reuses the head. Event(EventStart) does the same.
func (e *StreamEncoder) Start(usage chat.Usage) error { return errSkeleton }

// Event writes what ev means. Text before any start starts the message.
func (e *StreamEncoder) Event(ev chat.Event) error { return errSkeleton }

// Ping writes a ping; before message_start and after the end it does nothing.
func (e *StreamEncoder) Ping() error { return errSkeleton }

// Error closes an open block and writes an error event; after it, and after
// message_stop, it does nothing.
func (e *StreamEncoder) Error(err error, requestID string) error { return errSkeleton }

// Started reports whether message_start was written.
func (e *StreamEncoder) Started() bool { return false }

// Committed reports whether content was written: no retry after that.
func (e *StreamEncoder) Committed() bool { return false }

// Ended reports whether message_stop or an error event was written.
func (e *StreamEncoder) Ended() bool { return false }
