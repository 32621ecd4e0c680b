package fakegemini

import (
	"math"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// charsPerToken is the whole of our tokenizer.
const charsPerToken = 4

func tokens(chars int) int { return (chars + charsPerToken - 1) / charsPerToken }

// An answer is a text cut into chunks, with how it ended.
type answer struct {
	chunks []string // at least one, the only one possibly empty
	finish string   // Gemini's word
}

// limits are what a request asks of an answer.
type limits struct {
	maxTokens int // 0: none
	stops     []string
}

// answerOf cuts the text as the request limits it and the scenario chunks it.
func answerOf(s *Scenario, seed uint64, k key, text string, lim limits) answer {
	if s.Output.Numbered {
		text = stretch(text, s.Output)
	}
	text, finish := truncate(text, lim)
	a := answer{chunks: split(s.Output, text, newDraws(seed, "chunk", k.item, k.occ)), finish: finish}
	if s.Output.Numbered {
		numberChunks(a.chunks)
	}
	return a
}

// stretch repeats a text until it has a unit for each of the chunks that it is to
// have at least.
func stretch(text string, o Output) string {
	once := strings.TrimSpace(text) + " "
	n := len(o.units(once))
	if n == 0 || n >= o.MinChunks {
		return text
	}
	return strings.TrimSpace(strings.Repeat(once, (o.MinChunks+n-1)/n))
}

// numberChunks puts its number, from 1, before each chunk, so that what is lost, comes
// twice or out of order shows.
func numberChunks(chunks []string) {
	for i, text := range chunks {
		chunks[i] = "<" + strconv.Itoa(i+1) + "> " + strings.TrimLeft(text, " ") + " "
	}
}

// truncate applies the stop sequence that comes first, then the token limit.
func truncate(text string, lim limits) (kept, finish string) {
	for _, stop := range lim.stops {
		text, _, _ = strings.Cut(text, stop)
	}
	if lim.maxTokens == 0 || lim.maxTokens > math.MaxInt/charsPerToken {
		return text, "STOP"
	}
	if short := firstChars(text, lim.maxTokens*charsPerToken); len(short) < len(text) {
		return short, "MAX_TOKENS"
	}
	return text, "STOP"
}

// garble makes the text unreadable, character by character, so that chunks and
// usage stay as they are.
func garble(a answer) answer {
	chunks := make([]string, len(a.chunks))
	for i, text := range a.chunks {
		chunks[i] = garbleText(text)
	}
	return answer{chunks: chunks, finish: a.finish}
}

// garbleText turns letters of ASCII by half the alphabet and digits by half
// their number; other letters are lost.
func garbleText(text string) string {
	turn := func(r, first, n rune) rune { return first + (r-first+n/2)%n }
	return strings.Map(func(r rune) rune {
		switch {
		case 'a' <= r && r <= 'z':
			return turn(r, 'a', 26)
		case 'A' <= r && r <= 'Z':
			return turn(r, 'A', 26)
		case '0' <= r && r <= '9':
			return turn(r, '0', 10)
		case unicode.IsLetter(r) || unicode.IsDigit(r):
			return unicode.ReplacementChar
		}
		return r
	}, text)
}

// firstChars returns the first n characters of the text, or all of it.
func firstChars(text string, n int) string {
	for i := range text {
		if n == 0 {
			return text[:i]
		}
		n--
	}
	return text
}

// fallbackText repeats or cuts the scenario's text to the length drawn for the
// item; the occurrence plays no part, so an item always has one answer.
func fallbackText(f Fallback, seed uint64, item string) string {
	z := newDraws(seed, "length", item).normal()
	length := max(1, int(math.Round(f.Length.Median*math.Exp(f.Length.Sigma*z))))
	text := strings.TrimSpace(f.Text) + " "
	times := 1 + length/utf8.RuneCountInString(text)
	return strings.TrimRight(firstChars(strings.Repeat(text, times), length), " ")
}

// split deals the text's units to chunks whose sizes vary around the mean. The
// chunks' concatenation is the text.
func split(o Output, text string, d draws) []string {
	units := o.units(text)
	n := chunkCount(o, len(units))
	ends := deal(len(units), n, o.Spread, d)
	chunks := make([]string, n)
	for i, from := 0, 0; i < n; i++ {
		chunks[i] = strings.Join(units[from:ends[i]], "")
		from = ends[i]
	}
	return chunks
}

func (o Output) units(text string) []string {
	if o.Unit == "words" {
		return words(text)
	}
	return chars(text)
}

func chunkCount(o Output, units int) int {
	n := (units + o.PerChunk - 1) / o.PerChunk
	n = max(n, o.MinChunks)
	if o.MaxChunks > 0 {
		n = min(n, o.MaxChunks)
	}
	return max(1, min(n, units))
}

// deal returns where each of n chunks ends: one unit for each, the rest by
// random weights in [1-spread, 1+spread].
func deal(units, n int, spread float64, d draws) []int {
	weights := make([]float64, n)
	total := 0.0
	for i := range weights {
		weights[i] = 1 + spread*(2*d.uniform()-1)
		total += weights[i]
	}
	ends := make([]int, n)
	sum := 0.0
	for i, weight := range weights {
		sum += weight
		ends[i] = i + 1 + int(math.Round(float64(units-n)*sum/total))
	}
	ends[n-1] = units
	return ends
}

// chars cuts a text into its characters.
func chars(text string) []string {
	units := make([]string, 0, len(text))
	for len(text) > 0 {
		_, size := utf8.DecodeRuneInString(text)
		units = append(units, text[:size])
		text = text[size:]
	}
	return units
}

// words cuts a text into words, each with the white space before it, as models
// emit them; white space at the very end is a unit of its own. A character of a
// script that is written without spaces counts as a word.
func words(text string) []string {
	var units []string
	start, inWord := 0, false
	for i, r := range text {
		if inWord && (unicode.IsSpace(r) || spaceless(r)) {
			units = append(units, text[start:i])
			start, inWord = i, false
		}
		if !unicode.IsSpace(r) {
			inWord = true
		}
	}
	if start < len(text) {
		units = append(units, text[start:])
	}
	return units
}

func spaceless(r rune) bool {
	return unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Thai)
}

// total is the time from first to last chunk.
func (p plan) total() time.Duration {
	var sum time.Duration
	for _, gap := range p.gaps {
		sum += gap
	}
	return sum
}
