package commands

import (
	"regexp"
	"strings"
)

// entities decodes the three entities that Slack uses. The replacer reads the text once, so that a typed "&lt;", which
// arrives as "&amp;lt;", is kept.
var entities = strings.NewReplacer("&amp;", "&", "&lt;", "<", "&gt;", ">")

// escape is the inverse of entities: it returns the form in which Slack delivers text and mrkdwn accepts it.
var escape = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")

// markup matches Slack's markup in angle brackets: <@U1|name>, <#C1|name>, <!here>, <https://…|label>, <mailto:…>. A
// bracket that a person types arrives as an entity.
var markup = regexp.MustCompile(`<([@#!]?)([^<>|]+)(?:\|([^<>]*))?>`)

// scheme matches the beginning of a link's target.
var scheme = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9+.-]*:(//)?`)

// plainMarkup returns the text that people see for a mention or link, and other text unchanged.
func plainMarkup(m string) string {
	parts := markup.FindStringSubmatch(m)
	kind, target, label := parts[1], parts[2], parts[3]
	switch kind {
	case "@", "#":
		if label == "" {
			label = target
		}
		return kind + stripQuotes(strings.TrimLeft(label, kind))
	case "!":
		// <!here>, <!subteam^S1|@admins>, <!date^…|tomorrow>
		if label == "" {
			label = "@" + target
		}
		return stripQuotes(label)
	}
	start := scheme.FindString(target)
	if start == "" {
		return m
	}
	rest := target[len(start):]
	if label == rest || !strings.HasSuffix(start, "//") {
		// Slack made a link of "example.com" or of an email address: the person typed the label.
		return stripQuotes(rest)
	}
	return stripQuotes(target)
}

// stripQuotes removes from a label what would end a quoted title: people choose their names.
func stripQuotes(label string) string {
	return strings.Map(func(r rune) rune {
		if r == '\\' || isDoubleQuote(r) {
			return -1
		}
		return r
	}, label)
}
