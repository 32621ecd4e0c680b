package fakegemini

import (
	"slices"
	"strings"
	"testing"
)

// A strictCase is one value at its place in a body: refused there, or accepted
// if it says nothing.
type strictCase struct {
	name, value, field, says string
}

func checkCases(t *testing.T, f form, head, tail, at string, cases []strictCase) {
	t.Helper()
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			_, violations := decodeGenerate(f, []byte(head+c.value+tail))
			if c.says == "" {
				if violations != nil {
					t.Errorf("refused: %+v", violations)
				}
				return
			}
			field := at
			if c.field != "" {
				field += c.field
			}
			if !slices.ContainsFunc(violations, func(v violation) bool {
				return v.Field == field && strings.Contains(v.Description, c.says)
			}) {
				t.Errorf("want %s to say %q, got %+v", field, c.says, violations)
			}
		})
	}
}

func TestSchemasOfTools(t *testing.T) {
	head := `{` + hello + `,"tools":[{"functionDeclarations":[{"name":"f","parameters":`
	checkCases(t, form{}, head, `}]}]}`, "tools[0].functionDeclarations[0].parameters", []strictCase{
		{"every keyword", `{"type":"OBJECT","title":"t","description":"d","nullable":true,"minProperties":0,"maxProperties":"9","required":["type"],"propertyOrdering":["type","a"],"default":{},"example":1,"properties":{"type":{"type":"STRING","format":"date-time","minLength":1,"maxLength":2,"pattern":"x","enum":["a"]},"a":{"type":"ARRAY","minItems":0,"maxItems":3,"items":{"anyOf":[{"type":"INTEGER","format":"int64","minimum":1,"maximum":2},{"type":"NULL"}]}}}}`, "", ""},
		{"no type", `{"properties":{}}`, "", "the schema has no type"},
		{"no type below", `{"type":"OBJECT","properties":{"a":{}}}`, ".properties.a", "the schema has no type"},
		{"array of nothing", `{"type":"ARRAY"}`, ".items", "missing field"},
		{"unknown format", `{"type":"STRING","format":"uri"}`, ".format", "not supported for type STRING"},
		{"format of another type", `{"type":"INTEGER","format":"double"}`, ".format", "not supported for type INTEGER"},
		{"required and not there", `{"type":"OBJECT","properties":{"a":{"type":"STRING"}},"required":["b"]}`, ".required[0]", `property "b" is not defined`},
		{"ordered and not there", `{"type":"OBJECT","properties":{},"propertyOrdering":["b"]}`, ".propertyOrdering[0]", `property "b" is not defined`},
		{"const", `{"type":"STRING","const":"a"}`, ".const", "Cannot find field"},
		{"additionalProperties", `{"type":"OBJECT","additionalProperties":false}`, ".additionalProperties", "Cannot find field"},
		{"numbers as enum", `{"type":"INTEGER","enum":[1]}`, ".enum[0]", "must be a string"},
		{"empty enum", `{"type":"STRING","enum":[""]}`, ".enum[0]", "must not be empty"},
		{"list of types", `{"type":["STRING","NULL"]}`, ".type", "must be a string"},
		{"a boolean", `true`, "", "must be an object"},
	})
}

func TestJSONSchemasOfTools(t *testing.T) {
	head := `{` + hello + `,"tools":[{"functionDeclarations":[{"name":"f","parametersJsonSchema":`
	checkCases(t, form{}, head, `}]}]}`, "tools[0].functionDeclarations[0].parametersJsonSchema", []strictCase{
		{"every keyword", `{"$id":"x","$anchor":"y","$defs":{"d":{"type":["string","null"],"format":"any","enum":["a",1]}},"type":"object","title":"t","description":"d","properties":{"$ref":{"$ref":"#/$defs/d"},"l":{"type":"array","prefixItems":[{}],"items":{},"minItems":0,"maxItems":2},"n":{"oneOf":[{"minimum":1},{"maximum":2}]},"e":{"anyOf":[{}]}},"additionalProperties":{"type":"string"},"required":["l"],"propertyOrdering":["l"]}`, "", ""},
		{"closed", `{"type":"object","additionalProperties":false}`, "", ""},
		{"upper case", `{"type":"OBJECT"}`, ".type", `must be one of string`},
		{"two types, one foreign", `{"type":["string","any"]}`, ".type[1]", "must be one of string"},
		{"$schema", `{"$schema":"x"}`, ".$schema", "Cannot find field"},
		{"pattern", `{"type":"string","pattern":"x"}`, ".pattern", "Cannot find field"},
		{"const below", `{"properties":{"const":{"const":1}}}`, ".properties.const.const", "Cannot find field"},
		{"null in enum", `{"enum":[null]}`, ".enum[0]", "must be a string, is null"},
		{"a boolean", `true`, "", "must be an object"},
	})
}

func TestToolsAndTheirUse(t *testing.T) {
	checkCases(t, form{}, `{`+hello+`,`, `}`, "", []strictCase{
		{"both schemas", `"tools":[{"functionDeclarations":[{"name":"f","parameters":{"type":"OBJECT"},"parametersJsonSchema":{}}]}]`, "tools[0].functionDeclarations[0]", "only one of"},
		{"names", `"tools":[{"functionDeclarations":[{"name":"_a.b:c-9"},{"name":"mcp__n__tool-1"}]}]`, "", ""},
		{"name with a blank", `"tools":[{"functionDeclarations":[{"name":"a b"}]}]`, "tools[0].functionDeclarations[0].name", "Invalid function name"},
		{"name that begins with a digit", `"tools":[{"functionDeclarations":[{"name":"1a"}]}]`, "tools[0].functionDeclarations[0].name", "Invalid function name"},
		{"no name", `"tools":[{"functionDeclarations":[{"name":""}]}]`, "tools[0].functionDeclarations[0].name", "Invalid function name"},
		{"long name", `"tools":[{"functionDeclarations":[{"name":"` + strings.Repeat("a", 129) + `"}]}]`, "tools[0].functionDeclarations[0].name", "at most 128"},
		{"twice", `"tools":[{"functionDeclarations":[{"name":"f"}]},{"functionDeclarations":[{"name":"f"}]}]`, "tools", "Duplicate function declaration found: f."},
		{"own tools", `"tools":[{"googleSearch":{}},{"urlContext":{}},{"codeExecution":{}}]`, "", ""},
		{"search of Vertex AI", `"tools":[{"googleSearch":{"excludeDomains":["a.b"]}}]`, "tools[0].googleSearch.excludeDomains", "Cannot find field"},
		{"setting of a tool without any", `"tools":[{"codeExecution":{"x":1}}]`, "tools[0].codeExecution.x", "Cannot find field"},
		{"ANY of nothing", `"toolConfig":{"functionCallingConfig":{"mode":"ANY"}}`, "toolConfig.functionCallingConfig", "without function declarations"},
		{"NONE of nothing", `"toolConfig":{"functionCallingConfig":{"mode":"NONE"}}`, "", ""},
		{"names for AUTO", `"tools":[{"functionDeclarations":[{"name":"f"}]}],"toolConfig":{"functionCallingConfig":{"mode":"AUTO","allowedFunctionNames":["f"]}}`, "toolConfig.functionCallingConfig.allowedFunctionNames", "ANY or VALIDATED alone"},
		{"undeclared name", `"tools":[{"functionDeclarations":[{"name":"f"}]}],"toolConfig":{"functionCallingConfig":{"mode":"ANY","allowedFunctionNames":["g"]}}`, "toolConfig.functionCallingConfig.allowedFunctionNames", `"g" is not declared`},
		{"schema without a type of answer", `"generationConfig":{"responseSchema":{"type":"STRING"}}`, "generationConfig.responseSchema", "needs the responseMimeType application/json"},
		{"schema with it", `"generationConfig":{"responseMimeType":"application/json","responseJsonSchema":{"type":"string"}}`, "", ""},
		{"foreign keyword for the answer", `"generationConfig":{"responseMimeType":"application/json","responseJsonSchema":{"allOf":[]}}`, "generationConfig.responseJsonSchema.allOf", "Cannot find field"},
	})
	vertex := form{vertex: true}
	checkCases(t, vertex, `{`+hello+`,`, `}`, "", []strictCase{
		{"search on Vertex AI", `"tools":[{"googleSearch":{"excludeDomains":["a.b"]}}]`, "", ""},
	})
}

func TestMedia(t *testing.T) {
	head, tail := `{"contents":[{"role":"user","parts":[`, `]}]}`
	const at = "contents[0].parts[0]"
	checkCases(t, form{}, head, tail, at, []strictCase{
		{"image", `{"inlineData":{"mimeType":"image/png","data":"aGk="}}`, "", ""},
		{"without padding, the other alphabet", `{"inlineData":{"mimeType":"image/png","data":"_-8"}}`, "", ""},
		{"no base64", `{"inlineData":{"mimeType":"image/png","data":"a!"}}`, ".inlineData.data", "Base64 decoding failed"},
		{"a line break", `{"inlineData":{"mimeType":"image/png","data":"aG\nk="}}`, ".inlineData.data", "Base64 decoding failed"},
		{"a data URL", `{"inlineData":{"mimeType":"image/png","data":"data:image/png;base64,aGk="}}`, ".inlineData.data", "Base64 decoding failed"},
		{"nothing", `{"inlineData":{"mimeType":"image/png","data":""}}`, ".inlineData.data", "must not be empty"},
		{"no MIME type", `{"inlineData":{"data":"aGk="}}`, ".inlineData.mimeType", "is required"},
		{"half a MIME type", `{"inlineData":{"mimeType":"png","data":"aGk="}}`, ".inlineData.mimeType", "Unsupported MIME type"},
		{"any MIME type", `{"inlineData":{"mimeType":"image/*","data":"aGk="}}`, ".inlineData.mimeType", "Unsupported MIME type"},
		{"name that Vertex AI knows", `{"inlineData":{"mimeType":"image/png","data":"aGk=","displayName":"n"}}`, ".inlineData.displayName", "Cannot find field"},
		{"file", `{"fileData":{"fileUri":"gs://a/b","mimeType":"application/pdf"}}`, "", ""},
		{"video", `{"fileData":{"fileUri":"u","mimeType":"video/mp4"},"videoMetadata":{"startOffset":"1.5s","fps":1}}`, "", ""},
		{"video from nowhen", `{"fileData":{"fileUri":"u","mimeType":"video/mp4"},"videoMetadata":{"startOffset":"1.5"}}`, ".videoMetadata.startOffset", "no duration"},
		{"signature", `{"text":"a","thoughtSignature":"aGk="}`, "", ""},
		{"signature that is no base64", `{"text":"a","thoughtSignature":"?"}`, ".thoughtSignature", "Base64 decoding failed"},
		{"outcome", `{"codeExecutionResult":{"outcome":"FINE"}}`, ".codeExecutionResult.outcome", "must be one of OUTCOME_OK"},
	})
	checkCases(t, form{vertex: true}, head, tail, at, []strictCase{
		{"name on Vertex AI", `{"inlineData":{"mimeType":"image/png","data":"aGk=","displayName":"n"}}`, "", ""},
	})
	head = `{"contents":[{"role":"user","parts":[{"text":"a"}]},{"role":"model","parts":[{"functionCall":{"name":"f"}}]},{"role":"user","parts":[{"functionResponse":{"name":"f","response":{},"parts":[`
	checkCases(t, form{}, head, `]}}]}]}`, "contents[2].parts[0].functionResponse.parts[0]", []strictCase{
		{"image in a result", `{"inlineData":{"mimeType":"image/png","data":"aGk="}}`, "", ""},
		{"text in a result", `{"text":"a"}`, ".text", "Cannot find field"},
		{"empty in a result", `{}`, "", "has no data"},
		{"two in a result", `{"inlineData":{"mimeType":"image/png","data":"aGk="},"fileData":{"fileUri":"u"}}`, "", "only one of"},
	})
}

func TestThinkingByModel(t *testing.T) {
	for model, cases := range map[string][]strictCase{
		"gemini-2.5-flash": {
			{"off", `{"thinkingBudget":0}`, "", ""},
			{"dynamic", `{"thinkingBudget":-1}`, "", ""},
			{"most", `{"thinkingBudget":24576}`, "", ""},
			{"too much", `{"thinkingBudget":24577}`, ".thinkingBudget", "between 0 and 24576"},
			{"level", `{"thinkingLevel":"LOW"}`, ".thinkingLevel", "not supported by this model"},
			{"budget as text", `{"thinkingBudget":"8"}`, ".thinkingBudget", "must be a number"},
		},
		"gemini-2.5-flash-lite": {
			{"off", `{"thinkingBudget":0}`, "", ""},
			{"too little", `{"thinkingBudget":511}`, ".thinkingBudget", "between 512 and 24576"},
		},
		"gemini-2.5-pro": {
			{"off", `{"thinkingBudget":0}`, ".thinkingBudget", "between 128 and 32768"},
			{"least", `{"thinkingBudget":128}`, "", ""},
			{"too much", `{"thinkingBudget":32769}`, ".thinkingBudget", "between 128 and 32768"},
		},
		"gemini-3-pro-preview": {
			{"level", `{"thinkingLevel":"HIGH"}`, "", ""},
			{"both", `{"thinkingLevel":"HIGH","thinkingBudget":9}`, "", "only one of"},
			{"no level", `{"thinkingLevel":"high"}`, ".thinkingLevel", "must be one of"},
		},
	} {
		t.Run(model, func(t *testing.T) {
			checkCases(t, form{model: model}, `{`+hello+`,"generationConfig":{"thinkingConfig":`, `}}`, "generationConfig.thinkingConfig", cases)
		})
	}
}
