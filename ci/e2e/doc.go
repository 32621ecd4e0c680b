// Package e2e holds what was written elsewhere against the project as it is built
// and run: Claude Code, the official clients of Anthropic, OpenAI and Google and a
// real Prometheus against the proxy, Chromium against its control panel, a real
// PostgreSQL against its store, another author's reader against the histogram logs
// of bench, Kubernetes' schemas against its manifests, and bench against Ollama, a
// real token server. It is a module of its own so that these dependencies stay out
// of firstbyte's; it has nothing but tests, and what they need.
package e2e
