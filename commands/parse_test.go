package commands_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"licensebot/commands"
)

const (
	license = "2f5a3c1e-7b64-4d0a-9c8e-1b2d3f4a5c6e"
	project = "8c7e9a10-3b5d-4f21-a6c4-0d9e8b7f6a51"
	order   = "01JD8Z3V5TQ4X6B7N8M9P0RSTW"
)

func ptr[T any](v T) *T { return &v }

func date(y, m, d int) *commands.Date {
	parsed, ok := commands.ParseDate(fmt.Sprintf("%04d-%02d-%02d", y, m, d))
	if !ok {
		panic("the test names no day of the calendar")
	}
	return &parsed
}

func TestParse_Commands(t *testing.T) {
	for _, c := range []struct {
		name, text string
		want       commands.Command
	}{
		{"nothing is help", "", commands.Help{}},
		{"blanks are nothing", " \u00a0\u200b\n\t", commands.Help{}},
		{"help", "help", commands.Help{}},
		{"a question mark is help", "?", commands.Help{}},
		{"help with dashes", "--help", commands.Help{}},
		{"help on a command", "help buy", commands.Help{Topic: "buy"}},
		{"help on another word for a command", "HELP Price", commands.Help{Topic: "quote"}},
		{"help on a field", "help run limit", commands.Help{Topic: "run_limit"}},
		{"help asked behind the command", "buy help", commands.Help{Topic: "buy"}},
		{"help asked as in a shell", "list --help", commands.Help{Topic: "list"}},
		{"help asked as in a shell, with a changed dash", "list —help", commands.Help{Topic: "list"}},
		{"buy without fields", "buy", commands.Buy{}},
		{"the slash command typed twice", "/license buy", commands.Buy{}},
		{"copied as code", "`/license buy`", commands.Buy{}},
		{"a colon behind the command", "buy: ram=1", commands.Buy{Fields: commands.Fields{RAM: ptr(1)}}},
		{"upper case", "BUY RAM=16", commands.Buy{Fields: commands.Fields{RAM: ptr(16)}}},
		{"another word for buy", "purchase ram=16", commands.Buy{Fields: commands.Fields{RAM: ptr(16)}}},
		{"quote", "quote ram=16", commands.Quote{Fields: commands.Fields{RAM: ptr(16)}}},
		{"list", "list", commands.List{Page: 1}},
		{"list of the active", "list active", commands.List{Page: 1}},
		{"list of the expired", "list EXPIRED", commands.List{Filter: commands.ListExpired, Page: 1}},
		{"list of all on a page", "list all page = 3", commands.List{Filter: commands.ListAll, Page: 3}},
		{"list with a page first", "list page:2 expired", commands.List{Filter: commands.ListExpired, Page: 2}},
		{"list with its filter as a setting", "list state=all", commands.List{Filter: commands.ListAll, Page: 1}},
		{"list says the same filter twice", "list all all", commands.List{Filter: commands.ListAll, Page: 1}},
		{"history", "history", commands.History{Page: 1}},
		{"history on a page", "ledger page=12", commands.History{Page: 12}},
		{"show", "show " + license, commands.Show{ID: license}},
		{"show in upper case", "show " + strings.ToUpper(license), commands.Show{ID: license}},
		{"show in quotes", "show “" + license + "”", commands.Show{ID: license}},
		{"show as code", "show `" + license + "`", commands.Show{ID: license}},
		{"show with a key", "show id=" + license, commands.Show{ID: license}},
		{"show license", "show license " + license, commands.Show{ID: license}},
		{"show a link", "show https://cocalc.com/settings/licenses?id=" + license, commands.Show{ID: license}},
		{"show a link as Slack sends it", "show <https://cocalc.com/settings/licenses?a=b&amp;id=" + license +
			">", commands.Show{ID: license}},
		{
			"show a link with a label", "show <https://cocalc.com/settings/licenses?id=" + license + "|my license>",
			commands.Show{ID: license},
		},
		{"order", "order " + order, commands.Order{ID: order}},
		{"order in lower case", "order " + strings.ToLower(order), commands.Order{ID: order}},
		{"order by its tag", "order order " + order, commands.Order{ID: order}},
		{"cancel", "cancel " + order, commands.Cancel{ID: order}},
		{"end", "end " + license, commands.End{ID: license}},
		{"stop, by the end of the id", "stop …" + license[32:], commands.End{Part: license[32:]}},
		{
			"unsubscribe by the link", "unsubscribe https://cocalc.com/settings/licenses?id=" + license,
			commands.End{ID: license},
		},
		{"keep", "keep " + license, commands.Keep{ID: license}},
		{"uncancel", "uncancel " + license[:8], commands.Keep{Part: license[:8]}},
		{"help on the end of a license", "help end", commands.Help{Topic: "end"}},
		{"help on the field of that name", "help until", commands.Help{Topic: "until"}},
		{"cancel by the tag", "cancel order " + order, commands.Cancel{ID: order}},
		{"show by the beginning of an id", "show 2F5A", commands.Show{Part: "2f5a"}},
		{"show by the ending of an id, as messages show it", "show …5c6e.", commands.Show{Part: "5c6e"}},
		{"show by a beginning with dashes", "show id=2f5a3c1e–7b64", commands.Show{Part: "2f5a3c1e-7b64"}},
		{"show with the dashes of a document", "show " + strings.ReplaceAll(license, "-", "‑"), commands.Show{ID: license}},
		{"order by the ending of an id", "order …rstw", commands.Order{Part: "RSTW"}},
		{"order by the beginning of an id", "status order 01JD8Z3V5TQ4", commands.Order{Part: "01JD8Z3V5TQ4"}},
		{"order in fullwidth", "ｏｒｄｅｒ　０１ＪＤ８Ｚ３Ｖ５ＴＱ４Ｘ６Ｂ７Ｎ８Ｍ９Ｐ０ＲＳＴＷ", commands.Order{ID: order}},
		{"a command with a full stop", "budget.", commands.Budget{}},
		{"a command in a list", "• list all.", commands.List{Filter: commands.ListAll, Page: 1}},
		{"a page in Devanagari digits", "history page＝१२", commands.History{Page: 12}},
		{"help with a question mark", "help buy?", commands.Help{Topic: "buy"}},
		{"a reason with a fullwidth colon", "pause reason：月末", commands.Pause{Reason: "月末"}},
		{"a budget that ends a sentence", "budget …!", commands.Budget{}},
		{"approve", "approve " + order, commands.Approve{ID: order}},
		{"approve in other words", "Accept order: " + strings.ToLower(order), commands.Approve{ID: order}},
		{
			"deny", "deny " + order + " there is one already, for 30",
			commands.Deny{ID: order, Reason: "there is one already, for 30"},
		},
		{"deny as copied", "reject order `" + order + "`: reason=“too much”", commands.Deny{ID: order, Reason: "too much"}},
		{
			"deny on two lines", "deny order=" + strings.ToLower(order) + "\nno\nmoney",
			commands.Deny{ID: order, Reason: "no money"},
		},
		{"budget", "budget", commands.Budget{}},
		{"budget in other words", "SPENDING", commands.Budget{}},
		{"settle", "settle " + order, commands.Settle{ID: order}},
		{"settle in other words", "RESOLVE order_id=" + strings.ToLower(order), commands.Settle{ID: order}},
		{
			"pause", "pause somebody else clears the cart, today: until 5",
			commands.Pause{Reason: "somebody else clears the cart, today: until 5"},
		},
		{"pause in quotes", "pause “the cart’s \"odd\" item”", commands.Pause{Reason: "the cart’s \"odd\" item"}},
		{"pause with two quoted words", `pause "a" and "b"`, commands.Pause{Reason: `"a" and "b"`}},
		{"pause with a key", `pause reason="R&amp;D &lt;3"`, commands.Pause{Reason: "R&D <3"}},
		{"pause on two lines", "pause a\nb", commands.Pause{Reason: "a b"}},
		{
			"pause with a mention", "freeze ask <@U1|bob> about <https://a.example|this>",
			commands.Pause{Reason: "ask @bob about https://a.example"},
		},
		{"pause in another script", "pause 请等一下", commands.Pause{Reason: "请等一下"}},
		{"help on pause", "pause --help", commands.Help{Topic: "pause"}},
		{"resume", "resume the double buy was paid back", commands.Resume{Reason: "the double buy was paid back"}},
		{"resume without a reason", "resume", commands.Resume{}},
		{"resume with an empty reason", `resume reason="  "`, commands.Resume{}},
		{"resume with a colon", "unpause: because = it is over", commands.Resume{Reason: "it is over"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, mistakes := commands.Parse(c.text)
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("Parse(%q), -want +got:\n%s", c.text, diff)
			}
			for _, m := range mistakes {
				t.Errorf("Parse(%q): got the mistake %q, want none", c.text, m.Sentence)
			}
			if len(mistakes) == 0 {
				checkPrintedParsesBack(t, got)
			}
		})
	}
}

func TestParse_Fields(t *testing.T) {
	type fields = commands.Fields
	for _, c := range []struct {
		name, text string
		want       fields
	}{
		{"nothing said", "", fields{}},
		{"the example of everybody", "ram=16 cpu=2", fields{RAM: ptr(16), CPU: ptr(2)}},
		{"blanks around the mark", "ram = 16  cpu =2 disk= 5", fields{RAM: ptr(16), CPU: ptr(2), Disk: ptr(5)}},
		{"colons", "ram:16 cpu: 2 disk : 5", fields{RAM: ptr(16), CPU: ptr(2), Disk: ptr(5)}},
		{"other marks of programmers", "ram==16 cpu:=2", fields{RAM: ptr(16), CPU: ptr(2)}},
		{
			"commas between", "ram=16,cpu=2, disk=5;boost=no",
			fields{RAM: ptr(16), CPU: ptr(2), Disk: ptr(5), Boost: ptr(false)},
		},
		{"capitals", "RAM=16 Member=YES User=Academic", fields{RAM: ptr(16), Member: ptr(true), User: ptr("academic")}},
		{"non-breaking and narrow blanks", "ram=16\u00a0cpu=2\u202fdisk=5", fields{RAM: ptr(16), CPU: ptr(2), Disk: ptr(5)}},
		{
			"characters that nobody sees", "\u200bra\u200bm=1\ufeff6 \u2060cpu\u200d=2\u00ad",
			fields{RAM: ptr(16), CPU: ptr(2)},
		},
		{"a line for each", "ram=16\ncpu=2\r\ndisk=5", fields{RAM: ptr(16), CPU: ptr(2), Disk: ptr(5)}},
		{"options of a shell", "--ram=16 --cpu 2 -disk=5", fields{RAM: ptr(16), CPU: ptr(2), Disk: ptr(5)}},
		{
			"options with dashes changed by Slack", "—ram=16 –cpu 2 —run-limit 3",
			fields{RAM: ptr(16), CPU: ptr(2), RunLimit: ptr(3)},
		},
		{"switches of a shell", "--boost --no-member", fields{Boost: ptr(true), Member: ptr(false)}},
		{"a switch with its value", "--boost no --member=on", fields{Boost: ptr(false), Member: ptr(true)}},
		{"numbers in quotes", `ram="16" cpu='2'`, fields{RAM: ptr(16), CPU: ptr(2)}},

		{"fullwidth equals signs and colons", "ram＝16 cpu：2 disk﹦5", fields{RAM: ptr(16), CPU: ptr(2), Disk: ptr(5)}},
		{"fullwidth throughout", "ｒａｍ＝１６ＧＢ，ｃｐｕ＝２、ｍｅｍｂｅｒ＝ｙｅｓ", fields{RAM: ptr(16), CPU: ptr(2), Member: ptr(true)}},
		{"Arabic-Indic digits", "ram=١٦ cpu=٢", fields{RAM: ptr(16), CPU: ptr(2)}},
		{"digits of other scripts", "ram=१६ cpu=๒ disk=𝟏𝟓", fields{RAM: ptr(16), CPU: ptr(2), Disk: ptr(15)}},
		{"thousands in other commas", "run_limit=1，000 disk=5", fields{RunLimit: ptr(1000), Disk: ptr(5)}},
		{"thousands of an Arabic keyboard", "run_limit=١٬٠٠٠", fields{RunLimit: ptr(1000)}},
		{"a full stop at the end", "ram=16 cpu=2.", fields{RAM: ptr(16), CPU: ptr(2)}},
		{
			"full stops behind units and choices", "ram=16 GB. uptime=always running! user=academic?",
			fields{RAM: ptr(16), Uptime: ptr("always_running"), User: ptr("academic")},
		},
		{"an ideographic full stop", "ram=16 cpu=2。", fields{RAM: ptr(16), CPU: ptr(2)}},
		{"a list with bullets", "• ram=16\n• cpu=2", fields{RAM: ptr(16), CPU: ptr(2)}},
		{"bullets without blanks", "•ram=16\n▪️cpu=2", fields{RAM: ptr(16), CPU: ptr(2)}},
		{"a list with dashes", "- ram=16\n– cpu=2\n* disk=5", fields{RAM: ptr(16), CPU: ptr(2), Disk: ptr(5)}},
		{"a numbered list", "1. ram=16\n2) cpu=2", fields{RAM: ptr(16), CPU: ptr(2)}},
		{
			"marks between fields", "ram=16 | cpu=2 · disk=5 / boost=no",
			fields{RAM: ptr(16), CPU: ptr(2), Disk: ptr(5), Boost: ptr(false)},
		},
		{"fields in brackets", "(ram=16 cpu=2)", fields{RAM: ptr(16), CPU: ptr(2)}},
		{"a key with a typographic dash", "run‑limit=10 ‐‐boost", fields{RunLimit: ptr(10), Boost: ptr(true)}},
		{"a title keeps its own characters", "title=“１６ ＧＢ – 2.” ram=１６", fields{Title: ptr("１６ ＧＢ – 2."), RAM: ptr(16)}},
		{"a title of one word keeps its marks", "title=Ｓtats–１. ram=16", fields{Title: ptr("Ｓtats–１."), RAM: ptr(16)}},
		{"a title in Japanese quotes", "title＝「統計 １０１」 ram=16", fields{Title: ptr("統計 １０１"), RAM: ptr(16)}},
		{"a title in fullwidth quotes", "title=＂two words＂ ram=16", fields{Title: ptr("two words"), RAM: ptr(16)}},

		{"units attached", "ram=16GB cpu=2cores disk=10g", fields{RAM: ptr(16), CPU: ptr(2), Disk: ptr(10)}},
		{"units apart", "ram=16 GB cpu=2 cores run_limit=10 projects", fields{RAM: ptr(16), CPU: ptr(2), RunLimit: ptr(10)}},
		{
			"more units", "ram=16 GiB cpu=3 vCPUs days=30 days",
			fields{RAM: ptr(16), CPU: ptr(3), Days: ptr(30), Period: ptr("range")},
		},
		{"units before a comma", "ram=16 GB, cpu=2 cores", fields{RAM: ptr(16), CPU: ptr(2)}},
		{"groups of thousands", "run_limit=1,000", fields{RunLimit: ptr(1000)}},
		{"leading zeros", "ram=016", fields{RAM: ptr(16)}},
		{"nothing is a number too", "ram=0", fields{RAM: ptr(0)}},
		{"the greatest number", "run_limit=2147483647", fields{RunLimit: ptr(2147483647)}},

		{
			"other words for keys", "memory=16 cores=2 storage=5 projects=7",
			fields{RAM: ptr(16), CPU: ptr(2), Disk: ptr(5), RunLimit: ptr(7)},
		},
		{"keys of two words", "run limit=10 idle timeout=short", fields{RunLimit: ptr(10), Uptime: ptr("short")}},
		{"a key of two words behind a value", "cpu=2 run limit=10", fields{CPU: ptr(2), RunLimit: ptr(10)}},
		{"keys joined otherwise", "run-limit=10", fields{RunLimit: ptr(10)}},
		{"keys joined without anything", "RunLimit=10", fields{RunLimit: ptr(10)}},

		{"yes", "member=y boost=true", fields{Member: ptr(true), Boost: ptr(true)}},
		{"no", "member=off boost=N", fields{Member: ptr(false), Boost: ptr(false)}},
		{"one and zero", "member=1 boost=0", fields{Member: ptr(true), Boost: ptr(false)}},

		{"uptime of half an hour", "uptime=30min", fields{Uptime: ptr("short")}},
		{"uptime of two hours", "uptime=2h", fields{Uptime: ptr("medium")}},
		{"uptime of two hours, apart", "uptime=2 hours", fields{Uptime: ptr("medium")}},
		{"uptime of a day", "uptime=24h", fields{Uptime: ptr("day")}},
		{"uptime without end", "uptime=always", fields{Uptime: ptr("always_running")}},
		{"uptime without end, apart", "uptime=always running", fields{Uptime: ptr("always_running")}},
		{"uptime without end, in digits", "uptime=24/7", fields{Uptime: ptr("always_running")}},
		{"a month", "period=month", fields{Period: ptr("monthly")}},
		{"per month", "period=per month", fields{Period: ptr("monthly")}},
		{"a year", "period=annual", fields{Period: ptr("yearly")}},
		{"a university", "user=university", fields{User: ptr("academic")}},

		{"a term by its end", "end=2027-01-31", fields{End: date(2027, 1, 31), Period: ptr("range")}},
		{"a term by both ends", "start=2027-01-01 end=2027-01-31", fields{
			Start: date(2027, 1, 1), End: date(2027, 1, 31),
			Period: ptr("range"),
		}},
		{"a term by its days", "days=30", fields{Days: ptr(30), Period: ptr("range")}},
		{
			"a term by start and days", "start=2027-01-01 days=30",
			fields{Start: date(2027, 1, 1), Days: ptr(30), Period: ptr("range")},
		},
		{"a term that is called a range", "period=range days=30", fields{Days: ptr(30), Period: ptr("range")}},
		{"a term in other words", "from=2027-01-01 until=2027-01-31", fields{
			Start: date(2027, 1, 1), End: date(2027, 1, 31),
			Period: ptr("range"),
		}},
		{
			"dates with slashes and dots", "start=2027/1/1 end=2027.01.31",
			fields{Start: date(2027, 1, 1), End: date(2027, 1, 31), Period: ptr("range")},
		},
		{"a date with non-breaking hyphens", "end=2027‑12‑31", fields{End: date(2027, 12, 31), Period: ptr("range")}},
		{"a date with en dashes", "end=2027–12–31", fields{End: date(2027, 12, 31), Period: ptr("range")}},
		{
			"dates with em dashes and minus signs", "start=2027—12—01 end=2027−12−31.",
			fields{Start: date(2027, 12, 1), End: date(2027, 12, 31), Period: ptr("range")},
		},
		{"a date with its day first", "end=31.12.2026", fields{End: date(2026, 12, 31), Period: ptr("range")}},
		{
			"a date with its day first, as documents write it", "start=1. 12. 2026 end=31. 12. 2026.",
			fields{Start: date(2026, 12, 1), End: date(2026, 12, 31), Period: ptr("range")},
		},
		{"a leap day", "end=2028-02-29", fields{End: date(2028, 2, 29), Period: ptr("range")}},

		{"a title in straight quotes", `title="Statistics 101"`, fields{Title: ptr("Statistics 101")}},
		{"a title in curly quotes", "title=“Statistics 101”", fields{Title: ptr("Statistics 101")}},
		{"a title in single quotes", "title='Statistics 101'", fields{Title: ptr("Statistics 101")}},
		{"a title in curly single quotes", "title=‘Statistics 101’", fields{Title: ptr("Statistics 101")}},
		{"a title in German quotes", "title=„Statistik 101“", fields{Title: ptr("Statistik 101")}},
		{"a title in French quotes", "title=« Statistique 101 »", fields{Title: ptr("Statistique 101")}},
		{"quotes that a keyboard mixed", "title=\"Statistics 101”", fields{Title: ptr("Statistics 101")}},
		{"quotes that open twice", "title=“Statistics 101“", fields{Title: ptr("Statistics 101")}},
		{"curly quotes in straight ones", `title="the “big” one"`, fields{Title: ptr("the “big” one")}},
		{"straight quotes in curly ones", `title=“the "big" one”`, fields{Title: ptr(`the "big" one`)}},
		{"quotes behind backslashes", `title="the \"big\" one"`, fields{Title: ptr(`the "big" one`)}},
		{"a backslash", `title="C:\temp\\"`, fields{Title: ptr(`C:\temp\`)}},
		{"an apostrophe", "title='the team’s license' ram=1", fields{Title: ptr("the team’s license"), RAM: ptr(1)}},
		{
			"a straight apostrophe in single quotes", "title='the team's license' ram=1",
			fields{Title: ptr("the team's license"), RAM: ptr(1)},
		},
		{"a title of one word", "title=stats ram=1", fields{Title: ptr("stats"), RAM: ptr(1)}},
		{"a title with marks", "title=a=b:c", fields{Title: ptr("a=b:c")}},
		{"a title that looks like fields", `title="ram=1 cpu=2"`, fields{Title: ptr("ram=1 cpu=2")}},
		{"a title with nothing behind it", `title="a"ram=1`, fields{Title: ptr("a"), RAM: ptr(1)}},
		{"an empty title", `title=""`, fields{Title: ptr("")}},
		{"blanks at the ends of a title", `title="  a  b "`, fields{Title: ptr("a  b")}},
		{"a title of two lines", "title=\"a\nb\"", fields{Title: ptr("a b")}},
		{"a description of two lines", "description=\"a\nb\"", fields{Description: ptr("a\nb")}},
		{"all texts", `name=a desc="b c" why=“d e”`, fields{Title: ptr("a"), Description: ptr("b c"), Reason: ptr("d e")}},
		{"an emoji of several characters", `title="👩‍🔬 lab"`, fields{Title: ptr("👩‍🔬 lab")}},
		{"an emoji by its name", "title=:rocket: ram=1", fields{Title: ptr(":rocket:"), RAM: ptr(1)}},
		{"text that would turn around", "title=\"a\u202eb\"", fields{Title: ptr("ab")}},

		{"entities", `title="R&amp;D &lt;b&gt;"`, fields{Title: ptr("R&D <b>")}},
		{"an entity that was typed", `title="&amp;lt;"`, fields{Title: ptr("&lt;")}},
		{"other entities are text", `title="&amp;copy; &copy;"`, fields{Title: ptr("&copy; &copy;")}},
		{"a mention", `title="for <@U123|bob>"`, fields{Title: ptr("for @bob")}},
		{"a mention without a name", `title="for <@U123>"`, fields{Title: ptr("for @U123")}},
		{"a mention outside quotes", `title=<@U123|bob>`, fields{Title: ptr("@bob")}},
		{"a name that tries to end the title", `title="<@U123|b" ram=1 x="b>"`, fields{Title: ptr("@b ram=1 x=b")}},
		{"a channel", `title="<#C123|general> and <#C9>"`, fields{Title: ptr("#general and #C9")}},
		{
			"everybody", `title="<!here> <!channel|channel> <!subteam^S1|@admins>"`,
			fields{Title: ptr("@here channel @admins")},
		},
		{"a date of Slack's", `title="until <!date^1392734382^{date}|2014-02-18>"`, fields{Title: ptr("until 2014-02-18")}},
		{"a link", `title="<https://a.example/x?a=1&amp;b=2>"`, fields{Title: ptr("https://a.example/x?a=1&b=2")}},
		{"a link with a label", `title="<https://a.example|click here>"`, fields{Title: ptr("https://a.example")}},
		{"a name that Slack made a link of", `title="<http://example.com|example.com>"`, fields{Title: ptr("example.com")}},
		{"an address", `title="<mailto:bob@a.example|bob@a.example>"`, fields{Title: ptr("bob@a.example")}},

		{"a project", "project=" + project, fields{Project: ptr(project)}},
		{"a project in upper case", "project=" + strings.ToUpper(project), fields{Project: ptr(project)}},
		{
			"a project by its link", "project=https://cocalc.com/projects/" + project + "/files/a.ipynb",
			fields{Project: ptr(project)},
		},
		{
			"a project by its link, as Slack sends it", "project=<https://cocalc.com/projects/" + project + "/files|files>",
			fields{Project: ptr(project)},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, mistakes := commands.ParseFields(c.text)
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("ParseFields(%q), -want +got:\n%s", c.text, diff)
			}
			for _, m := range mistakes {
				t.Errorf("ParseFields(%q): got the mistake %q, want none", c.text, m.Sentence)
			}
			if len(mistakes) == 0 {
				checkPrintedParsesBack(t, commands.Buy{Fields: got})
				checkPrintedParsesBack(t, commands.Quote{Fields: got})
			}
		})
	}
}

// checkPrintedParsesBack checks that a command which Parse returned is printed so that it parses to itself.
func checkPrintedParsesBack(t *testing.T, c commands.Command) {
	t.Helper()
	printed := commands.Format(c)
	again, mistakes := commands.Parse(printed)
	for _, m := range mistakes {
		t.Errorf("Format: got %q with the mistake %q, want none", printed, m.Sentence)
	}
	if diff := cmp.Diff(c, again); diff != "" {
		t.Errorf("Format: got %q, which parses to something else, want (-) and got (+):\n%s", printed, diff)
	}
}

func TestFormat(t *testing.T) {
	for _, c := range []struct {
		name    string
		command commands.Command
		want    string
	}{
		{
			"fields in the order of the table",
			commands.Buy{Fields: commands.Fields{CPU: ptr(2), RAM: ptr(16)}},
			"buy ram=16 cpu=2",
		},
		{"text in quotes", commands.Quote{Fields: commands.Fields{Title: ptr(`a "b" \ c`)}}, `quote title="a \"b\" \\ c"`},
		{
			"text in Slack's form",
			commands.Buy{Fields: commands.Fields{Title: ptr("R&D <@U1>")}},
			`buy title="R&amp;D &lt;@U1&gt;"`,
		},
		{
			"a term without the word range",
			commands.Buy{Fields: commands.Fields{Days: ptr(30), Period: ptr("range")}},
			"buy days=30",
		},
		{
			"yes and no",
			commands.Buy{Fields: commands.Fields{Member: ptr(false), Boost: ptr(true)}},
			"buy member=no boost=yes",
		},
		{"the first page goes without saying", commands.List{Page: 1}, "list"},
		{"a filter and a page", commands.List{Filter: commands.ListExpired, Page: 2}, "list expired page=2"},
		{"a page of the history", commands.History{Page: 3}, "history page=3"},
		{"show", commands.Show{ID: license}, "show " + license},
		{"order", commands.Order{ID: order}, "order " + order},
		{"cancel", commands.Cancel{ID: order}, "cancel " + order},
		{"end", commands.End{ID: license}, "end " + license},
		{"keep by a part", commands.Keep{Part: "5c6e"}, "keep 5c6e"},
		{"approve", commands.Approve{ID: order}, "approve " + order},
		{"deny", commands.Deny{ID: order, Reason: "R&D pays"}, "deny " + order + ` "R&amp;D pays"`},
		{"budget", commands.Budget{}, "budget"},
		{"resume without a reason", commands.Resume{}, "resume"},
		{"settle", commands.Settle{ID: order}, "settle " + order},
		{"pause", commands.Pause{Reason: `the "odd" item & more`}, `pause "the \"odd\" item &amp; more"`},
		{"resume", commands.Resume{Reason: "paid back"}, `resume "paid back"`},
		{"help", commands.Help{}, "help"},
		{"help on a topic", commands.Help{Topic: "buy"}, "help buy"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := commands.Format(c.command); got != c.want {
				t.Errorf("Format = %q, want %q", got, c.want)
			}
		})
	}
}

func BenchmarkParse(b *testing.B) {
	for _, bench := range []struct{ name, text string }{
		{"usual", `buy ram=16 cpu=2`},
		{"all fields", `buy ram=16 GB cpu=2 cores disk=10 run_limit=30 member=yes uptime=always running user=academic ` +
			`boost=no start=2027-01-01 end=2027-01-31 title=“R&amp;D for <@U123|bob>” description="a b c" reason='why not' ` +
			`project=` + project},
		{"mistakes", `byu rma=16 cpu 2 users=30 title=my license yearly`},
	} {
		b.Run(bench.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				commands.Parse(bench.text)
			}
		})
	}
}
