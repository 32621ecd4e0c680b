package fakegemini

import (
	"math"
	"slices"
	"strconv"
	"strings"
)

// The shapes of tools and of the two kinds of schema, by the published types:
// see https://ai.google.dev/api/caching#Tool.

var toolConfigFields = fields{
	"functionCallingConfig": fields{
		"mode":                 oneOf("MODE_UNSPECIFIED", "AUTO", "ANY", "NONE", "VALIDATED"),
		"allowedFunctionNames": list(0, 0, filled),
	}.check,
	"retrievalConfig": kindShape(kindObject),
}

func checkTool(r *reading, path string, n node) {
	fields{
		"functionDeclarations": list(0, 0, checkDeclaration),
		"googleSearch":         checkSearch,
		"urlContext":           fields{}.check,
		"codeExecution":        fields{}.check,
	}.check(r, path, n)
	if n.kind == kindObject && len(n.members) == 0 {
		r.refuse(path, "%s: the tool is empty.", path)
	}
}

// checkSearch knows the fields that one of the two APIs has alone.
func checkSearch(r *reading, path string, n node) {
	f := fields{"timeRangeFilter": kindShape(kindObject)}
	if r.form.vertex {
		f = fields{"excludeDomains": list(0, 0, filled)}
	}
	f.check(r, path, n)
}

func checkDeclaration(r *reading, path string, n node) {
	named(fields{
		"name":                 functionName,
		"description":          kindShape(kindString),
		"parameters":           checkSchema,
		"parametersJsonSchema": checkJSONSchema,
		"response":             checkSchema,
		"responseJsonSchema":   checkJSONSchema,
		"behavior":             filled,
	}, "name")(r, path, n)
	r.atMostOne(path, n, "parameters", "parametersJsonSchema")
	r.atMostOne(path, n, "response", "responseJsonSchema")
}

const (
	letters         = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_"
	maxFunctionName = 128
)

func functionName(r *reading, path string, n node) {
	if !r.is(kindString, path, n) {
		return
	}
	first := n.text[:min(1, len(n.text))]
	if first == "" || strings.Trim(first, letters) != "" || strings.Trim(n.text, letters+"0123456789.:-") != "" || len(n.text) > maxFunctionName {
		r.refuse(path, "Invalid function name at '%s': %q must start with a letter or an underscore, hold letters, digits and _.:- alone, and have at most %d characters.", path, n.text, maxFunctionName)
	}
}

// checkToolUse holds tools and their configuration to each other.
func checkToolUse(r *reading, path string, n node) {
	names := declared(n)
	for i, name := range names {
		if slices.Contains(names[:i], name) {
			r.refuse(join(path, "tools"), "Duplicate function declaration found: %s.", name)
		}
	}
	config, _ := n.get("toolConfig")
	calling, _ := config.get("functionCallingConfig")
	at := join(path, "toolConfig.functionCallingConfig")
	mode, _ := calling.get("mode")
	if mode.text == "ANY" && len(names) == 0 {
		r.refuse(at, "%s: is set without function declarations.", at)
	}
	allowed, restricted := calling.get("allowedFunctionNames")
	if restricted && mode.text != "ANY" && mode.text != "VALIDATED" {
		r.refuse(at+".allowedFunctionNames", "%s.allowedFunctionNames: may be set for mode ANY or VALIDATED alone.", at)
	}
	for i, name := range allowed.items {
		if !slices.Contains(names, name.text) {
			r.refuse(at+".allowedFunctionNames", "%s.allowedFunctionNames[%d]: %q is not declared.", at, i, name.text)
		}
	}
}

// declared lists the names of the declared functions, in order.
func declared(body node) []string {
	var names []string
	tools, _ := body.get("tools")
	for _, tool := range tools.items {
		declarations, _ := tool.get("functionDeclarations")
		for _, declaration := range declarations.items {
			name, _ := declaration.get("name")
			names = append(names, name.text)
		}
	}
	return names
}

// schemaFormats are the formats that each type has.
var schemaFormats = map[string][]string{
	"STRING": {"date-time", "enum"}, "INTEGER": {"int32", "int64"}, "NUMBER": {"float", "double"},
}

// checkSchema knows exactly the keywords of Gemini's Schema.
func checkSchema(r *reading, path string, n node) {
	text, bound := kindShape(kindString), kindShape(kindNumber)
	fields{
		"anyOf":            list(0, 0, checkSchema),
		"default":          anything,
		"description":      text,
		"enum":             list(0, 0, filled),
		"example":          anything,
		"format":           text,
		"items":            checkSchema,
		"maxItems":         size,
		"maxLength":        size,
		"maxProperties":    size,
		"maximum":          bound,
		"minItems":         size,
		"minLength":        size,
		"minProperties":    size,
		"minimum":          bound,
		"nullable":         kindShape(kindBool),
		"pattern":          text,
		"properties":       dictionary(checkSchema),
		"propertyOrdering": list(0, 0, filled),
		"required":         list(0, 0, filled),
		"title":            text,
		"type":             oneOf("STRING", "NUMBER", "INTEGER", "BOOLEAN", "ARRAY", "OBJECT", "NULL"),
	}.check(r, path, n)
	if n.kind == kindObject {
		checkSchemaParts(r, path, n)
	}
}

// size takes a count as a number, or as text, as Google's JSON of 64 bits has it.
func size(r *reading, path string, n node) {
	if n.kind == kindString {
		n.kind = kindNumber
	}
	integer(0, math.MaxInt64)(r, path, n)
}

// checkSchemaParts wants what the keywords of one schema need of each other.
func checkSchemaParts(r *reading, path string, n node) {
	kind, typed := n.get("type")
	if _, either := n.get("anyOf"); !typed && !either {
		r.refuse(path, "%s: the schema has no type.", path)
	}
	if _, ok := n.get("items"); kind.text == "ARRAY" && !ok {
		r.refuse(join(path, "items"), "%s.items: missing field.", path)
	}
	format, formatted := n.get("format")
	if formats := schemaFormats[kind.text]; formatted && format.text != "" && !slices.Contains(formats, format.text) {
		r.refuse(join(path, "format"), "%s.format: %q is not supported for type %s, use one of: %s.", path, format.text, kind.text, strings.Join(formats, ", "))
	}
	checkNamed(r, path, n, "required")
	checkNamed(r, path, n, "propertyOrdering")
}

// checkNamed wants the property names of a list to exist.
func checkNamed(r *reading, path string, n node, keyword string) {
	names, _ := n.get(keyword)
	properties, _ := n.get("properties")
	for i, name := range names.items {
		if _, ok := properties.get(name.text); !ok {
			at := join(path, keyword) + "[" + strconv.Itoa(i) + "]"
			r.refuse(at, "%s: property %q is not defined.", at, name.text)
		}
	}
}

// checkJSONSchema knows exactly the keywords of JSON Schema that Gemini takes.
func checkJSONSchema(r *reading, path string, n node) {
	text, bound := kindShape(kindString), kindShape(kindNumber)
	fields{
		"$anchor":              filled,
		"$defs":                dictionary(checkJSONSchema),
		"$id":                  filled,
		"$ref":                 filled,
		"additionalProperties": either(kindBool, checkJSONSchema),
		"anyOf":                list(1, 0, checkJSONSchema),
		"description":          text,
		"enum":                 list(1, 0, stringOrNumber),
		"format":               text,
		"items":                checkJSONSchema,
		"maxItems":             size,
		"maximum":              bound,
		"minItems":             size,
		"minimum":              bound,
		"oneOf":                list(1, 0, checkJSONSchema),
		"prefixItems":          list(1, 0, checkJSONSchema),
		"properties":           dictionary(checkJSONSchema),
		"propertyOrdering":     list(0, 0, filled),
		"required":             list(0, 0, filled),
		"title":                text,
		"type":                 typeOrTypes,
	}.check(r, path, n)
}

var oneType = oneOf("string", "number", "integer", "boolean", "array", "object", "null")

func typeOrTypes(r *reading, path string, n node) {
	if n.kind == kindArray {
		list(1, 0, oneType)(r, path, n)
		return
	}
	oneType(r, path, n)
}

// either takes values of one kind, and all others of a shape.
func either(kind nodeKind, other shape) shape {
	return func(r *reading, path string, n node) {
		if n.kind != kind {
			other(r, path, n)
		}
	}
}

var stringOrNumber = either(kindNumber, kindShape(kindString))
