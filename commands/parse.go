package commands

import (
	"regexp"
	"strconv"
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
		[]Mistake{mistakef("", "Your text is too long. I read the first %d bytes.", maxText)}
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
		return parseArguments(command, rest)
	}
	if id, _ := findUUID(name); id != "" && id == strings.ToLower(foldText(name)) {
		return Show{ID: id}, []Mistake{mistakef(name, "Did you mean `/license show %s`?", id).near("show")}
	}
	if id, ok := orderID(name); ok {
		return Order{ID: id}, []Mistake{mistakef(name, "Did you mean `/license order %s`?", id).near("order")}
	}
	if strings.Contains(foldText(name), "=") || beginsWithField(name+rest) {
		fields, mistakes := parseFields(name + rest)
		first := mistakef(name, "Start with `buy` to order a license, or `quote` to see its price.")
		return Quote{Fields: fields}, append([]Mistake{first}, mistakes...)
	}
	unknown := unknownCommand(name)
	if unknown.Nearest == "" {
		return Help{}, []Mistake{unknown}
	}
	guess, mistakes := parseArguments(unknown.Nearest, rest)
	return guess, append([]Mistake{unknown}, mistakes...)
}

func parseArguments(command, rest string) (Command, []Mistake) {
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
		id, part, mistakes := parseLicense("show", rest)
		return Show{ID: id, Part: part}, mistakes
	case "end":
		id, part, mistakes := parseLicense("end", rest)
		return End{ID: id, Part: part}, mistakes
	case "keep":
		id, part, mistakes := parseLicense("keep", rest)
		return Keep{ID: id, Part: part}, mistakes
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

func asksForHelp(rest string) bool {
	switch strings.TrimLeft(strings.Trim(strings.ToLower(foldText(rest)), " \n`.!"), "-") {
	case "help", "?":
		return true
	case "h":
		return strings.ContainsFunc(rest, isDash)
	}
	return false
}

// beginsWithField reports whether a text begins with a field instead of a command: "ram = 16", "memory: 16".
func beginsWithField(text string) bool {
	words := fieldWords()
	tokens := scan(text, words.knows)
	return len(tokens) > 1 && len(tokens[0].words) == 0 && words.knows(tokens[1].key)
}

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

// canonical returns the form in which words are compared: "Run-Limit", "run limit" and "run_limit" are equal.
func canonical(word string) string {
	return joiners.Replace(strings.ToLower(foldText(word)))
}

var joiners = strings.NewReplacer("_", "", "-", "", " ", "", "\n", "")

// limitMistakes removes repeated mistakes, and shortens the list to maxMistakes.
func limitMistakes(mistakes []Mistake) []Mistake {
	seen := make(map[string]bool, len(mistakes))
	kept := mistakes[:0]
	for _, m := range mistakes {
		if !seen[m.Sentence] {
			seen[m.Sentence] = true
			kept = append(kept, m)
		}
	}
	if len(kept) > maxMistakes+1 {
		rest := len(kept) - maxMistakes
		kept = append(kept[:maxMistakes], mistakef("", "There are %d more.", rest))
	}
	if len(kept) == 0 {
		return nil
	}
	return kept
}

var pagePattern = regexp.MustCompile(`^[0-9]{1,9}$`)

// pageParser parses the arguments of list and history.
type pageParser struct {
	filters  bool // whether active, expired and all are allowed
	filter   ListFilter
	filtered string // the word for the filter
	page     int
	paged    bool
	mistakes []Mistake
}

func (p *pageParser) report(text, nearest, format string, args ...any) {
	p.mistakes = append(p.mistakes, mistakef(text, format, args...).near(nearest))
}

func (p *pageParser) parse(rest string) {
	p.page = 1
	var keys vocabulary
	keys.add("page", []string{"p"})
	if p.filters {
		keys.add("filter", []string{"state", "status"})
	}
	for _, tok := range scan(rest, keys.knows) {
		if tok.open {
			p.mistakes = append(p.mistakes, unterminatedQuote(tok.words[len(tok.words)-1].text))
			tok.words = tok.words[:len(tok.words)-1]
		}
		words := tok.words
		if tok.key != "" {
			name, known := keys.find(tok.key)
			if !known {
				p.report(tok.key, "", "I don't know %s. %s", codeSpan(tok.key), p.usage())
				words = words[min(1, len(words)):]
			} else if len(words) == 0 {
				p.report(tok.key, "", "%s needs a value, e.g. `page=2`.", codeSpan(tok.key))
			} else if name == "page" {
				p.setPage(words[0].text)
				words = words[1:]
			}
		}
		for i := 0; i < len(words); i++ {
			if name, ok := keys.find(words[i].text); ok && name == "page" && i+1 < len(words) {
				text := words[i].text + " " + words[i+1].text
				p.report(text, "page", "Write `page=%s` instead of %s.", excerpt(words[i+1].text), codeSpan(text))
				i++
				continue
			}
			if !words[i].isPunctuation() {
				p.parseWord(words[i].text)
			}
		}
	}
}

func (p *pageParser) setPage(text string) {
	text = trimEnd(foldText(text))
	switch n, _ := strconv.Atoi(text); {
	case p.paged:
		p.report("page", "", "`page` appears twice. Use it once.")
	case !pagePattern.MatchString(text) || n == 0:
		p.report(text, "", "`page` must be a whole number, 1 or more, e.g. `page=2`.")
	default:
		p.page = n
	}
	p.paged = true
}

// parseWord parses a word without a key: a filter, or a mistake.
func (p *pageParser) parseWord(text string) {
	text = trimEnd(text)
	if number := foldText(text); pagePattern.MatchString(number) {
		p.report(text, "page", "Write `page=%s` instead of %s.", number, codeSpan(text))
		return
	}
	if there, ok := otherCommands[canonical(text)]; ok && there == onPersons || strings.HasPrefix(text, "@") {
		p.report(text, "", onPersons)
		return
	}
	words := filterWords()
	name, ok := words.find(text)
	if !p.filters || !ok {
		if near, ok := words.nearest(text); ok && p.filters {
			p.report(text, near, "I don't know %s. Did you mean `/license list %s`?", codeSpan(text), near)
		} else {
			p.report(text, "", "I don't know %s. %s", codeSpan(text), p.usage())
		}
		return
	}
	if p.filtered != "" && p.filtered != name {
		p.report(text, "", "Use `%s` or `%s`, not both.", p.filtered, name)
		return
	}
	p.filtered = name
	for _, f := range []ListFilter{ListActive, ListExpired, ListAll} {
		if f.String() == name {
			p.filter = f
		}
	}
}

// usage returns a sentence about the command's arguments.
func (p *pageParser) usage() string {
	if p.filters {
		return "Use `list active`, `list expired` or `list all`, and `page=2` for more."
	}
	return "Use `history`, and `history page=2` for more."
}

func filterWords() vocabulary {
	var v vocabulary
	v.add(ListActive.String(), []string{"current", "valid", "live"})
	v.add(ListExpired.String(), []string{"over", "old", "past", "ended"})
	v.add(ListAll.String(), []string{"any", "every", "everything"})
	return v
}

// ListFilter selects the licenses of a list.
type ListFilter int

// The filters.
const (
	ListActive  ListFilter = iota // licenses that can be used today
	ListExpired                   // licenses whose term has ended
	ListAll                       // all licenses
)

// String returns the word for the filter in a command: "active", "expired" or "all".
func (f ListFilter) String() string {
	switch f {
	case ListExpired:
		return "expired"
	case ListAll:
		return "all"
	default:
		return "active"
	}
}
