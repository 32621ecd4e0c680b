package quality

import (
	"hash/fnv"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxWords is how many words of a text its likeness goes by; those after them
// do not count. It bounds a profile to 16 KiB, and comparing two to 8,192 steps.
const maxWords = 4095

// A profile is what is kept of a text to tell its likeness to others: the 32-bit
// hashes of its word bigrams in ascending order, each as often as it occurs. Two
// edges of the text count as words, so that a text of one word has bigrams too.
// The profile of a text without a word is empty.
type profile []uint32

// profileOf reads the first words of text, up to [maxWords].
func profileOf(text string) profile {
	var p profile
	before := ""
	for len(p) < maxWords {
		word, rest := nextWord(text)
		if word == "" {
			break
		}
		p = append(p, bigram(before, word))
		before, text = word, rest
	}
	if before != "" {
		p = append(p, bigram(before, ""))
	}
	slices.Sort(p)
	return slices.Clone(p) // without what append held in reserve
}

func bigram(a, b string) uint32 {
	h := fnv.New32a() // never fails to write
	h.Write([]byte(a))
	h.Write([]byte{0})
	h.Write([]byte(b))
	return h.Sum32()
}

// likeness is the Dice coefficient of two texts' word bigrams (Dice, Measures of
// the amount of ecologic association between species, Ecology 26, 1945): twice
// the number of those that they share over the number of all. It lies in [0,1],
// is the same either way round, and is 1 for texts of equal words. Texts without
// a word are wholly like each other, and not at all like any other.
func likeness(a, b profile) float64 {
	if len(a)+len(b) == 0 {
		return 1
	}
	shared := 0
	for i, j := 0, 0; i < len(a) && j < len(b); {
		switch {
		case a[i] < b[j]:
			i++
		case a[i] > b[j]:
			j++
		default:
			shared, i, j = shared+1, i+1, j+1
		}
	}
	return 2 * float64(shared) / float64(len(a)+len(b))
}

// nextWord returns the first word of text and what follows it; "" where there is
// none. A word is a run of letters, marks and digits. Whatever else is no white
// space stands by itself, and so does each letter of a script that puts no space
// between words.
func nextWord(text string) (word, rest string) {
	text = strings.TrimLeftFunc(text, unicode.IsSpace)
	first, size := utf8.DecodeRuneInString(text)
	if joins(first) {
		size = len(text)
		if end := strings.IndexFunc(text, func(r rune) bool { return !joins(r) }); end >= 0 {
			size = end
		}
	}
	return text[:size], text[size:]
}

// joins tells whether r makes a word with others of its kind beside it.
func joins(r rune) bool {
	return (unicode.IsLetter(r) || unicode.IsMark(r) || unicode.IsDigit(r)) && !unicode.In(r, unspaced...)
}

// unspaced are the scripts whose words are not told apart by spaces.
var unspaced = []*unicode.RangeTable{
	unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Thai, unicode.Lao, unicode.Khmer, unicode.Myanmar,
}
