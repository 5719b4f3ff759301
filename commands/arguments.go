package commands

import (
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

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

// parseLicense parses the ID of a license, or its beginning or end, after a command.
func parseLicense(command, rest string) (id, part string, mistakes []Mistake) {
	words := idArguments(rest, "id", "license", "license_id")
	if len(words) == 0 {
		return "", "", []Mistake{mistakef("", "Which license? Add its id; `/license list` shows it.")}
	}
	all := strings.Join(words, " ")
	report := func(nearest, format string, args ...any) (string, string, []Mistake) {
		return id, "", []Mistake{mistakef(all, format, args...).near(nearest)}
	}
	whole, where := findUUID(words[0])
	_, isOrder := orderID(words[0])
	switch {
	case len(words) > 1:
		id = whole
		return report("", "`/license %s` takes one license id.", command)
	case where == uuidOfProject:
		return report("", "That link is for a project. `/license %s` takes a license's id or link.", command)
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

// parseOrder parses the ID of an order, for a command.
func parseOrder(command, rest string) (id string, mistakes []Mistake) {
	words := idArguments(rest, "id", "order", "order_id")
	if len(words) == 0 {
		return "", []Mistake{mistakef("", "Which order? Add its id; it's at the bottom of the order's card.")}
	}
	all := strings.Join(words, " ")
	id, ok := orderID(words[0])
	license, _ := findUUID(words[0])
	var m Mistake
	switch {
	case len(words) > 1:
		m = mistakef(all, "`/license %s` takes one order id.", command)
	case ok:
		return id, nil
	case license != "" && command == "cancel":
		const sentence = "%s is a license. To stop it from renewing, use `/license end %s`."
		m = mistakef(all, sentence, codeSpan(all), license).near("end")
	case license != "":
		m = mistakef(all, "%s is a license. Use `/license show %s`.", codeSpan(all), license).near("show")
	case command == "order":
		const sentence = "%s isn't an order id. An id has 26 letters and digits, e.g. `%s`; its first or last %d are enough."
		m = mistakef(all, sentence, codeSpan(all), exampleOrder, minPart)
	default:
		m = mistakef(all, "%s isn't an order id. An id has 26 letters and digits, e.g. `%s`.", codeSpan(all), exampleOrder)
	}
	return id, []Mistake{m}
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

// MaxReason is the largest length of a reason, in characters. The ledger stores it permanently, and people read it.
const MaxReason = 500

// parseReason parses the arguments of a command that takes only a reason: everything up to the end, with or without
// quotes. The result is one line.
func parseReason(command, rest string) (string, []Mistake) {
	text, mistakes := parseOptionalReason(rest)
	if text == "" {
		return "", []Mistake{mistakef("", "Add a reason, e.g. `/license %s %s`.", command, exampleReason[command])}
	}
	return text, mistakes
}

// parseOptionalReason is parseReason for a command whose reason may be missing.
func parseOptionalReason(rest string) (string, []Mistake) {
	text := strings.TrimSpace(rest)
	labels := []string{"reason", "why", "because"}
	i := strings.IndexFunc(text, func(r rune) bool { return fold(r) == '=' || fold(r) == ':' })
	if i > 0 && slices.Contains(labels, strings.ToLower(strings.TrimSpace(text[:i]))) {
		_, size := utf8.DecodeRuneInString(text[i:])
		text = strings.TrimSpace(text[i+size:])
	}
	text = strings.Join(strings.Fields(printable(unquoted(text))), " ")
	switch n := utf8.RuneCountInString(text); {
	case !strings.ContainsFunc(text, isReadable):
		return "", nil
	case n > MaxReason:
		return string([]rune(text)[:MaxReason]), []Mistake{
			mistakef(text, "A reason can have up to %d characters; yours has %d.", MaxReason, n),
		}
	}
	return text, nil
}

// parseDeny parses the ID of an order and the reason after it.
func parseDeny(rest string) (id, reason string, mistakes []Mistake) {
	for text := strings.TrimLeft(rest, " \n"); text != ""; {
		word := text
		if end := strings.IndexAny(text, " \n"); end >= 0 {
			word, text = text[:end], strings.TrimLeft(text[end:], " \n")
		} else {
			text = ""
		}
		word = strings.TrimRight(word, ":,;")
		if len(idArguments(word, "id", "order", "order_id")) == 0 {
			continue // a label before the ID
		}
		if id, mistakes = parseOrder("deny", word); len(mistakes) > 0 {
			return "", "", mistakes
		}
		if reason, mistakes = parseReason("deny", text); reason == "" {
			mistakes = []Mistake{
				mistakef("", "Add a reason for the requester, e.g. `/license deny %s %s`.", id, exampleReason["deny"]),
			}
		}
		return id, reason, mistakes
	}
	_, mistakes = parseOrder("deny", "")
	return "", "", mistakes
}

// parseNothing parses the arguments of commands that take none.
func parseNothing(command, rest string) []Mistake {
	text := strings.Trim(rest, " \n`"+punctuation)
	if text == "" {
		return nil
	}
	return []Mistake{mistakef(text, "`/license %s` takes no arguments.", command)}
}

// exampleReason has an example of a reason for each command that takes one.
var exampleReason = map[string]string{
	"pause":  "quarterly audit",
	"deny":   "the spring course already has one",
	"resume": "audit finished",
}

// isReadable reports whether r is a letter, a number or a picture, in contrast to punctuation.
func isReadable(r rune) bool { return unicode.In(r, unicode.L, unicode.N, unicode.So) }

func parseHelp(rest string) (Command, []Mistake) {
	topic := trimEnd(strings.Trim(rest, " \n`,;/"))
	if topic == "" {
		return Help{}, nil
	}
	commands, fields := commandWords(), fieldWords()
	if name, ok := commands.find(topic); ok {
		return Help{Topic: name}, nil
	}
	if name, ok := fields.find(topic); ok {
		return Help{Topic: fieldTopic(name)}, nil
	}
	if there, ok := otherCommands[canonical(topic)]; ok {
		return Help{}, []Mistake{mistakef(topic, "%s", there)}
	}
	for _, words := range []vocabulary{commands, fields} {
		if name, ok := words.nearest(topic); ok {
			return Help{Topic: name}, []Mistake{
				mistakef(topic, "There's no help on %s. Did you mean `/license help %s`?", codeSpan(topic), name).near(name),
			}
		}
	}
	return Help{}, []Mistake{mistakef(topic, "There's no help on %s. Try `/license help`.", codeSpan(topic))}
}
