package commands

import (
	"fmt"
	"strings"
)

// Format prints a command as a person would type it after /license: "buy ram=16 cpu=2 title=\"…\"". What Parse made of
// a text without mistakes is printed so that Parse makes the same of it again. The text is in Slack's escaped form
// (&amp; &lt; &gt;), fit for mrkdwn.
func Format(c Command) string {
	switch c := c.(type) {
	case Buy:
		return withArguments("buy", FormatFields(c.Fields))
	case Quote:
		return withArguments("quote", FormatFields(c.Fields))
	case List:
		filter := ""
		if c.Filter != ListActive {
			filter = c.Filter.String()
		}
		return withArguments("list", filter, formatPage(c.Page))
	case Show:
		return withArguments("show", c.ID, c.Part)
	case History:
		return withArguments("history", formatPage(c.Page))
	case Order:
		return withArguments("order", c.ID, c.Part)
	case Cancel:
		return withArguments("cancel", c.ID)
	case Approve:
		return withArguments("approve", c.ID)
	case Deny:
		return withArguments("deny", c.ID, formatText(c.Reason))
	case Budget:
		return "budget"
	case Settle:
		return withArguments("settle", c.ID)
	case Pause:
		return withArguments("pause", formatText(c.Reason))
	case Resume:
		return withArguments("resume", formatText(c.Reason))
	case Help:
		return withArguments("help", c.Topic)
	}
	return ""
}

// FormatFields prints fields in the order of the table, text in quotes, as ParseFields takes them.
func FormatFields(f Fields) string {
	var parts []string
	for i := range fieldTable {
		row := &fieldTable[i]
		value, said := row.get(&f)
		if !said || row.Key == "period" && value == periodRange && (f.End != nil || f.Days != nil) {
			continue // a fixed term is said by its end
		}
		if row.Kind == KindText {
			value = quote(value)
		}
		parts = append(parts, row.Key+"="+value)
	}
	return strings.Join(parts, " ")
}

var backslashes = strings.NewReplacer(`\`, `\\`, `"`, `\"`)

// quote puts text in quotes, in Slack's form.
func quote(text string) string { return `"` + escape.Replace(backslashes.Replace(text)) + `"` }

// formatText is quote, with nothing for nothing.
func formatText(text string) string {
	if text == "" {
		return ""
	}
	return quote(text)
}

func formatPage(page int) string {
	if page <= 1 {
		return ""
	}
	return fmt.Sprintf("page=%d", page)
}

func withArguments(command string, arguments ...string) string {
	for _, a := range arguments {
		if a != "" {
			command += " " + a
		}
	}
	return command
}
