package fakegemini

import "math"

// The shapes of Gemini's inner body, by the published types: see
// https://ai.google.dev/api/generate-content.

func bodyFields() fields {
	return fields{
		"contents":          checkContents,
		"systemInstruction": checkSystem,
		"tools":             list(0, 0, checkTool),
		"toolConfig":        toolConfigFields.check,
		"generationConfig":  checkGenerationConfig,
		"safetySettings":    list(0, 0, checkSafety),
		"cachedContent":     kindShape(kindString),
		"labels":            dictionary(kindShape(kindString)),
	}
}

var contentsOnly = fields{"contents": checkContents}

func checkGenerate(r *reading, path string, n node) {
	bodyFields().check(r, path, n)
	r.need(path, n, "contents")
	checkToolUse(r, path, n)
}

// checkCounted checks the request inside a countTokens body, which names its
// model as well.
func checkCounted(r *reading, path string, n node) {
	f := bodyFields()
	f["model"] = filled
	f.check(r, path, n)
	r.need(path, n, "contents")
	r.need(path, n, "model")
	checkToolUse(r, path, n)
}

var contentFields = fields{
	"role":  oneOf("user", "model"),
	"parts": list(1, 0, checkPart),
}

func checkContents(r *reading, path string, n node) {
	list(1, 0, checkContent)(r, path, n)
	if len(n.items) == 0 {
		return
	}
	if role, _ := n.items[0].get("role"); role.text == "model" {
		r.refuse(path+"[0].role", "%s[0].role: the first content must be the user's.", path)
	}
	checkTurns(r, path, n.items)
}

func checkContent(r *reading, path string, n node) {
	contentFields.check(r, path, n)
	r.need(path, n, "role")
	r.need(path, n, "parts")
}

// checkSystem allows text alone and, as Google's servers, any known role.
func checkSystem(r *reading, path string, n node) {
	part := fields{"text": filled}
	fields{
		"role":  oneOf("user", "model", "system"),
		"parts": list(1, 0, part.check),
	}.check(r, path, n)
	r.need(path, n, "parts")
}

var partData = []string{
	"text", "functionCall", "functionResponse", "inlineData", "fileData", "executableCode", "codeExecutionResult",
}

var partFields = fields{
	"text":                kindShape(kindString),
	"thought":             kindShape(kindBool),
	"thoughtSignature":    base64Text,
	"functionCall":        checkCall,
	"functionResponse":    checkResponse,
	"inlineData":          checkInline,
	"fileData":            checkFile,
	"executableCode":      named(fields{"language": oneOf("LANGUAGE_UNSPECIFIED", "PYTHON"), "code": filled, "id": filled}, "language", "code"),
	"codeExecutionResult": named(fields{"outcome": oneOf("OUTCOME_OK", "OUTCOME_FAILED", "OUTCOME_DEADLINE_EXCEEDED"), "output": kindShape(kindString), "id": filled}, "outcome"),
	"videoMetadata":       checkVideo,
}

// named checks an object's fields and that the named ones are there.
func named(f fields, required ...string) shape {
	return func(r *reading, path string, n node) {
		f.check(r, path, n)
		for _, name := range required {
			r.need(path, n, name)
		}
	}
}

func checkPart(r *reading, path string, n node) {
	partFields.check(r, path, n)
	if n.kind != kindObject {
		return
	}
	r.atMostOne(path, n, partData...)
	if len(present(n, partData)) == 0 {
		r.refuse(path, "%s: the part has no data, one of text, functionCall, inlineData ... is required.", path)
	}
	text, isText := n.get("text")
	_, signed := n.get("thoughtSignature")
	if isText && text.text == "" && !signed {
		r.refuse(path+".text", "%s.text: must not be empty.", path)
	}
}

func checkCall(r *reading, path string, n node) {
	named(fields{"id": filled, "name": filled, "args": kindShape(kindObject)}, "name")(r, path, n)
}

// checkResponse holds the server to its own complaint about a list in the
// place of the response: "Proto field is not repeating, cannot start list."
func checkResponse(r *reading, path string, n node) {
	named(fields{
		"id": filled, "name": filled, "response": kindShape(kindObject), "parts": list(0, 0, checkResultPart),
	}, "name", "response")(r, path, n)
}

func checkSafety(r *reading, path string, n node) {
	named(fields{
		"category": oneOf("HARM_CATEGORY_HARASSMENT", "HARM_CATEGORY_HATE_SPEECH",
			"HARM_CATEGORY_SEXUALLY_EXPLICIT", "HARM_CATEGORY_DANGEROUS_CONTENT", "HARM_CATEGORY_CIVIC_INTEGRITY"),
		"threshold": oneOf("HARM_BLOCK_THRESHOLD_UNSPECIFIED", "BLOCK_LOW_AND_ABOVE",
			"BLOCK_MEDIUM_AND_ABOVE", "BLOCK_ONLY_HIGH", "BLOCK_NONE", "OFF"),
	}, "category", "threshold")(r, path, n)
}

const maxInt32 = math.MaxInt32

var generationConfigFields = fields{
	"temperature":        number(0, 2),
	"topP":               number(0, 1),
	"topK":               integer(1, maxInt32),
	"candidateCount":     integer(1, 1), // the stand-in gives one
	"maxOutputTokens":    integer(1, maxInt32),
	"stopSequences":      list(0, 5, filled),
	"presencePenalty":    number(-2, 2),
	"frequencyPenalty":   number(-2, 2),
	"seed":               integer(math.MinInt32, maxInt32),
	"responseMimeType":   filled,
	"responseSchema":     checkSchema,
	"responseJsonSchema": checkJSONSchema,
	"responseLogprobs":   kindShape(kindBool),
	"logprobs":           integer(0, 20),
	"responseModalities": list(0, 0, oneOf("TEXT", "IMAGE", "AUDIO")),
	"mediaResolution":    filled,
	"speechConfig":       kindShape(kindObject),
	"thinkingConfig":     checkThinking,
}

func checkGenerationConfig(r *reading, path string, n node) {
	generationConfigFields.check(r, path, n)
	r.atMostOne(path, n, "responseSchema", "responseJsonSchema")
	schemas := present(n, []string{"responseSchema", "responseJsonSchema"})
	if mime, _ := n.get("responseMimeType"); len(schemas) > 0 && mime.text != "application/json" && mime.text != "text/x.enum" {
		r.refuse(join(path, schemas[0]), "%s: needs the responseMimeType application/json.", join(path, schemas[0]))
	}
}
