package commands

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/oklog/ulid/v2"
)

// idWords are the words of an argument that is one id, without what people copy along: quotes, code marks, "id=".
func idWords(rest string, labels ...string) []string {
	words := strings.FieldsFunc(rest, func(r rune) bool {
		return r == ' ' || r == '\n' || r == '`' || r == ',' || r == ';' || isQuote(r)
	})
	for i, w := range words {
		if key, value, ok := strings.Cut(w, "="); ok && slices.Contains(labels, strings.ToLower(key)) {
			words[i] = value
		}
	}
	return slices.DeleteFunc(words, func(w string) bool {
		return w == "" || w == "=" || slices.Contains(labels, strings.ToLower(strings.TrimRight(w, ":=")))
	})
}

func parseLicense(rest string) (string, []Mistake) {
	words := idWords(rest, "id", "license", "license_id")
	if len(words) == 0 {
		return "", []Mistake{{Sentence: "`show` needs the id of a license, which `list` shows."}}
	}
	all := strings.Join(words, " ")
	id, where := findUUID(words[0])
	_, isOrder := orderID(words[0])
	switch {
	case len(words) > 1:
		return id, []Mistake{{Text: echo(all), Sentence: fmt.Sprintf("`show` takes one license id, and %s is more than that.", code(all))}}
	case where == uuidOfProject:
		return "", []Mistake{{Text: echo(all), Sentence: fmt.Sprintf("`show` takes a license, and %s is the link of a project.", code(all))}}
	case id != "":
		return id, nil
	case isOrder:
		return "", []Mistake{{Text: echo(all), Nearest: "order", Sentence: fmt.Sprintf("%s is the id of an order: write `order %s`.", code(all), echo(all))}}
	}
	return "", []Mistake{{Text: echo(all), Sentence: fmt.Sprintf(
		"%s is not the id of a license; those look like `%s`, and `list` shows them.", code(all), exampleLicense)}}
}

// LicenseID reads the id of a license, or its link, from a field of a form. It is in lower case.
func LicenseID(text string) (id string, ok bool) {
	words := idWords(clean(text), "id", "license", "license_id")
	if len(words) != 1 {
		return "", false
	}
	id, where := findUUID(words[0])
	return id, id != "" && where != uuidOfProject
}

func parseOrder(command, rest string) (string, []Mistake) {
	words := idWords(rest, "id", "order", "order_id")
	if len(words) == 0 {
		return "", []Mistake{{Sentence: fmt.Sprintf("`%s` needs the id of an order, which its card shows.", command)}}
	}
	all := strings.Join(words, " ")
	id, ok := orderID(words[0])
	license, _ := findUUID(words[0])
	switch {
	case len(words) > 1:
		return id, []Mistake{{Text: echo(all), Sentence: fmt.Sprintf("`%s` takes one order id, and %s is more than that.", command, code(all))}}
	case ok:
		return id, nil
	case license != "":
		return "", []Mistake{{Text: echo(all), Nearest: "show", Sentence: fmt.Sprintf(
			"%s is the id of a license, and `%s` takes an order; to see the license write `show %s`.", code(all), command, license)}}
	}
	return "", []Mistake{{Text: echo(all), Sentence: fmt.Sprintf(
		"%s is not the id of an order; those have 26 letters and digits, as in `%s`.", code(all), exampleOrder)}}
}

// orderID reads an order's id in either case.
func orderID(text string) (string, bool) {
	id, err := ulid.ParseStrict(text)
	if err != nil {
		return "", false
	}
	return id.String(), true
}

type uuidPlace int

const (
	uuidAlone uuidPlace = iota
	uuidOfLicense
	uuidOfProject
)

var uuidPattern = regexp.MustCompile(`[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}`)

// findUUID finds the one id in a text that is an id or a link to one of CoCalc's pages, and says what the link is to.
// The id is in lower case, as CoCalc prints it; empty when there is none, or more than one.
func findUUID(text string) (id string, where uuidPlace) {
	found := uuidPattern.FindAllStringIndex(text, 2)
	if len(found) != 1 {
		return "", uuidAlone
	}
	begin, end := found[0][0], found[0][1]
	id = strings.ToLower(text[begin:end])
	if begin == 0 && end == len(text) {
		return id, uuidAlone
	}
	switch before := text[:begin]; {
	case !strings.Contains(before, "/"):
		return "", uuidAlone // part of something else
	case strings.HasSuffix(before, "/projects/"):
		return id, uuidOfProject
	case strings.Contains(before, "/licenses"):
		return id, uuidOfLicense
	}
	return id, uuidAlone
}
