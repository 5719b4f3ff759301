package page_test

import (
	"strconv"

	"github.com/slack-go/slack"
)

func option(value, text string) *slack.OptionBlockObject {
	return slack.NewOptionBlockObject(value, plain(text), nil)
}

// gallery is one of everything, as messages.
func gallery() [][]slack.Block {
	table := slack.NewDataTableBlock("Licenses", slack.DataTableBlockOptionBlockID("licenses")).WithPageSize(3).
		AddRow(
			slack.NewDataTableRawTextCell("License"), slack.NewDataTableRawTextCell("State"),
			slack.NewDataTableRawTextCell("Cost"),
		)
	for _, row := range []struct {
		id, state string
		cost      float64
	}{{"a1", "active", 63.75}, {"b2", "active", 12}, {"c3", "expired", 7.5}, {"d4", "active", 120}, {"e5", "expired", 3}} {
		table.AddRow(
			slack.NewDataTableRawTextCell(row.id), slack.NewDataTableRawTextCell(row.state),
			slack.NewDataTableRawNumberCell(row.cost).WithText(strconv.FormatFloat(row.cost, 'g', -1, 64)),
		)
	}
	months := slack.NewDataVisualizationAxisConfig("Jan", "Feb", "Mar", "Apr")
	months.YLabel, months.XLabel = "Dollars", "2027"
	series := func(name string, values ...float64) slack.DataVisualizationDataSeries {
		out := slack.DataVisualizationDataSeries{Name: name}
		for i, v := range values {
			out.Data = append(out.Data, slack.NewDataVisualizationDataPoint(months.Categories[i], v))
		}
		return out
	}
	spent, reserved := series("Spent", 120, 80, 240.5, 60), series("Reserved", 10, 40, 0, 75)
	people := slack.NewOptionsSelectBlockElement("users_select", plain("Person"), "person")
	channels := slack.NewOptionsSelectBlockElement("channels_select", plain("Some channel"), "somewhere")
	many := slack.NewOptionsMultiSelectBlockElement(
		"multi_static_select", plain("Several"), "several", option("a", "Apples"), option("b", "Bananas"),
		option("c", "Cherries"),
	)
	fire := slack.NewOptionsSelectBlockElement(
		"static_select", plain("Alarm"), "alarm", option("off", "Off"), option("on", "On"),
	)
	fire.Confirm = slack.NewConfirmationBlockObject(
		plain("Really?"), plain("All people leave the house."), plain("Ring"), plain("Better not"),
	)
	project := slack.NewOptionsSelectBlockElement("external_select", plain("Find a project"), "project")
	return [][]slack.Block{
		{
			slack.NewHeaderBlock(plain("Text")),
			slack.NewSectionBlock(
				mrkdwn("*Bold*, _italic_, ~struck~, `code`, <https://coffee.example/?a=1&amp;b=2|a link>, <@U0BOB>, <#C0RANDOM>"+
					", <!here>, :tada:\n> a quote\n> of two lines\n```\npreformatted   text\n```\n• one\n• two"),
				nil, nil,
			),
			slack.NewDividerBlock(),
			slack.NewSectionBlock(
				mrkdwn("With an accessory."), nil,
				slack.NewAccessory(slack.NewOverflowBlockElement("overflow", option("copy", "Copy"), option("delete", "Delete"))),
			),
			slack.NewSectionBlock(
				mrkdwn("With a picture."), nil,
				slack.NewAccessory(slack.NewImageBlockElement("https://coffee.example/cup.png", "A cup")),
			),
			slack.NewContextBlock(
				"", slack.NewImageBlockElement("https://coffee.example/i.png", "Icon"), mrkdwn("Some _context_."),
			),
			slack.NewMarkdownBlock(
				"",
				"## Markdown\n\n**Bold** and [a link](https://coffee.example/), `code`\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n- "+
					"one\n- two\n\n<b>no html</b>",
			),
		},
		{
			slack.NewActionBlock("menus", people, channels, many, fire, project, slack.NewDatePickerBlockElement("day"),
				slack.NewButtonBlockElement("go", "", plain("Go")).WithStyle(slack.StylePrimary),
				slack.NewButtonBlockElement("site", "", plain("Website")).WithURL("https://coffee.example/")),
			slack.NewRichTextBlock("rich", slack.NewRichTextSection(
				slack.NewRichTextSectionTextElement("Rich ", nil),
				slack.NewRichTextSectionTextElement("text", &slack.RichTextSectionTextStyle{Bold: true}),
				slack.NewRichTextSectionTextElement(" *not bold* <b>", nil),
			),
				slack.NewRichTextList(
					slack.RTEListOrdered, 0, slack.NewRichTextSection(slack.NewRichTextSectionTextElement("first", nil)),
					slack.NewRichTextSection(slack.NewRichTextSectionLinkElement("https://coffee.example/", "second", nil)),
				)),
			slack.NewImageBlock("https://coffee.example/machine.png", "The machine", "", plain("Our machine")),
			table,
			slack.NewTableBlock("plain").AddRow(
				slack.NewTableRawTextCell("A"), slack.NewTableRawTextCell("B"),
			).AddRow(slack.NewTableRawTextCell("1"), slack.NewTableRawTextCell("2")),
		},
		{slack.NewDataVisualizationBlock("Share of spending", slack.NewDataVisualizationPieChart(
			slack.NewDataVisualizationSegment("Research", 60), slack.NewDataVisualizationSegment("Teaching", 30),
			slack.NewDataVisualizationSegment("Other", 10)))},
		{slack.NewDataVisualizationBlock("Spending per month", slack.NewDataVisualizationBarChart(months, spent, reserved))},
		{
			slack.NewDataVisualizationBlock("Spending, as a line", slack.NewDataVisualizationLineChart(months, spent, reserved)),
		},
		{slack.NewDataVisualizationBlock("Spending, as an area", slack.NewDataVisualizationAreaChart(months, spent))},
	}
}
