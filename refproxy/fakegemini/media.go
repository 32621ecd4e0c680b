package fakegemini

import (
	"encoding/base64"
	"mime"
	"strings"
)

// base64Text takes what Google's JSON takes for bytes: both alphabets, with
// padding or without.
func base64Text(r *reading, path string, n node) {
	if !r.is(kindString, path, n) {
		return
	}
	text := strings.NewReplacer("-", "+", "_", "/").Replace(strings.TrimRight(n.text, "="))
	if _, err := base64.RawStdEncoding.DecodeString(text); err != nil || strings.ContainsAny(text, "\r\n") {
		r.refuse(path, "Invalid value at '%s' (TYPE_BYTES): Base64 decoding failed.", path)
	}
}

// mimeType wants a type and a subtype in lower case.
func mimeType(r *reading, path string, n node) {
	if !r.is(kindString, path, n) {
		return
	}
	kind, _, err := mime.ParseMediaType(n.text)
	if before, after, ok := strings.Cut(kind, "/"); err != nil || !ok || before == "" || after == "" || after == "*" {
		r.refuse(path, "Unsupported MIME type at '%s': %q.", path, n.text)
	}
}

func data(r *reading, path string, n node) {
	filled(r, path, n)
	base64Text(r, path, n)
}

// checkInline knows a display name on Vertex AI alone.
func checkInline(r *reading, path string, n node) {
	f := fields{"mimeType": mimeType, "data": data}
	if r.form.vertex {
		f["displayName"] = kindShape(kindString)
	}
	named(f, "mimeType", "data")(r, path, n)
}

func checkFile(r *reading, path string, n node) {
	f := fields{"fileUri": filled, "mimeType": mimeType}
	if r.form.vertex {
		f["displayName"] = kindShape(kindString)
	}
	named(f, "fileUri")(r, path, n)
}

// checkResultPart checks a file inside a function response.
func checkResultPart(r *reading, path string, n node) {
	fields{"inlineData": checkInline, "fileData": checkFile}.check(r, path, n)
	r.atMostOne(path, n, "inlineData", "fileData")
	if n.kind == kindObject && len(n.members) == 0 {
		r.refuse(path, "%s: the part has no data, one of inlineData and fileData is required.", path)
	}
}

var checkVideo = fields{
	"startOffset": duration, "endOffset": duration, "fps": number(0.01, 24),
}.check

// duration takes seconds as Google's JSON writes them, such as "1.5s".
func duration(r *reading, path string, n node) {
	if !r.is(kindString, path, n) {
		return
	}
	seconds, ok := strings.CutSuffix(n.text, "s")
	if !ok || seconds == "" || strings.Trim(seconds, "0123456789.") != "" || strings.Count(seconds, ".") > 1 {
		r.refuse(path, "Invalid value at '%s': %q is no duration such as 1.5s.", path, n.text)
	}
}
