package commands

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/oklog/ulid/v2"
)

// minPart is the smallest number of characters at the beginning or end of an ID that identify a license or an order.
const minPart = 4

// idArguments returns the words of an argument that should be one ID, without what people copy along: quotes, code
// marks, labels such as "id=", and an ellipsis.
func idArguments(rest string, labels ...string) []string {
	words := strings.FieldsFunc(foldText(rest), func(r rune) bool {
		return r == ' ' || r == '\n' || r == '`' || r == ',' || r == ';' || isQuote(r)
	})
	for i, w := range words {
		if key, value, ok := strings.Cut(w, "="); ok && slices.Contains(labels, strings.ToLower(key)) {
			w = value
		}
		if words[i] = trimEnd(strings.TrimLeft(w, "….#([")); isPunctuation(w) {
			words[i] = ""
		}
	}
	return slices.DeleteFunc(words, func(w string) bool {
		return w == "" || w == "=" || slices.Contains(labels, strings.ToLower(strings.TrimRight(w, ":=")))
	})
}

// parseLicense parses the ID of a license, or its beginning or end.
func parseLicense(rest string) (id, part string, mistakes []Mistake) {
	words := idArguments(rest, "id", "license", "license_id")
	if len(words) == 0 {
		return "", "", []Mistake{{Sentence: "Which license? Add its id; `/license list` shows it."}}
	}
	all := strings.Join(words, " ")
	report := func(nearest, format string, args ...any) (string, string, []Mistake) {
		return id, "", []Mistake{{Text: excerpt(all), Nearest: nearest, Sentence: fmt.Sprintf(format, args...)}}
	}
	whole, where := findUUID(words[0])
	_, isOrder := orderID(words[0])
	switch {
	case len(words) > 1:
		id = whole
		return report("", "`/license show` takes one license id.")
	case where == uuidOfProject:
		return report("", "That link is for a project. `/license show` takes a license's id or link.")
	case whole != "":
		return whole, "", nil
	case isOrder:
		return report("order", "%s is an order. Use `/license order %s`.", codeSpan(all), excerpt(all))
	case licensePart.MatchString(all):
		return "", strings.ToLower(all), nil
	}
	return report("",
		"%s isn't a license id. `/license list` shows the ids; the first or last %d characters of one are enough.",
		codeSpan(all), minPart)
}

// licensePart matches the beginning or end of a license's ID.
var licensePart = regexp.MustCompile(`^[0-9A-Fa-f-]{4,35}$`)

// LicenseID parses the ID of a license, or a link to it, from an input of a form. The result is in lower case. ok is
// false for any other text.
func LicenseID(text string) (id string, ok bool) {
	words := idArguments(normalize(text), "id", "license", "license_id")
	if len(words) != 1 {
		return "", false
	}
	id, where := findUUID(words[0])
	return id, id != "" && where != uuidOfProject
}

func parseOrder(command, rest string) (string, []Mistake) {
	words := idArguments(rest, "id", "order", "order_id")
	if len(words) == 0 {
		return "", []Mistake{{Sentence: "Which order? Add its id; it's at the bottom of the order's card."}}
	}
	all := strings.Join(words, " ")
	id, ok := orderID(words[0])
	license, _ := findUUID(words[0])
	switch {
	case len(words) > 1:
		return id, []Mistake{{Text: excerpt(all), Sentence: fmt.Sprintf("`/license %s` takes one order id.", command)}}
	case ok:
		return id, nil
	case license != "" && command == "cancel":
		return "", []Mistake{{Text: excerpt(all), Sentence: fmt.Sprintf("%s is a license. %s", codeSpan(all), onEndings)}}
	case license != "":
		return "",
			[]Mistake{{Text: excerpt(all), Nearest: "show", Sentence: fmt.Sprintf("%s is a license. Use `/license show %s`.",
				codeSpan(all), license)}}
	case command == "order":
		return "", []Mistake{{Text: excerpt(all), Sentence: fmt.Sprintf(
			"%s isn't an order id. An id has 26 letters and digits, e.g. `%s`; its first or last %d are enough.", codeSpan(all),
			exampleOrder, minPart)}}
	}
	return "", []Mistake{{Text: excerpt(all), Sentence: fmt.Sprintf(
		"%s isn't an order id. An id has 26 letters and digits, e.g. `%s`.", codeSpan(all), exampleOrder)}}
}

// orderPart matches the beginning or end of an order's ID: the alphabet of ULIDs lacks I, L, O and U.
var orderPart = regexp.MustCompile(`^[0-9A-HJKMNP-TV-Z]{4,25}$`)

// partOfOrder parses the beginning or end of an order's ID. The result is in upper case.
func partOfOrder(rest string) (part string, ok bool) {
	words := idArguments(rest, "id", "order", "order_id")
	if len(words) != 1 {
		return "", false
	}
	part = strings.ToUpper(words[0])
	return part, orderPart.MatchString(part)
}

// orderID parses an order's ID in upper or lower case. The result is in upper case.
func orderID(text string) (string, bool) {
	id, err := ulid.ParseStrict(foldText(text))
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

// findUUID returns the ID in a text that is an ID or a link to one of CoCalc's pages, and the kind of page. The ID is
// in lower case, as CoCalc prints it; empty if the text does not contain exactly one.
func findUUID(text string) (id string, where uuidPlace) {
	text = foldText(text)
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
