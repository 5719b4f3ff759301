package commands_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"licensebot/commands"
)

func TestMistakes(t *testing.T) {
	const many = "a1=1 a2=1 a3=1 a4=1 a5=1 a6=1 a7=1 a8=1 a9=1 b1=1 b2=1 b3=1 b4=1 b5=1 b6=1 b7=1 b8=1 b9=1 c1=1 c2=1 c3=1 c4=1 c5=1"
	for _, c := range []struct {
		name, text string
		want       []string // sentences
		understood string   // as Format prints it
	}{
		// Commands.
		{"swapped letters in a command", "byu ram=16", []string{"`byu`: did you mean `buy`?"}, "buy ram=16"},
		{"a letter too few", "histry", []string{"`histry`: did you mean `history`?"}, "history"},
		{"a command broken off", "canc " + order, []string{"`canc`: did you mean `cancel`?"}, "cancel " + order},
		{"no command at all", "xyzzy", []string{"`xyzzy` is not a command; there are buy, quote, list, show, history, order, cancel, approve, deny, budget, settle, pause, resume and help."}, "help"},
		{"fields without a command", "ram=16 cpu = 2", []string{
			"Begin with what to do: `buy` and the fields to buy, `quote` and the fields to see a price.",
		}, "quote ram=16 cpu=2"},
		{"fields without a command, misspelt", "rma=16", []string{
			"Begin with what to do: `buy` and the fields to buy, `quote` and the fields to see a price.",
			"`rma`: did you mean `ram`?",
		}, "quote"},
		{"only the id of a license", license, []string{"`" + license + "`: did you mean `show " + license + "`?"}, "show " + license},
		{"only the id of an order", order, []string{"`" + order + "`: did you mean `order " + order + "`?"}, "order " + order},
		{"mistakes in command and fields together", "byu rma=1 cpu=x", []string{
			"`byu`: did you mean `buy`?",
			"`rma`: did you mean `ram`?",
			"`cpu` takes whole numbers only, and `x` is none; write it as in `cpu=2`.",
		}, "buy"},

		// Keys.
		{"swapped letters in a key", "buy rma=16 cpu=2", []string{"`rma`: did you mean `ram`?"}, "buy cpu=2"},
		{"a key near to another word for a field", "buy memry=16", []string{"`memry`: did you mean `ram`?"}, "buy"},
		{"a key broken off", "buy descr=x", []string{"`descr`: did you mean `description`?"}, "buy"},
		{"a key like no other", "buy colour=red", []string{
			"`colour` is not a field; there are ram, cpu, disk, run_limit, member, uptime, user, boost, period, start, end, days, title, description, reason and project.",
		}, "buy"},
		{"a key that may mean two fields", "buy users=30", []string{
			"`users`: write `run_limit=30` for how many projects run at the same time, or `user=academic` for the kind of customer.",
		}, "buy"},
		{"an unknown option", "buy --gpus 4", []string{"`gpus`: did you mean `cpu`?"}, "buy"},
		{"a field twice", "buy ram=16 ram=8", []string{"`ram` is given twice; say it once."}, "buy ram=16"},
		{"a field twice with the same value", "buy ram=16 RAM=16", []string{"`RAM` is given twice; say it once."}, "buy ram=16"},
		{"a field twice in two words", "buy ram=16 memory=8", []string{"`ram` and `memory` say the same thing; give it once."}, "buy ram=16"},
		{"a field said and denied", "buy --boost --no-boost", []string{"`boost` and `no-boost` say the same thing; give it once."}, "buy boost=yes"},
		{"a misspelt field beside the right one", "buy rma=8 ram=16", []string{"`rma`: did you mean `ram`?"}, "buy ram=16"},

		// Values.
		{"no value at the end", "buy ram=", []string{"`ram` has no value; write it as in `ram=16`."}, "buy"},
		{"no value before the next field", "buy ram= cpu=2", []string{"`ram` has no value; write it as in `ram=16`."}, "buy cpu=2"},
		{"no value before the next option", "buy --ram --cpu 2", []string{"`ram` has no value; write it as in `ram=16`."}, "buy cpu=2"},
		{"a fraction", "buy ram=1.5", []string{"`ram` takes whole numbers only, and `1.5` is none; write it as in `ram=16`."}, "buy"},
		{"a fraction with a comma and a unit", "buy ram=1,5 GB", []string{
			"`ram` takes whole numbers only, and `1,5` is none; write it as in `ram=16`.",
			"`GB` belongs to no field; fields are written as in `ram=16` or `title=\"two words\"`.",
		}, "buy"},
		{"a negative number", "buy ram=-3", []string{"`ram` takes whole numbers only, and `-3` is none; write it as in `ram=16`."}, "buy"},
		{"a number in words", "buy cpu=two", []string{"`cpu` takes whole numbers only, and `two` is none; write it as in `cpu=2`."}, "buy"},
		{"too big a number", "buy ram=2147483648", []string{"`ram`: the number `2147483648` is too big."}, "buy"},
		{"a number that no machine holds", "buy ram=99999999999999999999", []string{"`ram`: the number `99999999999999999999` is too big."}, "buy"},
		{"another unit", "buy ram=16 MB disk=1TB", []string{
			"`ram` counts GB, and `16 MB` is in another unit; write it as in `ram=16`.",
			"`disk` counts GB, and `1TB` is in another unit; write it as in `disk=15`.",
		}, "buy"},
		{"weeks", "buy days=2 weeks", []string{"`days` counts days, and `2 weeks` is in another unit; write it as in `days=30`."}, "buy"},
		{"neither yes nor no", "buy member=maybe", []string{"`member` is yes or no, and `maybe` is neither; write it as in `member=yes`."}, "buy"},
		{"a choice misspelt", "buy user=acadmic", []string{"`acadmic`: did you mean `user=academic`?"}, "buy"},
		{"a choice like no other", "buy uptime=forever", []string{"`uptime` is short, medium, day or always_running, and `forever` is none of them."}, "buy"},
		{"a date in another order", "buy end=31.1.2027", []string{"`end` takes a date as year-month-day, and `31.1.2027` is none; write it as in `end=2027-01-31`."}, "buy"},
		{"a date in words", "buy end=soon", []string{"`end` takes a date as year-month-day, and `soon` is none; write it as in `end=2027-01-31`."}, "buy"},
		{"a day that never comes", "buy end=2027-02-29", []string{"`end`: the calendar has no day `2027-02-29`."}, "buy"},
		{"a start that goes without saying", "buy start=today days=3", []string{"Leave `start` out for a license that begins when it is bought."}, "buy days=3"},
		{"a number of projects", "buy project=10", []string{"`project` takes the id of a project; for how many run at the same time write `run_limit=10`."}, "buy"},
		{"no project's id", "buy project=physics", []string{"`project` takes the id or the link of a project, and `physics` is neither; an id looks like `" + project + "`."}, "buy"},
		{"the link of a license as project", "buy project=https://cocalc.com/settings/licenses?id=" + license, []string{
			"`project` takes the id of a project, and `https://cocalc.com/settings/licenses?id…` is the link of a license.",
		}, "buy"},

		// Terms.
		{"days and end", "buy days=3 end=2027-01-31", []string{"`days` and `end` both say when the license ends; keep one of them."}, "buy end=2027-01-31 days=3"},
		{"no days", "buy days=0", []string{"`days` must be at least 1, not 0."}, "buy days=0"},
		{"a start alone", "buy start=2027-01-01", []string{"`start` needs an end: add `days=30` or `end=2027-01-31`."}, "buy start=2027-01-01"},
		{"a range alone", "buy period=range", []string{"`period=range` needs an end: add `days=30` or `end=2027-01-31`."}, "buy period=range"},
		{"a term that renews", "buy period=yearly days=30", []string{
			"`period=yearly` renews until it is cancelled, and `end` or `days` makes a fixed term; keep one of them.",
		}, "buy period=yearly days=30"},
		{"a start that renews", "buy period=monthly start=2027-01-01", []string{
			"`period=monthly` begins when it is bought, and `start` is for a fixed term, which also needs `end` or `days`.",
		}, "buy period=monthly start=2027-01-01"},
		{"an end that was not understood is an end", "buy start=2027-01-01 end=soon", []string{
			"`end` takes a date as year-month-day, and `soon` is none; write it as in `end=2027-01-31`.",
		}, "buy start=2027-01-01"},
		{"an end that was misspelt is an end", "buy start=2027-01-01 edn=2027-01-31", []string{"`edn`: did you mean `end`?"}, "buy start=2027-01-01"},

		// Words that belong nowhere.
		{"stray words", "buy foo bar ram=16 please", []string{
			"`foo bar` belongs to no field; fields are written as in `ram=16` or `title=\"two words\"`.",
			"`please` belongs to no field; fields are written as in `ram=16` or `title=\"two words\"`.",
		}, "buy ram=16"},
		{"a field without its mark", "buy ram 16 cpu 2 cores", []string{"`ram 16`: did you mean `ram=16`?", "`cpu 2 cores`: did you mean `cpu=2`?"}, "buy"},
		{"a field without its value", "buy ram", []string{"`ram` has no value; write it as in `ram=16`."}, "buy"},
		{"a choice without its field", "buy ram=16 yearly", []string{"`yearly`: did you mean `period=yearly`?"}, "buy ram=16"},
		{"a title without quotes", "buy title=my big disk 5 ram=16", []string{"Text with blanks goes in quotes: `title=\"my big disk 5\"`."}, `buy ram=16 title="my"`},
		{"a text in quotes without its field", `buy "my license"`, []string{
			"`my license` belongs to no field; fields are written as in `ram=16` or `title=\"two words\"`.",
		}, "buy"},
		{"words behind a title in quotes", `buy title="a b" c`, []string{
			"`c` belongs to no field; fields are written as in `ram=16` or `title=\"two words\"`.",
		}, `buy title="a b"`},
		{"an open quote", `buy cpu=2 title="my license ram=16`, []string{"The quote that begins with `\"my license ram=16` is not closed."}, "buy cpu=2"},
		{"an open curly quote", `buy title=“my license`, []string{"The quote that begins with `“my license` is not closed."}, "buy"},
		{"an apostrophe that opens a quote", "buy title='tis ram=1", []string{"The quote that begins with `'tis ram=1` is not closed."}, "buy"},
		{"an address", "buy https://a.example/?ram=1", []string{
			"`https://a.example/?ram=1` belongs to no field; fields are written as in `ram=16` or `title=\"two words\"`.",
		}, "buy"},
		{"marks of their own", "buy = :", []string{"`= :` belongs to no field; fields are written as in `ram=16` or `title=\"two words\"`."}, "buy"},

		// Lists.
		{"a filter misspelt", "list expird", []string{"`expird`: did you mean `expired`?"}, "list"},
		{"a filter like no other", "list mine", []string{"`mine` means nothing here; a list is of licenses that are active, expired or all."}, "list"},
		{"two filters", "list all expired", []string{"`all` and `expired` contradict each other; keep one of them."}, "list all"},
		{"page zero", "list page=0", []string{"`page` takes a whole number from 1, and `0` is none; write it as in `page=2`."}, "list"},
		{"a page in words", "history page=last", []string{"`page` takes a whole number from 1, and `last` is none; write it as in `page=2`."}, "history"},
		{"a page twice", "history page=1 page=2", []string{"`page` is given twice; say it once."}, "history"},
		{"a page without its number", "list page=", []string{"`page` has no value; write it as in `page=2`."}, "list"},
		{"a page without its mark", "list page 2", []string{"`page 2`: did you mean `page=2`?"}, "list"},
		{"a number alone", "history 3", []string{"`3`: did you mean `page=3`?"}, "history"},
		{"a setting that histories do not have", "history filter=all", []string{"`filter` is not a setting here; the only one is `page`."}, "history"},
		{"a setting that lists do not have", "list limit=5", []string{"`limit` is not a setting here; there are page and filter."}, "list"},
		{"a word that histories do not have", "history of everything", []string{
			"`of` means nothing here; the one setting is `page=2`.",
			"`everything` means nothing here; the one setting is `page=2`.",
		}, "history"},
		{"an open quote in a list", `list "all`, []string{"The quote that begins with `\"all` is not closed."}, "list"},

		// Ids.
		{"show nothing", "show", []string{"`show` needs the id of a license, which `list` shows."}, "show"},
		{"show something else", "show my license", []string{
			"`my` is not the id of a license; those look like `" + license + "`, and `list` shows them.",
		}, "show"},
		{"show an order", "show " + order, []string{"`" + order + "` is the id of an order: write `order " + order + "`."}, "show"},
		{"show a project", "show https://cocalc.com/projects/" + project, []string{
			"`show` takes a license, and `https://cocalc.com/projects/8c7e9a10-3b…` is the link of a project.",
		}, "show"},
		{"show two", "show " + license + " " + project, []string{
			"`show` takes one license id, and `" + license + " 8c…` is more than that.",
		}, "show " + license},
		{"an id that lost a character", "show " + license[1:], []string{
			"`" + license[1:] + "` is not the id of a license; those look like `" + license + "`, and `list` shows them.",
		}, "show"},
		{"order nothing", "order", []string{"`order` needs the id of an order, which its card shows."}, "order"},
		{"cancel nothing", "cancel order", []string{"`cancel` needs the id of an order, which its card shows."}, "cancel"},
		{"an order with a letter that no id has", "order 01JD8Z3V5TQ4X6B7N8M9P0RSTU", []string{
			"`01JD8Z3V5TQ4X6B7N8M9P0RSTU` is not the id of an order; those have 26 letters and digits, as in `" + order + "`.",
		}, "order"},
		{"an order too late for the clock", "order 81JD8Z3V5TQ4X6B7N8M9P0RSTW", []string{
			"`81JD8Z3V5TQ4X6B7N8M9P0RSTW` is not the id of an order; those have 26 letters and digits, as in `" + order + "`.",
		}, "order"},
		{"cancel a license", "cancel " + license, []string{
			"`" + license + "` is the id of a license, and `cancel` takes an order; to see the license write `show " + license + "`.",
		}, "cancel"},
		{"settle nothing", "settle", []string{"`settle` needs the id of an order, which its card shows."}, "settle"},
		{"pause without a reason", "pause", []string{"`pause` needs a reason, which people will read: `pause somebody else is clearing the cart`."}, "pause"},
		{"approve nothing", "approve", []string{"`approve` needs the id of an order, which its card shows."}, "approve"},
		{"deny nothing", "deny order", []string{"`deny` needs the id of an order, which its card shows."}, "deny"},
		{"deny without an id", "deny too expensive", []string{"`too` is not the id of an order; those have 26 letters and digits, as in `" + order + "`."}, "deny"},
		{"deny without a reason", "deny " + order + " …", []string{"`deny` needs a reason, which the requester will read: `deny " + order + " the course of spring has one already`."}, "deny " + order},
		{"deny with a reason that nobody would read", "deny " + order + " " + strings.Repeat("a", 501), []string{"A reason has at most 500 characters, and this has 501."}, "deny " + order + ` "` + strings.Repeat("a", 500) + `"`},
		{"a budget of something", "budget november", []string{"`budget` takes nothing more, and `november` is too much."}, "budget"},
		{"pause with marks alone", "pause --- !!", []string{"`pause` needs a reason, which people will read: `pause somebody else is clearing the cart`."}, "pause"},
		{"a reason that nobody would read", "pause " + strings.Repeat("a", 501), []string{"A reason has at most 500 characters, and this has 501."}, `pause "` + strings.Repeat("a", 500) + `"`},
		{"cancel two", "cancel " + order + " " + order, []string{
			"`cancel` takes one order id, and `" + order + " 01JD8Z3V5TQ4…` is more than that.",
		}, "cancel " + order},
		{"help on something misspelt", "help uptme", []string{"`uptme`: did you mean `uptime`?"}, "help uptime"},
		{"help on nothing we know", "help xyzzy", []string{
			"`xyzzy` is not a command; there are buy, quote, list, show, history, order, cancel, approve, deny, budget, settle, pause, resume and help.",
		}, "help"},

		// What a sentence repeats.
		{"code marks", "buy ram=a`b`c", []string{
			"`ram` takes whole numbers only, and `a` is none; write it as in `ram=16`.",
			"`b c` belongs to no field; fields are written as in `ram=16` or `title=\"two words\"`.",
		}, "buy"},
		{"code marks in quotes", "buy ram=\"a`b\"", []string{"`ram` takes whole numbers only, and `ab` is none; write it as in `ram=16`."}, "buy"},
		{"nothing but code marks", "buy ram=\"``\"", []string{"`ram` takes whole numbers only, and this is none; write it as in `ram=16`."}, "buy"},
		{"a mention that people made by hand", "buy ram=&lt;@U123&gt;", []string{"`ram` takes whole numbers only, and `@U123` is none; write it as in `ram=16`."}, "buy"},
		{"a long value", "buy ram=" + strings.Repeat("é", 50), []string{
			"`ram` takes whole numbers only, and `" + strings.Repeat("é", 39) + "…` is none; write it as in `ram=16`.",
		}, "buy"},
		{"the same twice", "buy foo ram=1 foo", []string{
			"`foo` belongs to no field; fields are written as in `ram=16` or `title=\"two words\"`.",
		}, "buy ram=1"},
		{"more than can be told", "buy " + many, append(manyFields(many, 20), "And 3 more mistakes."), "buy"},
	} {
		t.Run(c.name, func(t *testing.T) {
			command, mistakes := commands.Parse(c.text)
			var got []string
			for _, m := range mistakes {
				got = append(got, m.Sentence)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("Parse(%q), sentences, -want +got:\n%s", c.text, diff)
			}
			if got := commands.Format(command); got != c.understood {
				t.Errorf("Parse(%q) understood %q, want %q", c.text, got, c.understood)
			}
			checkSentences(t, mistakes)
		})
	}
}

// manyFields are the sentences for the first n of a list of unknown keys.
func manyFields(text string, n int) []string {
	var sentences []string
	for _, assignment := range strings.Fields(text)[:n] {
		key, _, _ := strings.Cut(assignment, "=")
		sentences = append(sentences, "`"+key+"` is not a field; there are ram, cpu, disk, run_limit, member, uptime, user, "+
			"boost, period, start, end, days, title, description, reason and project.")
	}
	return sentences
}

func TestMistakesNameFieldAndWord(t *testing.T) {
	_, mistakes := commands.Parse("buy rma=1 cpu=x user=acadmic foo")
	want := []commands.Mistake{
		{Text: "rma", Nearest: "ram", Sentence: "`rma`: did you mean `ram`?"},
		{Text: "x", Field: "cpu", Sentence: "`cpu` takes whole numbers only, and `x` is none; write it as in `cpu=2`."},
		{Text: "acadmic", Field: "user", Nearest: "academic", Sentence: "`acadmic`: did you mean `user=academic`?"},
		{Text: "foo", Sentence: "`foo` belongs to no field; fields are written as in `ram=16` or `title=\"two words\"`."},
	}
	if diff := cmp.Diff(want, mistakes); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestTextTooLongToRead(t *testing.T) {
	_, mistakes := commands.Parse(`buy description="` + strings.Repeat("ä ", 20_000) + `"`)
	if len(mistakes) == 0 || mistakes[0].Sentence != "The text is too long; at most 16384 bytes are read." {
		t.Errorf("mistakes = %v, want the first to say that the text is too long", mistakes)
	}
	checkSentences(t, mistakes)
}
