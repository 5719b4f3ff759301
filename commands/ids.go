package commands

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/oklog/ulid/v2"
)

// shortestPart is how many characters of an id's beginning or end identify a license or an order.
const shortestPart = 4

// idWords returns the words of an argument that is one id, without what people copy along: quotes, code marks, "id=",
// dots for the rest of it.
func idWords(rest string, labels ...string) []string {
	words := strings.FieldsFunc(folded(rest), func(r rune) bool {
		return r == ' ' || r == '\n' || r == '`' || r == ',' || r == ';' || isQuote(r)
	})
	for i, w := range words {
		if key, value, ok := strings.Cut(w, "="); ok && slices.Contains(labels, strings.ToLower(key)) {
			w = value
		}
		if words[i] = withoutEnd(strings.TrimLeft(w, "….#([")); isMarks(w) {
			words[i] = ""
		}
	}
	return slices.DeleteFunc(words, func(w string) bool {
		return w == "" || w == "=" || slices.Contains(labels, strings.ToLower(strings.TrimRight(w, ":=")))
	})
}

// parseLicense reads the id of a license, or its beginning or end.
func parseLicense(rest string) (id, part string, mistakes []Mistake) {
	words := idWords(rest, "id", "license", "license_id")
	if len(words) == 0 {
		return "", "", []Mistake{{Sentence: "Which license? Add its id; `/license list` shows it."}}
	}
	all := strings.Join(words, " ")
	wrong := func(nearest, format string, args ...any) (string, string, []Mistake) {
		return id, "", []Mistake{{Text: echo(all), Nearest: nearest, Sentence: fmt.Sprintf(format, args...)}}
	}
	whole, where := findUUID(words[0])
	_, isOrder := orderID(words[0])
	switch {
	case len(words) > 1:
		id = whole
		return wrong("", "`/license show` takes one license id.")
	case where == uuidOfProject:
		return wrong("", "That link is for a project. `/license show` takes a license's id or link.")
	case whole != "":
		return whole, "", nil
	case isOrder:
		return wrong("order", "%s is an order. Use `/license order %s`.", code(all), echo(all))
	case licensePart.MatchString(all):
		return "", strings.ToLower(all), nil
	}
	return wrong("", "%s isn't a license id. `/license list` shows the ids; the first or last %d characters of one are enough.", code(all), shortestPart)
}

// licensePart matches the beginning or end of a license's id.
var licensePart = regexp.MustCompile(`^[0-9A-Fa-f-]{4,35}$`)

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
		return "", []Mistake{{Sentence: "Which order? Add its id; it's at the bottom of the order's card."}}
	}
	all := strings.Join(words, " ")
	id, ok := orderID(words[0])
	license, _ := findUUID(words[0])
	switch {
	case len(words) > 1:
		return id, []Mistake{{Text: echo(all), Sentence: fmt.Sprintf("`/license %s` takes one order id.", command)}}
	case ok:
		return id, nil
	case license != "" && command == "cancel":
		return "", []Mistake{{Text: echo(all), Sentence: fmt.Sprintf("%s is a license. %s", code(all), onEndings)}}
	case license != "":
		return "", []Mistake{{Text: echo(all), Nearest: "show", Sentence: fmt.Sprintf("%s is a license. Use `/license show %s`.", code(all), license)}}
	case command == "order":
		return "", []Mistake{{Text: echo(all), Sentence: fmt.Sprintf(
			"%s isn't an order id. An id has 26 letters and digits, e.g. `%s`; its first or last %d are enough.", code(all), exampleOrder, shortestPart)}}
	}
	return "", []Mistake{{Text: echo(all), Sentence: fmt.Sprintf(
		"%s isn't an order id. An id has 26 letters and digits, e.g. `%s`.", code(all), exampleOrder)}}
}

// orderPart matches the beginning or end of an order's id: a ULID's alphabet lacks I, L, O and U.
var orderPart = regexp.MustCompile(`^[0-9A-HJKMNP-TV-Z]{4,25}$`)

// partOfOrder reads the beginning or end of an order's id, in upper case.
func partOfOrder(rest string) (part string, ok bool) {
	words := idWords(rest, "id", "order", "order_id")
	if len(words) != 1 {
		return "", false
	}
	part = strings.ToUpper(words[0])
	return part, orderPart.MatchString(part)
}

// orderID reads an order's id in either case.
func orderID(text string) (string, bool) {
	id, err := ulid.ParseStrict(folded(text))
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
	text = folded(text)
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
