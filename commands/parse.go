package commands

import (
	"fmt"
	"strings"
	"sync"
)

// Parse parses the text after /license, in the form in which Slack delivers it. It never returns a nil command. With
// mistakes, the command holds what was understood, to be shown and corrected, and must not be executed. All mistakes
// are returned at once, in the order of the text, but at most 21.
func Parse(text string) (Command, []Mistake) {
	text, mistakes := normalizeText(text)
	name, rest := firstWord(text)
	if name == "" {
		return Help{}, limitMistakes(mistakes)
	}
	command, more := parseCommand(name, rest)
	return command, limitMistakes(append(mistakes, more...))
}

// normalizeText returns a text after normalize, cut at maxText bytes.
func normalizeText(text string) (string, []Mistake) {
	if len(text) <= maxText {
		return normalize(text), nil
	}
	return normalize(text[:maxText]),
		[]Mistake{{Sentence: fmt.Sprintf("Your text is too long. I read the first %d bytes.", maxText)}}
}

// commandWords returns the words for commands, from the table.
var commandWords = sync.OnceValue(func() vocabulary {
	var v vocabulary
	for _, c := range commandTable {
		v.add(c.name, c.aliases)
	}
	return v
})

// firstWord splits a text into the command's name and the rest. It drops backticks, bullets, dashes and the slash
// command before the name, and punctuation after it, which people copy along.
func firstWord(text string) (name, rest string) {
	text = strings.TrimLeft(text, " \n`"+bullets)
	if after, ok := cutWord(text, "/license"); ok {
		text = strings.TrimLeft(after, " \n`"+bullets)
	}
	end := 0
	for end < len(text) && !isSeparator(text, end) {
		end++
	}
	name = strings.TrimLeftFunc(text[:end], isDash)
	if word := trimEnd(name); !strings.ContainsAny(foldText(word), ":=") {
		name = word
	}
	return name, text[end:]
}

func cutWord(text, word string) (after string, ok bool) {
	if len(text) < len(word) || !strings.EqualFold(text[:len(word)], word) {
		return text, false
	}
	after = text[len(word):]
	return after, after == "" || isSeparator(after, 0)
}

// parseCommand parses a command from its name and the rest of the text.
func parseCommand(name, rest string) (Command, []Mistake) {
	words := commandWords()
	command, known := words.find(name)
	if known {
		if asksForHelp(rest) && command != "help" {
			return Help{Topic: command}, nil
		}
		return arguments(command, rest)
	}
	if id, _ := findUUID(name); id != "" && id == strings.ToLower(foldText(name)) {
		return Show{ID: id},
			[]Mistake{{Text: excerpt(name), Nearest: "show", Sentence: fmt.Sprintf("Did you mean `/license show %s`?", id)}}
	}
	if id, ok := orderID(name); ok {
		return Order{ID: id},
			[]Mistake{{Text: excerpt(name), Nearest: "order", Sentence: fmt.Sprintf("Did you mean `/license order %s`?", id)}}
	}
	if strings.Contains(foldText(name), "=") || beginsWithField(name+rest) {
		fields, mistakes := parseFields(name + rest)
		first := Mistake{Text: excerpt(name), Sentence: "Start with `buy` to order a license, or `quote` to see its price."}
		return Quote{Fields: fields}, append([]Mistake{first}, mistakes...)
	}
	unknown := unknownCommand(name)
	if unknown.Nearest == "" {
		return Help{}, []Mistake{unknown}
	}
	guess, mistakes := arguments(unknown.Nearest, rest)
	return guess, append([]Mistake{unknown}, mistakes...)
}

// beginsWithField reports whether a text begins with a field instead of a command: "ram = 16", "memory: 16".
func beginsWithField(text string) bool {
	words := fieldWords()
	tokens := scan(text, words.knows)
	return len(tokens) > 1 && len(tokens[0].words) == 0 && words.knows(tokens[1].key)
}

func asksForHelp(rest string) bool {
	switch strings.TrimLeft(strings.Trim(strings.ToLower(foldText(rest)), " \n`.!"), "-") {
	case "help", "?":
		return true
	case "h":
		return strings.ContainsFunc(rest, isDash)
	}
	return false
}

func arguments(command, rest string) (Command, []Mistake) {
	switch command {
	case "buy":
		fields, mistakes := parseFields(rest)
		return Buy{Fields: fields}, mistakes
	case "quote":
		fields, mistakes := parseFields(rest)
		return Quote{Fields: fields}, mistakes
	case "list":
		p := pageParser{filters: true}
		p.parse(rest)
		return List{Filter: p.filter, Page: p.page}, p.mistakes
	case "history":
		p := pageParser{}
		p.parse(rest)
		return History{Page: p.page}, p.mistakes
	case "show":
		id, part, mistakes := parseLicense(rest)
		return Show{ID: id, Part: part}, mistakes
	case "order":
		if part, ok := partOfOrder(rest); ok {
			return Order{Part: part}, nil
		}
		id, mistakes := parseOrder("order", rest)
		return Order{ID: id}, mistakes
	case "cancel":
		id, mistakes := parseOrder("cancel", rest)
		return Cancel{ID: id}, mistakes
	case "approve":
		id, mistakes := parseOrder("approve", rest)
		return Approve{ID: id}, mistakes
	case "deny":
		id, reason, mistakes := parseDeny(rest)
		return Deny{ID: id, Reason: reason}, mistakes
	case "budget":
		return Budget{}, parseNothing("budget", rest)
	case "settle":
		id, mistakes := parseOrder("settle", rest)
		return Settle{ID: id}, mistakes
	case "pause":
		reason, mistakes := parseReason("pause", rest)
		return Pause{Reason: reason}, mistakes
	case "resume":
		reason, mistakes := parseOptionalReason(rest)
		return Resume{Reason: reason}, mistakes
	}
	return parseHelp(rest)
}

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
		return Help{Topic: name}, nil
	}
	m := Mistake{Text: excerpt(topic), Sentence: fmt.Sprintf("There's no help on %s. Try `/license help`.",
		codeSpan(topic))}
	if there, ok := otherCommands[canonical(topic)]; ok {
		return Help{}, []Mistake{{Text: m.Text, Sentence: there}}
	}
	for _, words := range []vocabulary{commands, fields} {
		if name, ok := words.nearest(topic); ok && m.Nearest == "" {
			m.Nearest, m.Sentence = name, fmt.Sprintf("There's no help on %s. Did you mean `/license help %s`?", codeSpan(topic),
				name)
		}
	}
	return Help{Topic: m.Nearest}, []Mistake{m}
}
