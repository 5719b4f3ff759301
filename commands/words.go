package commands

import (
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/agnivade/levenshtein"
)

// vocabulary holds the words that mean something in one place: each name with the other words for it.
type vocabulary struct {
	names  []string          // in the order of the table
	words  []string          // names and aliases, normalised, in the order of the table
	byWord map[string]string // normalised word to name
}

func (v *vocabulary) add(name string, aliases []string) {
	if v.byWord == nil {
		v.byWord = map[string]string{}
	}
	v.names = append(v.names, name)
	for _, w := range append([]string{name}, aliases...) {
		w = normal(w)
		v.words = append(v.words, w)
		v.byWord[w] = name
	}
}

// find returns the name that a word stands for, however it is capitalised or joined.
func (v vocabulary) find(word string) (string, bool) {
	name, ok := v.byWord[normal(word)]
	return name, ok
}

func (v vocabulary) knows(word string) bool {
	_, ok := v.find(word)
	return ok
}

// nearest returns the name that was probably meant by an unknown word. It is a suggestion for a person, so it would
// rather say nothing than something far-fetched.
func (v vocabulary) nearest(word string) (string, bool) {
	word = normal(word)
	length := utf8.RuneCountInString(word)
	if length < 2 || length > longestWord {
		return "", false
	}
	best, name := 1+max(1, length/3), ""
	for _, w := range v.words {
		if len(w) <= 2 {
			continue // everything short is near to "to"
		}
		if d := distance(word, w); d < best {
			best, name = d, v.byWord[w]
		}
	}
	return name, name != ""
}

// longestWord is longer than any word of ours can get by mistyping.
const longestWord = 24

// distance counts the slips between a typed word and a right one. Swapped letters and a word broken off are one slip
// each, which plain edit distance does not know.
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

// normal is the form in which words are compared: "Run-Limit", "run limit" and "run_limit" are one word.
func normal(word string) string {
	return joiners.Replace(strings.ToLower(folded(word)))
}

var joiners = strings.NewReplacer("_", "", "-", "", " ", "", "\n", "")

// enumerate joins words as a sentence does: "a, b and c".
func enumerate(words []string, last string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	end := len(words) - 1
	return strings.Join(words[:end], ", ") + " " + last + " " + words[end]
}
