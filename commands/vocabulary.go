package commands

import (
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/agnivade/levenshtein"
)

// vocabulary is a set of names, each with other words for it.
type vocabulary struct {
	names  []string          // in the order of the table
	words  []string          // names and aliases, canonical, in the order of the table
	byWord map[string]string // canonical word to name
}

func (v *vocabulary) add(name string, aliases []string) {
	if v.byWord == nil {
		v.byWord = map[string]string{}
	}
	v.names = append(v.names, name)
	for _, w := range append([]string{name}, aliases...) {
		w = canonical(w)
		v.words = append(v.words, w)
		v.byWord[w] = name
	}
}

// find returns the name for a word, whatever its capitals, dashes and underscores.
func (v vocabulary) find(word string) (string, bool) {
	name, ok := v.byWord[canonical(word)]
	return name, ok
}

func (v vocabulary) knows(word string) bool {
	_, ok := v.find(word)
	return ok
}

// nearest returns the name that was probably meant by an unknown word; ok is false if no name is similar enough to
// suggest.
func (v vocabulary) nearest(word string) (string, bool) {
	word = canonical(word)
	length := utf8.RuneCountInString(word)
	if length < 2 || length > maxWord {
		return "", false
	}
	best, name := 1+max(1, length/3), ""
	for _, w := range v.words {
		if len(w) <= 2 {
			continue // every short word is similar to them
		}
		if d := distance(word, w); d < best {
			best, name = d, v.byWord[w]
		}
	}
	return name, name != ""
}

// maxWord is the length of the longest word that is compared; mistyped words are shorter.
const maxWord = 24

// distance returns the number of typing errors between a typed word and a correct one. Unlike the edit distance,
// swapped letters and a missing end count as one error.
func distance(typed, right string) int {
	d := levenshtein.ComputeDistance(typed, right)
	if d > 1 && len(typed) == len(right) && sortedBytes(typed) == sortedBytes(right) {
		return 1
	}
	if d > 1 && len(typed) >= 3 && strings.HasPrefix(right, typed) {
		return 1
	}
	return d
}

func sortedBytes(s string) string {
	b := []byte(s)
	slices.Sort(b)
	return string(b)
}

// canonical returns the form in which words are compared: "Run-Limit", "run limit" and "run_limit" are equal.
func canonical(word string) string {
	return joiners.Replace(strings.ToLower(foldText(word)))
}

var joiners = strings.NewReplacer("_", "", "-", "", " ", "", "\n", "")

// enumerate joins words as in a sentence: "a, b and c".
func enumerate(words []string, last string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	end := len(words) - 1
	return strings.Join(words[:end], ", ") + " " + last + " " + words[end]
}
