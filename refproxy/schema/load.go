package schema

import (
	"math"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// A loader makes nodes of a schema. It reads by position: what is a keyword in
// a schema is a name like any other within "properties".
type loader struct {
	root    *value
	anchors map[string]*value // by name; nil until one is asked for
	nodes   int
	bytes   int
}

// A place is where the loader is.
type place struct {
	path  string
	depth int
	refs  []string // the references on the way here
}

func (p place) in(name string) place {
	p.path += "/" + strings.ReplaceAll(strings.ReplaceAll(name, "~", "~0"), "/", "~1")
	return p
}

// spend bounds the work of one schema.
func (l *loader) spend(p place, bytes int) error {
	l.nodes++
	l.bytes += bytes
	switch {
	case p.depth > maxDepth:
		return fail(p.path, "the schema is nested deeper than %d levels", maxDepth)
	case l.nodes > maxNodes || l.bytes > maxBytes:
		return fail("", "the schema is too large with its references followed")
	}
	return nil
}

func (l *loader) schema(v *value, p place) (*node, error) {
	p.depth++
	if err := l.spend(p, len(p.path)); err != nil {
		return nil, err
	}
	switch v.kind {
	case 't':
		return &node{}, nil
	case 'f':
		return &node{never: true}, nil
	case '{':
		return l.object(v, p)
	}
	return nil, fail(p.path, "a schema must be an object")
}

// object reads the keywords in an order of our own, so that their order in the
// source does not matter.
func (l *loader) object(v *value, p place) (*node, error) {
	n := &node{}
	for _, read := range []func(*value, place, *node) error{
		l.words, l.types, l.values, l.numbers, l.array, l.properties, l.others,
	} {
		if err := read(v, p, n); err != nil {
			return nil, err
		}
	}
	n, err := l.merged(v, p, n)
	if err != nil {
		return nil, err
	}
	if n, err = l.forms(v, p, n); err != nil {
		return nil, err
	}
	return n, nil
}

// words reads what is said in words.
func (l *loader) words(v *value, p place, n *node) error {
	for _, f := range []struct {
		name string
		dst  *string
	}{{"title", &n.title}, {"description", &n.description}, {"format", &n.format}, {"pattern", &n.pattern}} {
		if s := v.get(f.name); s != nil && s.kind == '"' {
			*f.dst = s.text
			if err := l.spend(p, len(s.text)); err != nil {
				return err
			}
		}
	}
	return nil
}

// types reads "type", a name or a list, in whatever case.
func (l *loader) types(v *value, p place, n *node) error {
	t := v.get("type")
	if t == nil {
		return nil
	}
	names := t.items
	if t.kind == '"' {
		names = []*value{t}
	} else if t.kind != '[' {
		return fail(p.in("type").path, "must be a type or a list of types")
	}
	for _, name := range names {
		switch kind := strings.ToLower(name.text); kind {
		case "string", "number", "integer", "boolean", "array", "object", "null":
			if !slices.Contains(n.kinds, kind) {
				n.kinds = append(n.kinds, kind)
			}
		case "any":
			n.kinds = nil
			return nil
		default:
			return fail(p.in("type").path, "there is no type %.100q", name.text)
		}
	}
	if slices.Contains(n.kinds, "number") {
		n.kinds = slices.DeleteFunc(n.kinds, func(k string) bool { return k == "integer" })
	}
	return nil
}

// values reads enum, const, default and examples, and what marks null.
func (l *loader) values(v *value, p place, n *node) error {
	if b := v.get("nullable"); b != nil && b.kind == 't' {
		n.nullable = true
	}
	if e := v.get("enum"); e != nil {
		if e.kind != '[' {
			return fail(p.in("enum").path, "must be a list")
		}
		n.setEnum(e.items)
	}
	if c := v.get("const"); c != nil {
		fixed := &node{}
		fixed.setEnum([]*value{c})
		n.mergeEnum(fixed)
		n.nullable = n.nullable || fixed.nullable
	}
	if n.kinds == nil && n.enum == nil && (v.get("const") != nil || v.get("enum") != nil) {
		n.kinds = []string{"null"} // there was no other value
	}
	n.narrow()
	n.preset = v.get("default")
	n.example = v.get("example")
	if list := v.get("examples"); n.example == nil && list != nil && len(list.items) > 0 {
		n.example = list.items[0]
	}
	size := 0
	for _, x := range append(slices.Clip(n.enum), n.preset, n.example) {
		if x != nil {
			size += len(x.String())
		}
	}
	return l.spend(p, size)
}

// setEnum drops null, which becomes a mark, and repetitions.
func (n *node) setEnum(values []*value) {
	seen := map[string]bool{}
	for _, x := range values {
		if x.kind == 'n' {
			n.nullable = true
			continue
		}
		if s := x.String(); !seen[s] {
			seen[s] = true
			n.enum = append(n.enum, x)
		}
	}
}

// numbers reads bounds, those of draft 4 too, where exclusive ones are marks.
// A bound that is no usable number has no meaning to lose.
func (l *loader) numbers(v *value, _ place, n *node) error {
	for _, side := range []struct {
		dst             **bound
		name, exclusive string
		less            func(x, y float64) bool
	}{
		{&n.least, "minimum", "exclusiveMinimum", func(x, y float64) bool { return x > y }},
		{&n.most, "maximum", "exclusiveMaximum", func(x, y float64) bool { return x < y }},
	} {
		b, x := newBound(v.get(side.name)), v.get(side.exclusive)
		if b != nil && x != nil && x.kind == 't' {
			b.exclusive = true
		}
		strict := newBound(x)
		if strict != nil {
			strict.exclusive = true
		}
		*side.dst = tighter(b, strict, side.less)
	}
	for i, name := range sizeNames {
		if b := newBound(v.get(name)); b != nil && b.number >= 0 && b.number == math.Trunc(b.number) && b.number < 1<<53 {
			n.sizes[i] = new(int64(b.number))
		}
	}
	return nil
}

// newBound returns nil for what is no finite number.
func newBound(v *value) *bound {
	if v == nil || v.kind != '0' {
		return nil
	}
	f, err := strconv.ParseFloat(v.text, 64)
	if err != nil {
		return nil
	}
	return &bound{number: f, text: v.text}
}

// array reads items, a tuple in the form of either draft.
func (l *loader) array(v *value, p place, n *node) (err error) {
	tuple, rest := v.get("prefixItems"), v.get("items")
	name := "prefixItems"
	if tuple == nil && rest != nil && rest.kind == '[' {
		tuple, rest, name = rest, v.get("additionalItems"), "items"
	}
	if tuple != nil {
		if n.prefix, err = l.list(tuple, p.in(name)); err != nil {
			return err
		}
	}
	if rest == nil {
		return nil
	}
	items, err := l.schema(rest, p.in("items"))
	if err != nil {
		return err
	}
	if !items.never {
		n.items = items
		return nil
	}
	// There is no element, or none after those of the tuple.
	if size := int64(len(n.prefix)); n.sizes[maxItems] == nil || *n.sizes[maxItems] > size {
		n.sizes[maxItems] = &size
	}
	return nil
}

// list reads a list of schemas.
func (l *loader) list(v *value, p place) ([]*node, error) {
	if v.kind != '[' {
		return nil, fail(p.path, "must be a list of schemas")
	}
	var nodes []*node
	for i, sub := range v.items {
		n, err := l.schema(sub, p.in(strconv.Itoa(i)))
		if err != nil {
			return nil, err
		}
		nodes = append(nodes, n)
	}
	return nodes, nil
}

// properties reads what an object holds. A property that may have no value is
// none.
func (l *loader) properties(v *value, p place, n *node) error {
	if list := v.get("properties"); list != nil {
		if list.kind != '{' {
			return fail(p.in("properties").path, "must be an object of schemas")
		}
		n.properties = []property{}
		for _, m := range list.members {
			sub, err := l.schema(m.value, p.in("properties").in(m.name))
			if err != nil {
				return err
			}
			if !sub.never {
				n.properties = append(n.properties, property{m.name, sub})
			}
		}
	}
	n.required, n.ordering = names(v.get("required")), names(v.get("propertyOrdering"))
	more := v.get("additionalProperties")
	if more == nil {
		more = v.get("unevaluatedProperties")
	}
	if more == nil {
		return nil
	}
	extra, err := l.schema(more, p.in("additionalProperties"))
	switch {
	case err != nil:
		return err
	case extra.never:
		n.closed = true
	case extra.says(): // else it says what holds anyway
		n.extra = extra
	}
	return nil
}

// names reads a list of strings; of draft 3's marks it makes nothing.
func names(v *value) []string {
	if v == nil || v.kind != '[' {
		return nil
	}
	var out []string
	for _, s := range v.items {
		if s.kind == '"' {
			out = append(out, s.text)
		}
	}
	return distinct(out)
}

// others notes the keywords that no target has. What none has a meaning in,
// such as $schema, $comment or deprecated, needs no note.
func (l *loader) others(v *value, p place, n *node) error {
	for _, m := range v.members {
		switch say := m.value.brief(); m.name {
		case "propertyNames":
			if say != `{"type":"string"}` && say != "{}" { // which all names are
				n.note("propertyNames " + say)
			}
		case "multipleOf":
			n.note("a multiple of " + say)
		case "uniqueItems":
			if m.value.kind == 't' {
				n.note("no element twice")
			}
		case "not":
			n.note("not " + say)
		case "contains":
			n.note("contains " + say)
		case "minContains", "maxContains", "if", "then", "else", "dependentRequired", "dependentSchemas", "dependencies",
			"patternProperties", "contentEncoding", "contentMediaType", "unevaluatedItems", "enumDescriptions":
			n.note(m.name + " " + say)
		}
	}
	return l.spend(p, 0)
}

// maxBrief bounds a value within a note, in bytes.
const maxBrief = 80

// brief is v in a few words.
func (v *value) brief() string { return cut(v.String(), maxBrief) }

// merged merges what $ref and allOf add to n. What stands beside a reference
// says it first.
func (l *loader) merged(v *value, p place, n *node) (*node, error) {
	for _, name := range []string{"$ref", "$dynamicRef", "$recursiveRef"} {
		if ref := v.get(name); ref != nil {
			target, err := l.reference(ref, p.in(name))
			if err != nil {
				return nil, err
			}
			n = merge(n, target)
		}
	}
	if all := v.get("allOf"); all != nil {
		parts, err := l.list(all, p.in("allOf"))
		if err != nil {
			return nil, err
		}
		for _, part := range parts {
			n = merge(n, part)
		}
	}
	return n, l.spend(p, 32*len(n.properties))
}

// reference follows a reference within the schema. At the second visit of the
// same place it stops.
func (l *loader) reference(v *value, p place) (*node, error) {
	if v.kind != '"' {
		return nil, fail(p.path, "must be a string")
	}
	target, err := l.find(v.text)
	if err != nil {
		return nil, fail(p.path, "%v", err)
	}
	if l.nodes > softNodes || slices.Contains(p.refs, v.text) {
		return stub(v.text, target), nil
	}
	p.refs = append(slices.Clip(p.refs), v.text)
	return l.schema(target, p)
}

// stub stands for what is not followed once more: an object, unless it says that
// it is something else.
func stub(ref string, target *value) *node {
	n := &node{kinds: []string{"object"}}
	if t := target.get("type"); t != nil && t.kind == '"' && slices.Contains([]string{"string", "number", "integer", "boolean", "array"}, t.text) {
		n.kinds = []string{t.text}
	}
	n.note("of the same form as " + cut(ref, maxBrief))
	return n
}

type badRef string

func (e badRef) Error() string { return string(e) }

// find returns what a reference means: a place by its path, or by its $anchor.
func (l *loader) find(ref string) (*value, error) {
	fragment, ok := strings.CutPrefix(ref, "#")
	if !ok {
		return nil, badRef("only references within the schema can be followed, not " + strconv.Quote(cut(ref, maxBrief)))
	}
	missing := badRef("there is no " + strconv.Quote(cut(ref, maxBrief)))
	if decoded, err := url.PathUnescape(fragment); err == nil {
		fragment = decoded
	}
	v := l.root
	if fragment == "" {
		return v, nil
	}
	if fragment[0] != '/' {
		if l.anchors == nil {
			l.anchors = map[string]*value{}
			v.anchored(l.anchors)
		}
		if v = l.anchors[fragment]; v == nil {
			return nil, missing
		}
		return v, nil
	}
	for token := range strings.SplitSeq(fragment[1:], "/") {
		l.bytes += len(v.members) // which are searched
		if v = v.at(strings.ReplaceAll(strings.ReplaceAll(token, "~1", "/"), "~0", "~")); v == nil {
			return nil, missing
		}
	}
	return v, nil
}

// at returns the member or the element of that name, nil if there is none.
func (v *value) at(token string) *value {
	if v.kind != '[' {
		return v.get(token)
	}
	i, err := strconv.Atoi(token)
	if err != nil || i < 0 || i >= len(v.items) {
		return nil
	}
	return v.items[i]
}

// anchored adds the objects within v that have an anchor, of two the first.
func (v *value) anchored(found map[string]*value) {
	for _, key := range []string{"$anchor", "$dynamicAnchor"} {
		if a := v.get(key); a != nil && a.kind == '"' && found[a.text] == nil {
			found[a.text] = v
		}
	}
	for _, m := range v.members {
		m.value.anchored(found)
	}
	for _, item := range v.items {
		item.anchored(found)
	}
}

// forms reads anyOf and oneOf, of which the upstream knows the first alone.
func (l *loader) forms(v *value, p place, n *node) (*node, error) {
	for _, name := range []string{"anyOf", "oneOf"} {
		list := v.get(name)
		if list == nil {
			continue
		}
		forms, err := l.list(list, p.in(name))
		if err != nil {
			return nil, err
		}
		n = merge(n, anyOf(forms))
	}
	if n.anyOf == nil {
		return n, nil
	}
	return l.distribute(n, p)
}

// anyOf returns a node of several forms: null becomes a mark, a single form
// itself, and fixed strings one enum.
func anyOf(forms []*node) *node {
	out := &node{}
	for _, f := range forms {
		switch {
		case f.never:
		case f.onlyNull():
			out.nullable = true
		default:
			out.anyOf = append(out.anyOf, f)
		}
	}
	switch {
	case len(out.anyOf) == 0:
		if out.nullable {
			return &node{kinds: []string{"null"}}
		}
		return &node{never: len(forms) > 0}
	case len(out.anyOf) == 1:
		one := *out.anyOf[0]
		one.nullable = one.nullable || out.nullable
		return &one
	case slices.ContainsFunc(out.anyOf, (*node).isAny):
		return &node{} // as good as nothing
	}
	return out.joined()
}

// joined makes one enum of forms that are all fixed strings.
func (n *node) joined() *node {
	out := &node{kinds: []string{"string"}, nullable: n.nullable}
	for _, f := range n.anyOf {
		if f.enum == nil {
			return n
		}
		f.infer()
		if !slices.Equal(f.kinds, []string{"string"}) || !slices.Equal(kindsOf(f.enum), f.kinds) {
			return n
		}
		out.enum = append(out.enum, f.enum...)
		out.nullable = out.nullable || f.nullable
		if f.description != "" {
			out.note(cut(f.enum[0].text+": "+f.description, maxBrief))
		}
		for _, s := range f.notes {
			out.note(s)
		}
	}
	values := out.enum
	out.enum = nil
	out.setEnum(values)
	return out
}

// distribute merges what stands beside several forms into each of them: the
// upstream wants anyOf to stand alone, and both mean the same. Forms that only
// require properties become a note.
func (l *loader) distribute(n *node, p place) (*node, error) {
	base := *n
	base.anyOf, base.title, base.description, base.preset, base.example, base.notes = nil, "", "", nil, nil, nil
	if !base.says() {
		return n, nil
	}
	words := &node{title: n.title, description: n.description, preset: n.preset, example: n.example, notes: n.notes, nullable: n.nullable}
	if s, ok := requirements(n.anyOf); ok {
		words.note(s)
		return merge(words, &base), nil
	}
	base.nullable = false
	var forms []*node
	for _, f := range n.anyOf {
		if err := l.spend(p, 64*(1+len(base.properties)+len(f.properties))); err != nil {
			return nil, err
		}
		if !apart(f, &base) {
			forms = append(forms, merge(f, &base))
		}
	}
	if forms == nil {
		words.note("its parts are of different types")
		return merge(words, &base), nil
	}
	return merge(words, anyOf(forms)), nil
}

// requirements says which properties the forms require, if they do nothing
// else.
func requirements(forms []*node) (string, bool) {
	var words []string
	for _, f := range forms {
		if f.kinds != nil && !slices.Equal(f.kinds, []string{"object"}) || f.properties != nil || f.required == nil || f.anyOf != nil || f.extra != nil {
			return "", false
		}
		words = append(words, strings.Join(f.required, " and "))
	}
	return cut("required: "+strings.Join(words, ", or "), 2*maxBrief), true
}
