package gemini_test

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/firstbyte-dev/firstbyte/refproxy/chat"
	"github.com/firstbyte-dev/firstbyte/refproxy/gemini"
)

// TestSeedFits: OpenAI's seed has 64 bits, Gemini's 32.
func TestSeedFits(t *testing.T) {
	for seed, want := range map[int]int{
		7: 7, -7: -7, math.MaxInt32: math.MaxInt32, math.MinInt32: math.MinInt32,
		1<<32 + 5: 4, 5 << 32: 5, math.MaxInt64: math.MinInt32,
	} {
		body, err := gemini.Codec{}.EncodeRequest(chat.Request{
			Model: "gemini-2.5-flash", Seed: &seed, Turns: []chat.Turn{{Role: chat.RoleUser, Parts: []chat.Part{chat.Text("Hi")}}},
		})
		if text := fmt.Sprintf(`"seed":%d}`, want); err != nil || !strings.Contains(string(body), text) {
			t.Errorf("seed %d was sent as %s, want %s, error %v", seed, body, text, err)
		}
	}
}
