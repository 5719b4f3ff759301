package blockkit

// Difference is a rule that differs between Slack's reference, @slack/types and slack-go. By default the looser limit
// holds, so that every app that works in Slack works here. With Rules.Strict the stricter one holds: an app that keeps
// it is right by every source.
type Difference struct {
	Rule              string
	Strict, Loose     string // the limits
	StrictBy, LooseBy string // the sources
}

// Differences returns all known differences.
func Differences() []Difference {
	return []Difference{
		{
			"series of a chart, segments of a pie", "6", "12", "slack-go 0.35.0 `Validate`",
			"clients that post up to 12 and are taken",
		},
		{
			"rows of a data table, with its header", "101", "201", "Slack's reference of the data table block",
			"slack-morphism 2.30.0",
		},
		{
			"characters in the value of an option", "75", "150", "@slack/types 3.2.0, `OptionDescriptor.value`",
			"Slack's reference of the option object",
		},
		{
			"title of a confirm dialog", "required", "optional", "Slack's reference of the confirmation dialog object",
			"@slack/types 3.2.0, `Confirm.title`",
		},
		{
			"status of a task card", "required", "optional", "@slack/types 3.2.0, `TaskCardBlock.status`",
			"slack-go 0.35.0, `omitempty`",
		},
		{
			"header divider of a collapsible container", "refused", "without effect", "slack-go 0.35.0 `Validate`",
			"@slack/types 3.2.0, `ContainerBlock.has_header_divider`",
		},
	}
}

// byStrictness applies the strict check if Rules.Strict is set, and the loose one otherwise.
func byStrictness(strict, loose check) check {
	return func(c *checker, at string, v any) {
		if c.rules.Strict {
			strict(c, at, v)
			return
		}
		loose(c, at, v)
	}
}

var (
	optionValue = byStrictness(chars(1, 75), chars(1, 150))
	dataRows    = byStrictness(rows(2, 101, dataCells), rows(2, 201, dataCells))
	// confirmTitle may be null or missing; confirmHasTitle requires it in strict mode.
	confirmTitle = may(plain(100))
)

func chartParts(part check) check { return byStrictness(items(1, 6, part), items(1, 12, part)) }

// confirmHasTitle is the strict rule for confirm dialogs.
func confirmHasTitle(c *checker, at string, v any) {
	if m, ok := v.(map[string]any); ok && c.rules.Strict && m["title"] == nil {
		c.fail(at, "missing required field: title")
	}
}
