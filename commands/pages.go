package commands

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

var pagePattern = regexp.MustCompile(`^[0-9]{1,9}$`)

// pageParser reads the arguments of list and history.
type pageParser struct {
	filters  bool // active, expired and all mean something
	filter   ListFilter
	filtered string // the word that said it
	page     int
	paged    bool
	mistakes []Mistake
}

func (p *pageParser) wrong(text, nearest, format string, args ...any) {
	p.mistakes = append(p.mistakes, Mistake{Text: echo(text), Nearest: nearest, Sentence: fmt.Sprintf(format, args...)})
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
			p.mistakes = append(p.mistakes, unclosed(pc.words[len(pc.words)-1].text))
			pc.words = pc.words[:len(pc.words)-1]
		}
		words := pc.words
		if pc.key != "" {
			name, known := keys.find(pc.key)
			if !known {
				p.wrong(pc.key, "", "I don't know %s. %s", code(pc.key), p.usage())
				words = words[min(1, len(words)):]
			} else if len(words) == 0 {
				p.wrong(pc.key, "", "%s needs a value, e.g. `page=2`.", code(pc.key))
			} else if name == "page" {
				p.setPage(words[0].text)
				words = words[1:]
			}
		}
		for i := 0; i < len(words); i++ {
			if name, ok := keys.find(words[i].text); ok && name == "page" && i+1 < len(words) {
				text := words[i].text + " " + words[i+1].text
				p.wrong(text, "page", "Write `page=%s` instead of %s.", echo(words[i+1].text), code(text))
				i++
				continue
			}
			if !words[i].isMarks() {
				p.bare(words[i].text)
			}
		}
	}
}

func (p *pageParser) setPage(text string) {
	text = withoutEnd(folded(text))
	switch n, _ := strconv.Atoi(text); {
	case p.paged:
		p.wrong("page", "", "`page` appears twice. Use it once.")
	case !pagePattern.MatchString(text) || n == 0:
		p.wrong(text, "", "`page` must be a whole number, 1 or more, e.g. `page=2`.")
	default:
		p.page = n
	}
	p.paged = true
}

// bare reads a word without a key: a filter, or something that is none.
func (p *pageParser) bare(text string) {
	text = withoutEnd(text)
	if number := folded(text); pagePattern.MatchString(number) {
		p.wrong(text, "page", "Write `page=%s` instead of %s.", number, code(text))
		return
	}
	if there, ok := elsewhere[normal(text)]; ok && there == onPersons || strings.HasPrefix(text, "@") {
		p.wrong(text, "", onPersons)
		return
	}
	words := filterWords()
	name, ok := words.find(text)
	if !p.filters || !ok {
		if near, ok := words.nearest(text); ok && p.filters {
			p.wrong(text, near, "I don't know %s. Did you mean `/license list %s`?", code(text), near)
		} else {
			p.wrong(text, "", "I don't know %s. %s", code(text), p.usage())
		}
		return
	}
	if p.filtered != "" && p.filtered != name {
		p.wrong(text, "", "Use `%s` or `%s`, not both.", p.filtered, name)
		return
	}
	p.filtered = name
	for _, f := range []ListFilter{ListActive, ListExpired, ListAll} {
		if f.String() == name {
			p.filter = f
		}
	}
}

// usage returns the command's arguments in words.
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
