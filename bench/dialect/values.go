package dialect

// A valueState is where in a body of JSON objects a framer stands. Objects come
// alone, in an array, or one after the other (a line each, as in JSON Lines).
type valueState struct {
	array  bool // within the outer array
	place  place
	depth  int  // of braces in the object in progress
	quoted bool // within a string
	escape bool // behind a backslash in it
}

// A place is what may come outside an object.
type place int

const (
	atStart   place = iota // an array or an object
	wantValue              // an object
	wantFirst              // an object or the end of the array
	inValue                // within an object
	behind                 // a comma or the end of the array; or, outside an array, another object
	atEnd                  // white space
	spoilt                 // nothing is known any more
)

// whole reports whether all that began has ended.
func (v *valueState) whole() bool {
	return v.place == atStart || v.place == atEnd || v.place == behind && !v.array
}

// scanValues looks for the ends of objects from offset scan on. What is within
// an object is for the decoder to judge; here only braces and strings count.
func (f *framer) scanValues(scan int, closed func(text []byte)) {
	for ; scan < len(f.buf); scan++ {
		v, c := &f.values, f.buf[scan]
		switch {
		case v.place != inValue:
			v.outside(c)
			if v.place == inValue {
				f.begin = scan
			}
		case v.within(c):
			closed(f.buf[f.begin : scan+1])
		}
	}
	if f.values.place != inValue { // what lies between objects was judged
		f.begin = len(f.buf)
	}
}

// within takes a byte of an object, and reports whether it was its last.
func (v *valueState) within(c byte) bool {
	switch {
	case v.escape:
		v.escape = false
	case v.quoted:
		v.escape, v.quoted = c == '\\', c != '"'
	case c == '"':
		v.quoted = true
	case c == '{':
		v.depth++
	case c == '}':
		v.depth--
	}
	if v.depth > 0 {
		return false
	}
	v.place = behind
	return true
}

// outside takes a byte between objects.
func (v *valueState) outside(c byte) {
	switch {
	case c == ' ' || c == '\t' || c == '\r' || c == '\n':
	case c == '[' && v.place == atStart:
		v.array, v.place = true, wantFirst
	case c == '{' && (v.place < inValue || v.place == behind && !v.array):
		v.place, v.depth = inValue, 1
	case c == ',' && v.place == behind && v.array:
		v.place = wantValue
	case c == ']' && v.array && (v.place == wantFirst || v.place == behind):
		v.place = atEnd
	default:
		v.place = spoilt
	}
}
