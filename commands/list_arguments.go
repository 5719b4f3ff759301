package commands

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

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
	p.mistakes = append(p.mistakes, Mistake{Text: excerpt(text), Nearest: nearest, Sentence: fmt.Sprintf(format, args...)})
}

func (p *pageParser) parse(rest string) {
	p.page = 1
	var keys vocabulary
	keys.add("page", []string{"p"})
	if p.filters {
		keys.add("filter", []string{"state", "status"})
	}
	for _, pc := range scan(rest, keys.knows) {
		if pc.open {
			p.mistakes = append(p.mistakes, unterminatedQuote(pc.words[len(pc.words)-1].text))
			pc.words = pc.words[:len(pc.words)-1]
		}
		words := pc.words
		if pc.key != "" {
			name, known := keys.find(pc.key)
			if !known {
				p.report(pc.key, "", "I don't know %s. %s", codeSpan(pc.key), p.usage())
				words = words[min(1, len(words)):]
			} else if len(words) == 0 {
				p.report(pc.key, "", "%s needs a value, e.g. `page=2`.", codeSpan(pc.key))
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
