package e2e_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"path/filepath"
	"testing"

	"github.com/anthropics/anthropic-sdk-go"
)

// TestOfficialClientOverEveryUpstream has the official client hold a tool loop over
// Vertex AI and over Code Assist, whose tokens and accounts the simulator gives; the
// Gemini API is what the other tests have. Signatures must survive each.
func TestOfficialClientOverEveryUpstream(t *testing.T) {
	for kind, credentials := range map[string]func(t *testing.T, upstream string) map[string]any{
		"vertex": serviceAccount, "code-assist": ownClient,
	} {
		t.Run(kind, func(t *testing.T) {
			s := upstream(t, weather)
			file := filepath.Join(t.TempDir(), "credentials.json")
			text, err := json.Marshal(credentials(t, s.upstream))
			if err != nil {
				t.Fatal(err)
			}
			write(t, file, string(text))
			s.url = launch(t, []string{"FIRSTBYTE_PROXY_KEYS=" + callerKey}, "proxy", "--listen", "127.0.0.1:0",
				"--upstream", s.upstream, "--upstream-kind", kind, "--credentials-file", file, "--flags", "all-on").URL
			loop(t, client(s.url))
			s.looped(t, 1)
		})
	}
}

// loop asks for the weather, streamed, and answers both calls.
func loop(t *testing.T, c anthropic.Client) {
	t.Helper()
	params := anthropic.MessageNewParams{
		Model: thinker, MaxTokens: 1024,
		Tools: []anthropic.ToolUnionParam{{OfTool: &anthropic.ToolParam{
			Name:        "weather",
			InputSchema: anthropic.ToolInputSchemaParam{Properties: map[string]any{"city": map[string]any{"type": "string"}}},
		}}},
		Messages: []anthropic.MessageParam{anthropic.NewUserMessage(anthropic.NewTextBlock("How is the weather in Paris and Rome?"))},
	}
	m, err := stream(t, c, params)
	if err != nil || m.StopReason != anthropic.StopReasonToolUse {
		t.Fatalf("stopped for %q, error %v", m.StopReason, err)
	}
	var results []anthropic.ContentBlockParamUnion
	for _, block := range m.Content {
		if call, ok := block.AsAny().(anthropic.ToolUseBlock); ok {
			var input struct{ City string }
			decode(t, call.Input, &input)
			results = append(results, anthropic.NewToolResultBlock(call.ID, "sunny in "+input.City, false))
		}
	}
	params.Messages = append(params.Messages, m.ToParam(), anthropic.NewUserMessage(results...))
	m, err = stream(t, c, params)
	if err != nil || len(m.Content) != 1 || m.Content[0].Text != "Both are sunny." {
		t.Fatalf("answered %s, error %v", m.RawJSON(), err)
	}
}

func serviceAccount(t *testing.T, upstream string) map[string]any {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return map[string]any{
		"type": "service_account", "project_id": "simulated-project", "private_key_id": "k1",
		"private_key":  string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})),
		"client_email": "e2e@simulated-project.test", "token_uri": upstream + "/token",
	}
}

func ownClient(_ *testing.T, upstream string) map[string]any {
	return map[string]any{
		"client_id": "own.client", "client_secret": "own-secret", "refresh_token": "refresh-1", "token_uri": upstream + "/token",
	}
}
