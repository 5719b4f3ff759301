package commands

import (
	"fmt"
	"strings"
	"sync"
)

// Parse reads the text of a slash command, in the form in which Slack delivers it. It always returns a command; when
// there are mistakes it holds what was understood, for showing and correcting, and must not be acted on. All mistakes
// are told at once, in the order of the text.
func Parse(text string) (Command, []Mistake) {
	text, mistakes := readable(text)
	name, rest := firstWord(text)
	if name == "" {
		return Help{}, limit(mistakes)
	}
	command, more := parseCommand(name, rest)
	return command, limit(append(mistakes, more...))
}

// readable cleans a text, and cuts it at a length that no person reads.
func readable(text string) (string, []Mistake) {
	if len(text) <= maxText {
		return clean(text), nil
	}
	return clean(text[:maxText]), []Mistake{{Sentence: fmt.Sprintf("Your text is too long. I read the first %d bytes.", maxText)}}
}

// commandWords are the words for commands, made from the table when they are first needed.
var commandWords = sync.OnceValue(func() vocabulary {
	var v vocabulary
	for _, c := range commandTable {
		v.add(c.name, c.aliases)
	}
	return v
})

// firstWord splits the command's name from the rest. It drops copied code marks, bullets, dashes and the slash command
// itself before the name, and punctuation after it.
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
	if word := withoutEnd(name); !strings.ContainsAny(folded(word), ":=") {
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

// parseCommand reads the words after the command's name.
func parseCommand(name, rest string) (Command, []Mistake) {
	words := commandWords()
	command, known := words.find(name)
	if known {
		if asksForHelp(rest) && command != "help" {
			return Help{Topic: command}, nil
		}
		return arguments(command, rest)
	}
	if id, _ := findUUID(name); id != "" && id == strings.ToLower(folded(name)) {
		return Show{ID: id}, []Mistake{{Text: echo(name), Nearest: "show", Sentence: fmt.Sprintf("Did you mean `/license show %s`?", id)}}
	}
	if id, ok := orderID(name); ok {
		return Order{ID: id}, []Mistake{{Text: echo(name), Nearest: "order", Sentence: fmt.Sprintf("Did you mean `/license order %s`?", id)}}
	}
	if strings.Contains(folded(name), "=") || beginsWithField(name+rest) {
		fields, mistakes := parseFields(name + rest)
		first := Mistake{Text: echo(name), Sentence: "Start with `buy` to order a license, or `quote` to see its price."}
		return Quote{Fields: fields}, append([]Mistake{first}, mistakes...)
	}
	unknown := unknownCommand(name)
	if unknown.Nearest == "" {
		return Help{}, []Mistake{unknown}
	}
	guess, mistakes := arguments(unknown.Nearest, rest)
	return guess, append([]Mistake{unknown}, mistakes...)
}

// beginsWithField recognises fields without a command: "ram = 16", "memory: 16".
func beginsWithField(text string) bool {
	words := fieldWords()
	pieces := scan(text, words.knows)
	return len(pieces) > 1 && len(pieces[0].words) == 0 && words.knows(pieces[1].key)
}

func asksForHelp(rest string) bool {
	switch strings.TrimLeft(strings.Trim(strings.ToLower(folded(rest)), " \n`.!"), "-") {
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
	topic := withoutEnd(strings.Trim(rest, " \n`,;/"))
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
	m := Mistake{Text: echo(topic), Sentence: fmt.Sprintf("There's no help on %s. Try `/license help`.", code(topic))}
	if there, ok := elsewhere[normal(topic)]; ok {
		return Help{}, []Mistake{{Text: m.Text, Sentence: there}}
	}
	for _, words := range []vocabulary{commands, fields} {
		if name, ok := words.nearest(topic); ok && m.Nearest == "" {
			m.Nearest, m.Sentence = name, fmt.Sprintf("There's no help on %s. Did you mean `/license help %s`?", code(topic), name)
		}
	}
	return Help{Topic: m.Nearest}, []Mistake{m}
}
