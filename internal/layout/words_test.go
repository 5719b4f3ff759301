package layout

import (
	"regexp"
	"slices"
	"strings"
	"testing"
)

// oldWords lists words that the product no longer uses, each with its replacement.
var oldWords = []struct {
	old *regexp.Regexp
	now string
}{
	{regexp.MustCompile(`(?i)\b(nobody|somebody|everybody|anybody|whoever)\b`), "you, someone, no one, or who does it"},
	{
		regexp.MustCompile(`(?i)\b(agree|agrees|agreed) to\b|\b(say|says|said) (yes|no)\b|\byour (yes|no)\b|\bdecided? on\b`),
		"approve, deny",
	},
	{regexp.MustCompile(`(?i)\bpromised?\b`), "reserved"},
	{regexp.MustCompile(`(?i)\b(mend|mends|mended|mending)\b`), "fix"},
	{regexp.MustCompile(`(?i)\bcall(ed|s)? off\b`), "cancel"},
	{regexp.MustCompile(`(?i)\bblanks?\b`), "spaces"},
	{
		regexp.MustCompile(`(?i)\b(nothing|not) (was|is) (bought|spent) by (this|it|that|your click)\b`),
		"whether it was charged, where a click was to pay",
	},
	{regexp.MustCompile(`(?i)\bdearer\b`), "more expensive"},
}

// sentencePackages lists the packages with sentences that people read.
var sentencePackages = []string{
	"purchase", "bot", "commands", "cmd/bot", "cmd/demo", "internal/app", "internal/cli",
	"internal/config", "internal/diagnosis",
}

// quotesOldWords lists the files that parse sentences of older versions.
var quotesOldWords = []string{"purchase/legacy.go"}

// Texts for people use one word for each thing.
func TestStrings_OneWordForOneThing(t *testing.T) {
	sentences := 0
	speaks := func(s source) bool {
		return slices.Contains(sentencePackages, s.dir) && !slices.Contains(quotesOldWords, s.path)
	}
	for at, text := range stringsIn(t, speaks) {
		if !strings.Contains(text, " ") {
			continue
		}
		sentences++
		for _, w := range oldWords {
			if found := w.old.FindString(text); found != "" {
				t.Errorf("%s: got %q in %q, want %s", at, found, text, w.now)
			}
		}
	}
	if sentences < 1000 {
		t.Errorf("got %d sentences, want more", sentences)
	}
}
