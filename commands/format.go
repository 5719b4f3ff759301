package commands

import (
	"fmt"
	"strings"
)

// Format returns a command as people type it after /license: buy ram=16 cpu=2 title="…". [Parse] returns an equal
// command for the result. The text is in Slack's escaped form (&amp; &lt; &gt;), which mrkdwn needs.
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
	case End:
		return withArguments("end", c.ID, c.Part)
	case Keep:
		return withArguments("keep", c.ID, c.Part)
	case Help:
		return withArguments("help", c.Topic)
	}
	return ""
}

// FormatFields returns fields in the order of the table, with text in quotes. [ParseFields] returns equal fields for
// the result.
func FormatFields(f Fields) string {
	var parts []string
	for i := range fieldTable {
		row := &fieldTable[i]
		value, given := row.get(&f)
		if !given || row.Key == "period" && value == periodRange && (f.End != nil || f.Days != nil) {
			continue // its end or days imply it
		}
		if row.Kind == KindText {
			value = quote(value)
		}
		parts = append(parts, row.Key+"="+value)
	}
	return strings.Join(parts, " ")
}

// formatText returns text in quotes; empty if text is empty.
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
