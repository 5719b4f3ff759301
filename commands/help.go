package commands

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// HelpPage is the help for one topic: all commands, one command, or one field.
type HelpPage struct {
	Topic    string        // name of the command, or a name of the field; empty for all commands
	Usage    string        // how to type it: "/license buy field=value …"
	Summary  string        // one sentence
	Details  []string      // further sentences
	Commands []CommandHelp // all commands, on the page of all commands
	Fields   []FieldInfo   // the fields of a command, or the one of a field's page
	Examples []Example     // each parses without a mistake
}

// CommandHelp is one line of the page of all commands.
type CommandHelp struct{ Name, Usage, Summary string }

// Example is a text as it is typed after /license, and what it asks for.
type Example struct{ Text, Says string }

// ExampleSite is the CoCalc server in the links of examples.
const ExampleSite = "https://cocalc.example"

// slash is the slash command; Slack takes it off the text.
const slash = "/license "

// HelpTopic returns the topic of the page that HelpText returns for a word: the name of a command, the key of a field
// (another name of it if a command has its key), or empty for the page of all commands.
func HelpTopic(word string) string {
	if name, ok := commandWords().find(word); ok {
		return name
	}
	key, _ := fieldWords().find(word)
	return fieldTopic(key)
}

// fieldTopic returns the topic of a field's page: its key, unless a command has that name.
func fieldTopic(key string) string {
	if row, ok := fieldNamed(key); ok && commandWords().knows(key) {
		return row.Aliases[0]
	}
	return key
}

// HelpText returns the help for a topic, a command or a field by any word for it. An unknown topic gets the page of all
// commands: there is always an answer.
func HelpText(topic string) HelpPage {
	commands, fields := commandWords(), fieldWords()
	if name, ok := commands.find(topic); ok {
		return helpOfCommand(name)
	}
	if name, ok := fields.find(topic); ok {
		return helpOfField(name)
	}
	page := HelpPage{
		Usage:   slash + "command …",
		Summary: "Buy and manage your team's CoCalc licenses.",
		Details: []string{"For more, type `/license help buy` (a command) or `/license help uptime` (a field)."},
		Examples: []Example{
			{"buy ram=16 cpu=2", "shows the price; you pay after a click"},
			{"list", "shows active licenses"},
		},
	}
	for _, c := range commandTable {
		page.Commands = append(page.Commands, CommandHelp{Name: c.name, Usage: slash + c.usage, Summary: c.summary})
	}
	return page
}

func helpOfCommand(name string) HelpPage {
	info, _ := commandNamed(name)
	page := HelpPage{
		Topic: name, Usage: slash + info.usage, Summary: info.summary,
		Details: append([]string(nil), info.details...), Examples: append([]Example(nil), info.examples...),
	}
	if info.fields {
		page.Fields = AllFields()
	}
	return page
}

func helpOfField(key string) HelpPage {
	row, _ := fieldNamed(key)
	page := HelpPage{
		Topic: fieldTopic(key), Usage: slash + "buy " + row.assignment() + " …", Summary: row.Says(),
		Fields: []FieldInfo{row.info()},
	}
	if len(row.Aliases) > 0 {
		page.Details = append(page.Details, "Other names: "+enumerate(row.Aliases, "or")+".")
	}
	others := "ram=4 cpu=1 "
	switch key {
	case "ram":
		others = "cpu=1 "
	case "cpu":
		others = "ram=4 "
	case "start":
		others += "days=30 "
	}
	page.Examples = []Example{{Text: "buy " + others + row.assignment()}}
	return page
}

// Says returns the description of the field in the help: its meaning, values and default.
func (f FieldInfo) Says() string {
	says := f.Hint
	if f.Kind == KindChoice {
		var choices []string
		for _, c := range f.Choices {
			choice := c.Value
			if c.Label != c.Value {
				choice += " (" + c.Label + ")"
			}
			choices = append(choices, choice)
		}
		says += ": " + enumerate(choices, "or")
	}
	says += "."
	if f.Required {
		says += " Required."
	}
	switch {
	case f.Bounds != "":
		says += " " + f.Bounds
		if f.Unit != "" {
			says += " " + f.Unit
		}
		if f.Advice != "" {
			says += " (" + f.Advice + ")"
		}
		says += "."
	case f.Kind == KindYesNo:
		says += " Yes or no."
	case f.Kind == KindDate:
		says += " YYYY-MM-DD."
	}
	if f.Default != "" {
		says += " Default: " + f.Default + "."
	}
	return says
}

// Plain returns the page for a terminal.
func (h HelpPage) Plain() string {
	return h.render(pageStyle{
		heading: func(text string) string { return text },
		prose:   func(text string) string { return strings.ReplaceAll(text, "`", "") },
		entry: func(typed, says string, width int) string {
			if width > widestColumn && says != "" {
				return "  " + typed + "\n      " + says
			}
			return strings.TrimRight(fmt.Sprintf("  %-*s  %s", width, typed, says), " ")
		},
	})
}

// Mrkdwn returns the page in Slack's markup, short enough for one section block (3,000 characters). It contains nothing
// that Slack would turn into a mention or a link.
func (h HelpPage) Mrkdwn() string {
	return h.render(pageStyle{
		heading: func(text string) string { return "*" + text + "*" },
		prose:   escape.Replace,
		entry: func(typed, says string, _ int) string {
			return strings.TrimRight("• `"+escape.Replace(typed)+"`  "+escape.Replace(says), " ")
		},
	})
}

// widestColumn is the largest width, in characters, of a column of commands beside their descriptions.
const widestColumn = 44

// pageStyle determines how the parts of a page are written. An entry is a text to type with its description; width is
// the number of characters of the widest text in its list.
type pageStyle struct {
	heading func(text string) string
	prose   func(text string) string
	entry   func(typed, says string, width int) string
}

func (h HelpPage) render(l pageStyle) string {
	lines := []string{l.heading(h.Usage), l.prose(h.Summary)}
	for _, d := range h.Details {
		lines = append(lines, l.prose(d))
	}
	list := func(title string, entries []Example) {
		if len(entries) == 0 {
			return
		}
		lines = append(lines, "", l.heading(title))
		width := 0
		for _, e := range entries {
			width = max(width, utf8.RuneCountInString(e.Text))
		}
		for _, e := range entries {
			lines = append(lines, l.entry(e.Text, e.Says, width))
		}
	}
	var commands, fields []Example
	for _, c := range h.Commands {
		commands = append(commands, Example{c.Usage, c.Summary})
	}
	if len(h.Fields) > 1 {
		for _, f := range h.Fields {
			fields = append(fields, Example{f.Key, f.Says()})
		}
	}
	list("Commands", commands)
	list("Fields", fields)
	list("Examples", h.examples())
	return strings.Join(lines, "\n") + "\n"
}

// examples returns the examples with the slash command.
func (h HelpPage) examples() []Example {
	typed := make([]Example, len(h.Examples))
	for i, e := range h.Examples {
		typed[i] = Example{slash + e.Text, e.Says}
	}
	return typed
}
