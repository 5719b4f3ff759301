package config

import (
	"os"
	"slices"
	"strings"
	"unicode"

	"github.com/agnivade/levenshtein"
)

// Typo is an environment variable whose name resembles that of a setting.
type Typo struct {
	Name  string // of the variable
	Meant string // the setting that it looks like
}

// findTypos finds typos among variables, as os.Environ lists them.
func findTypos(variables, known []string) (typos []Typo) {
	for _, variable := range variables {
		name, _, _ := strings.Cut(variable, "=")
		if slices.Contains(known, name) {
			continue
		}
		if meant := resembled(name, known); meant != "" {
			typos = append(typos, Typo{name, meant})
		}
	}
	slices.SortFunc(typos, func(a, b Typo) int { return strings.Compare(a.Name, b.Name) })
	return typos
}

// resembled returns the setting that a name resembles; empty if there is none.
func resembled(name string, known []string) string {
	plain := plainName(name)
	best, least := "", 3
	for _, k := range known {
		if plain == k || sameWords(plain, k) {
			return k
		}
		a, b := strings.ReplaceAll(plain, "_", ""), strings.ReplaceAll(k, "_", "")
		most := 1 // two letters turn any short name into another
		if len(b) > 8 {
			most = 2
		}
		if d := levenshtein.ComputeDistance(a, b); d <= most && d < least {
			best, least = k, d
		}
	}
	if best != "" {
		return best
	}
	for _, k := range known { // AUTO_APPROVE, APPROVALS_CHANNEL_ID
		begins := strings.HasPrefix(plain, k+"_") && strings.Contains(k, "_")
		if begins || strings.HasPrefix(k, plain+"_") && strings.Contains(plain, "_") {
			return k
		}
	}
	return ""
}

// plainName returns a name as settings are written: without a byte order mark and "export", in capital letters.
func plainName(name string) string {
	name = strings.TrimFunc(name, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
	name = strings.ToUpper(strings.TrimSpace(strings.TrimPrefix(name, "export ")))
	name = strings.TrimPrefix(name, "LICENSEBOT_")
	return strings.NewReplacer("-", "_", ".", "_").Replace(name)
}

// sameWords reports whether two names have the same words in another order: BUDGET_MONTHLY.
func sameWords(a, b string) bool {
	x, y := strings.Split(a, "_"), strings.Split(b, "_")
	slices.Sort(x)
	slices.Sort(y)
	return slices.Equal(x, y)
}

// Misspelled returns the typos in this process's environment.
func Misspelled() []Typo {
	return findTypos(os.Environ(), Names())
}
