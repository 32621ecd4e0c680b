package anthropic_test

import (
	"bytes"
	"iter"
	"net/http"
	"strconv"
	"strings"

	"github.com/firstbyte-dev/firstbyte/refproxy/anthropic"
	"github.com/firstbyte-dev/firstbyte/refproxy/chat"
	"github.com/firstbyte-dev/firstbyte/refproxy/gemini"
)

// chatEvents is what a stream decoder returns.
type chatEvents = iter.Seq2[chat.Event, error]

func itoa(n int) string { return strconv.Itoa(n) }

// encode is the relay at its shortest: events in, the client's stream out.
func encode(events iter.Seq2[chat.Event, error]) []byte { return encodeAs(head, events) }

func encodeAs(head anthropic.Head, events iter.Seq2[chat.Event, error]) []byte {
	var out bytes.Buffer
	enc := anthropic.NewStreamEncoder(&out, head)
	for ev, err := range events {
		if err == nil {
			err = enc.Event(ev)
		}
		if err != nil {
			// A buffer takes every write.
			_ = enc.Error(err, "req_1")
			break
		}
	}
	return out.Bytes()
}

// upstreamFailure reads "STATUS\nHeader: value\n\nbody".
func upstreamFailure(data []byte) error {
	top, body, _ := strings.Cut(string(data), "\n\n")
	lines := strings.Split(top, "\n")
	status, err := strconv.Atoi(lines[0])
	if err != nil {
		return err
	}
	header := http.Header{}
	for _, l := range lines[1:] {
		name, value, _ := strings.Cut(l, ": ")
		header.Set(name, value)
	}
	return gemini.DecodeError(status, header, []byte(strings.TrimSpace(body)))
}
