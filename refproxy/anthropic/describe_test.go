package anthropic_test

import (
	"fmt"
	"strings"

	"github.com/firstbyte-dev/firstbyte/refproxy/chat"
)

// describe puts the parts of a canonical request that no upstream's form shows
// one for one into lines.
func describe(req chat.Request) string {
	var b strings.Builder
	describeParts(&b, "system", req.System)
	for _, t := range req.Turns {
		describeParts(&b, map[chat.Role]string{chat.RoleUser: "user", chat.RoleModel: "model"}[t.Role], t.Parts)
	}
	for _, t := range req.Tools {
		kind := map[chat.ToolKind]string{chat.ToolFunction: "function", chat.ToolSearch: "search", chat.ToolFetch: "fetch", chat.ToolCode: "code"}[t.Kind]
		fmt.Fprintf(&b, "tool: %s %s %q %s%s\n", kind, t.Name, t.Description, t.Schema, list(" not ", t.Blocked))
	}
	mode := map[chat.ChoiceMode]string{chat.ChoiceUnset: "unset", chat.ChoiceAuto: "auto", chat.ChoiceAny: "any", chat.ChoiceNone: "none"}[req.Choice.Mode]
	if said := mode + list(" of ", req.Choice.Names) + when(req.Choice.Single, ", one call at most"); said != "unset" {
		fmt.Fprintf(&b, "choice: %s\n", said)
	}
	if r := req.Reasoning; r != (chat.Reasoning{}) {
		mode := map[chat.ReasoningMode]string{
			chat.ReasoningUnset: "unset", chat.ReasoningOff: "off", chat.ReasoningDynamic: "dynamic",
			chat.ReasoningBudget: fmt.Sprintf("up to %d tokens", r.Budget),
		}[r.Mode]
		effort := []string{"", ", effort none", ", effort minimal", ", effort low", ", effort medium", ", effort high", ", effort max"}[r.Effort]
		fmt.Fprintf(&b, "reasoning: %s%s%s\n", mode, effort, when(r.Show, ", shown"))
	}
	if req.Format != nil {
		fmt.Fprintf(&b, "format: JSON %s %s\n", req.Format.Name, req.Format.Schema)
	}
	if req.DroppedThoughts > 0 {
		fmt.Fprintf(&b, "dropped thoughts: %d\n", req.DroppedThoughts)
	}
	if req.ContextManagement {
		b.WriteString("context management: asked for\n")
	}
	for _, f := range req.Unknown {
		fmt.Fprintf(&b, "unknown: %s %s\n", f.Name, f.Raw)
	}
	return b.String()
}

func describeParts(b *strings.Builder, who string, parts []chat.Part) {
	for _, p := range parts {
		b.WriteString(who + ": " + describePart(p))
		if p.Signature != nil {
			fmt.Fprintf(b, " signed by %s: %s", p.Signature.Family, p.Signature.Value)
		}
		b.WriteString("\n")
		if p.Result != nil {
			describeParts(b, "  result", p.Result.Parts)
		}
	}
}

func describePart(p chat.Part) string {
	switch p.Kind {
	case chat.PartText:
		return fmt.Sprintf("text %q", p.Text)
	case chat.PartThought:
		return fmt.Sprintf("thought %q", p.Text)
	case chat.PartMedia:
		return fmt.Sprintf("media %q %q %s%s", p.Media.MIME, p.Media.Name, p.Media.Data, p.Media.URL)
	case chat.PartCall:
		return fmt.Sprintf("call %s %s %s", p.Call.ID, p.Call.Name, p.Call.Args)
	case chat.PartResult:
		return fmt.Sprintf("result of %s %s%s", p.Result.ID, p.Result.Name, when(p.Result.Failed, ", failed"))
	}
	return "nothing"
}

func list(before string, names []string) string {
	return when(len(names) > 0, before+strings.Join(names, ", "))
}

func when(said bool, s string) string {
	if said {
		return s
	}
	return ""
}
