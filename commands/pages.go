package commands

import (
	"fmt"
	"regexp"
	"strconv"
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
				m := unknownKey(pc.key, keys, "setting here")
				p.mistakes = append(p.mistakes, m)
				words = words[min(1, len(words)):]
			} else if len(words) == 0 {
				p.wrong(pc.key, "", "%s has no value; write it as in `page=2`.", code(pc.key))
			} else if name == "page" {
				p.setPage(words[0].text)
				words = words[1:]
			}
		}
		for i := 0; i < len(words); i++ {
			if name, ok := keys.find(words[i].text); ok && name == "page" && i+1 < len(words) {
				text := words[i].text + " " + words[i+1].text
				p.wrong(text, "page", "%s: did you mean `page=%s`?", code(text), echo(words[i+1].text))
				i++
				continue
			}
			p.bare(words[i].text)
		}
	}
}

func (p *pageParser) setPage(text string) {
	switch n, _ := strconv.Atoi(text); {
	case p.paged:
		p.wrong("page", "", "`page` is given twice; say it once.")
	case !pagePattern.MatchString(text) || n == 0:
		p.wrong(text, "", "`page` takes a whole number from 1, and %s is none; write it as in `page=2`.", code(text))
	default:
		p.page = n
	}
	p.paged = true
}

// bare reads a word without a key: a filter, or something that is none.
func (p *pageParser) bare(text string) {
	if !p.filters {
		if pagePattern.MatchString(text) {
			p.wrong(text, "page", "%s: did you mean `page=%s`?", code(text), echo(text))
			return
		}
		p.wrong(text, "", "%s means nothing here; the one setting is `page=2`.", code(text))
		return
	}
	words := filterWords()
	name, ok := words.find(text)
	if !ok {
		if pagePattern.MatchString(text) {
			p.wrong(text, "page", "%s: did you mean `page=%s`?", code(text), echo(text))
		} else if near, ok := words.nearest(text); ok {
			p.wrong(text, near, "%s: did you mean `%s`?", code(text), near)
		} else {
			p.wrong(text, "", "%s means nothing here; a list is of licenses that are active, expired or all.", code(text))
		}
		return
	}
	if p.filtered != "" && p.filtered != name {
		p.wrong(text, "", "`%s` and `%s` contradict each other; keep one of them.", p.filtered, name)
		return
	}
	p.filtered = name
	for _, f := range []ListFilter{ListActive, ListExpired, ListAll} {
		if f.String() == name {
			p.filter = f
		}
	}
}

func filterWords() vocabulary {
	var v vocabulary
	v.add(ListActive.String(), []string{"current", "valid", "live"})
	v.add(ListExpired.String(), []string{"over", "old", "past", "ended"})
	v.add(ListAll.String(), []string{"any", "every", "everything"})
	return v
}
