package commands_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"licensebot/commands"
	"licensebot/internal/goldenfile"
)

// The sentences for mistakes are in testdata/mistakes.txt, where they can be read one after another.
func TestParse_Mistakes(t *testing.T) {
	var told strings.Builder
	const many = "a1=1 a2=1 a3=1 a4=1 a5=1 a6=1 a7=1 a8=1 a9=1 b1=1 b2=1 b3=1 b4=1 b5=1 b6=1 b7=1 b8=1 b9=1 c1=1 c2=1 " +
		"c3=1 c4=1 c5=1"
	for _, c := range []struct {
		name, text string
		understood string // as Format prints it
	}{
		// Commands.
		{"swapped letters in a command", "byu ram=16", "buy ram=16"},
		{"a letter too few", "histry", "history"},
		{"a command broken off", "canc " + order, "cancel " + order},
		{"no command at all", "xyzzy", "help"},
		{"fields without a command", "ram=16 cpu = 2", "quote ram=16 cpu=2"},
		{"fields without a command, misspelt", "rma=16", "quote"},
		{"only the id of a license", license, "show " + license},
		{"only the id of an order", order, "order " + order},
		{"mistakes in command and fields together", "byu rma=1 cpu=x", "buy"},

		{"renew", "renew " + license, "help"},
		{"export", "Export csv.", "help"},
		{"mine", "mine", "help"},
		{"upgrade", "upgrade " + license, "help"},
		{"refund", "refund", "help"},
		{"delete a license", "delete " + license, "help"},
		{"balance", "balance?", "help"},
		{"help on something elsewhere", "help renew", "help"},

		// Keys.
		{"swapped letters in a key", "buy rma=16 cpu=2", "buy cpu=2"},
		{"a key near to another word for a field", "buy memry=16", "buy"},
		{"a key broken off", "buy descr=x", "buy"},
		{"a key like no other", "buy colour=red", "buy"},
		{"a key that may mean two fields", "buy users=30", "buy"},
		{"an unknown option", "buy --gpuss 4", "buy"},
		{"what no license has", "buy gpu=1 --cuda", "buy"},
		{"a field twice", "buy ram=16 ram=8", "buy ram=16"},
		{"a field twice with the same value", "buy ram=16 RAM=16", "buy ram=16"},
		{"a field twice in two words", "buy ram=16 memory=8", "buy ram=16"},
		{"a field said and denied", "buy --boost --no-boost", "buy boost=yes"},
		{"a misspelt field beside the right one", "buy rma=8 ram=16", "buy ram=16"},

		// Values.
		{"no value at the end", "buy ram=", "buy"},
		{"no value before the next field", "buy ram= cpu=2", "buy cpu=2"},
		{"no value before the next option", "buy --ram --cpu 2", "buy cpu=2"},
		{"a fraction", "buy ram=1.5", "buy"},
		{"a fraction with a comma and a unit", "buy ram=1,5 GB", "buy"},
		{"a negative number", "buy ram=-3", "buy"},
		{"a number in words", "buy cpu=two", "buy"},
		{"too big a number", "buy ram=2147483648", "buy"},
		{"a number that no machine holds", "buy ram=99999999999999999999", "buy"},
		{"another unit", "buy ram=16 MB disk=1TB", "buy"},
		{"weeks", "buy days=2 weeks", "buy"},
		{"neither yes nor no", "buy member=maybe", "buy"},
		{"a choice misspelt", "buy user=acadmic", "buy"},
		{"a choice like no other", "buy uptime=forever", "buy"},
		{"a date in another order", "buy end=31/1/2027", "buy"},
		{"a date in words", "buy end=soon", "buy"},
		{"a day that never comes", "buy end=2027-02-29", "buy"},
		{"a start that goes without saying", "buy start=today days=3", "buy days=3"},
		{"a number of projects", "buy project=10", "buy"},
		{"no project's id", "buy project=physics", "buy"},
		{"the link of a license as project", "buy project=https://cocalc.com/settings/licenses?id=" + license, "buy"},

		// Terms.
		{"days and end", "buy days=3 end=2027-01-31", "buy end=2027-01-31 days=3"},
		{"no days", "buy days=0", "buy days=0"},
		{"a start alone", "buy start=2027-01-01", "buy start=2027-01-01"},
		{"a range alone", "buy period=range", "buy period=range"},
		{"a term that renews", "buy period=yearly days=30", "buy period=yearly days=30"},
		{"a start that renews", "buy period=monthly start=2027-01-01", "buy period=monthly start=2027-01-01"},
		{"an end that was not understood is an end", "buy start=2027-01-01 end=soon", "buy start=2027-01-01"},
		{"an end that was misspelt is an end", "buy start=2027-01-01 edn=2027-01-31", "buy start=2027-01-01"},

		// Words that belong nowhere.
		{"stray words", "buy foo bar ram=16 please", "buy ram=16"},
		{"a field without its mark", "buy ram 16 cpu 2 cores", "buy"},
		{"a field without its value", "buy ram", "buy"},
		{"a choice without its field", "buy ram=16 yearly", "buy ram=16"},
		{"a title without quotes", "buy title=my big disk 5 ram=16", `buy ram=16 title="my"`},
		{"a text in quotes without its field", `buy "my license"`, "buy"},
		{"words behind a title in quotes", `buy title="a b" c`, `buy title="a b"`},
		{"an open quote", `buy cpu=2 title="my license ram=16`, "buy cpu=2"},
		{"an open curly quote", `buy title=“my license`, "buy"},
		{"an apostrophe that opens a quote", "buy title='tis ram=1", "buy"},
		{"an address", "buy https://a.example/?ram=1", "buy"},
		{"marks of their own", "buy = :", "buy"},

		// Lists.
		{"a filter misspelt", "list expird", "list"},
		{"a filter like no other", "list course", "list"},
		{"a filter of persons", "list mine", "list"},
		{"the history of a person", "history <@U123|bob>", "history"},
		{"the history of oneself", "history my", "history"},
		{"two filters", "list all expired", "list all"},
		{"page zero", "list page=0", "list"},
		{"a page in words", "history page=last", "history"},
		{"a page twice", "history page=1 page=2", "history"},
		{"a page without its number", "list page=", "list"},
		{"a page without its mark", "list page 2", "list"},
		{"a number alone", "history 3", "history"},
		{"a setting that histories do not have", "history filter=all", "history"},
		{"a setting that lists do not have", "list limit=5", "list"},
		{"a word that histories do not have", "history of everything", "history"},
		{"an open quote in a list", `list "all`, "list"},

		// Ids.
		{"show nothing", "show", "show"},
		{"show something else", "show my license", "show"},
		{"show an order", "show " + order, "show"},
		{"show a project", "show https://cocalc.com/projects/" + project, "show"},
		{"show two", "show " + license + " " + project, "show " + license},
		{"an id with a letter that no id has", "show " + license[1:] + "g", "show"},
		{"an id of three characters", "show 5c6", "show"},
		{"an order's id of three characters", "order RST", "order"},
		{"a part of an order's id where something is decided", "cancel " + order[:12], "cancel"},
		{"order nothing", "order", "order"},
		{"cancel nothing", "cancel order", "cancel"},
		{"an order with a letter that no id has", "order 01JD8Z3V5TQ4X6B7N8M9P0RSTU", "order"},
		{"an order too late for the clock", "order 81JD8Z3V5TQ4X6B7N8M9P0RSTW", "order"},
		{"end an order", "end " + order, "end"},
		{"end nothing", "end", "end"},
		{"end a date, as the field", "end=2027-01-31", "quote end=2027-01-31"},
		{"cancel a license", "cancel " + license, "cancel"},
		{"settle nothing", "settle", "settle"},
		{"pause without a reason", "pause", "pause"},
		{"approve nothing", "approve", "approve"},
		{"deny nothing", "deny order", "deny"},
		{"deny without an id", "deny too expensive", "deny"},
		{"deny without a reason", "deny " + order + " …", "deny " + order},
		{"deny with a reason that nobody would read", "deny " + order + " " + strings.Repeat("a", 501), "deny " + order +
			` "` + strings.Repeat("a", 500) + `"`},
		{"a budget of something", "budget november", "budget"},
		{"pause with marks alone", "pause --- !!", "pause"},
		{"a reason that nobody would read", "pause " + strings.Repeat("a", 501), `pause "` + strings.Repeat("a", 500) + `"`},
		{"cancel two", "cancel " + order + " " + order, "cancel " + order},
		{"help on something misspelt", "help uptme", "help uptime"},
		{"help on nothing we know", "help xyzzy", "help"},

		// What a sentence repeats.
		{"code marks", "buy ram=a`b`c", "buy"},
		{"code marks in quotes", "buy ram=\"a`b\"", "buy"},
		{"nothing but code marks", "buy ram=\"``\"", "buy"},
		{"a mention that people made by hand", "buy ram=&lt;@U123&gt;", "buy"},
		{"a long value", "buy ram=" + strings.Repeat("é", 50), "buy"},
		{"the same twice", "buy foo ram=1 foo", "buy ram=1"},
		{"more than can be told", "buy " + many, "buy"},
	} {
		t.Run(c.name, func(t *testing.T) {
			command, mistakes := commands.Parse(c.text)
			if len(mistakes) == 0 {
				t.Errorf("Parse(%q): got no mistake, want one", c.text)
			}
			fmt.Fprintf(&told, "%s\n> %.80s\n", c.name, c.text)
			for _, m := range mistakes {
				fmt.Fprintf(&told, "%s\n", m.Sentence)
			}
			told.WriteString("\n")
			if got := commands.Format(command); got != c.understood {
				t.Errorf("Parse(%q) understood %q, want %q", c.text, got, c.understood)
			}
			checkSentences(t, mistakes)
		})
	}
	goldenfile.Compare(t, filepath.Join("testdata", "mistakes.txt"), told.String())
}

func TestParse_MistakeDetails(t *testing.T) {
	_, mistakes := commands.Parse("buy rma=1 cpu=x user=acadmic foo")
	want := []commands.Mistake{
		{Text: "rma", Nearest: "ram", Sentence: "`rma` isn't a field. Did you mean `ram`?"},
		{Text: "x", Field: "cpu", Sentence: "`cpu` must be a whole number, e.g. `cpu=2`."},
		{
			Text: "acadmic", Field: "user", Nearest: "academic",
			Sentence: "`user` can't be `acadmic`. Did you mean `user=academic`?",
		},
		{Text: "foo", Sentence: "I couldn't read `foo`. Write fields as `ram=16 cpu=2`."},
	}
	if diff := cmp.Diff(want, mistakes); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestParse_LongText(t *testing.T) {
	_, mistakes := commands.Parse(`buy description="` + strings.Repeat("ä ", 20_000) + `"`)
	if len(mistakes) == 0 || mistakes[0].Sentence != "Your text is too long. I read the first 16384 bytes." {
		t.Errorf("got mistakes %v, want the first to say that the text is too long", mistakes)
	}
	checkSentences(t, mistakes)
}
