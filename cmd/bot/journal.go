package main

import (
	"fmt"
	"io"
	"iter"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"licensebot/commands"
	"licensebot/internal/cli"
)

// A journal holds every entry of the purchase log as a double-entry transaction: the charge goes from the payment
// account to the expense account.
type journal struct {
	format           string // hledger, ledger or beancount
	expense, payment string
	// included is set if books that open both accounts include this journal: beancount wants each account opened once.
	included bool
}

var journalFormats = []string{"hledger", "ledger", "beancount"}

// currency is what CoCalc charges.
const currency = "USD"

// The default accounts of a journal. They are valid in each format.
const (
	expenseAccount = "Expenses:Software:CoCalc"
	paymentAccount = "Assets:Prepaid:CoCalc"
)

// options adds the options of a journal.
func (j *journal) options(cmd *cobra.Command) {
	cmd.Flags().StringVar(&j.format, "format", "", "print a journal for `PROGRAM`: hledger, ledger or beancount")
	cmd.Flags().StringVar(&j.expense, "expense-account", expenseAccount,
		"the journal's account `NAME` that charges are booked to")
	cmd.Flags().StringVar(&j.payment, "payment-account", paymentAccount,
		"the journal's account `NAME` that they are paid from")
	cmd.Flags().BoolVar(&j.included, "no-open", false,
		"leave out beancount's open directives, because your books already open both accounts")
	formats := cobra.FixedCompletions(journalFormats, cobra.ShellCompDirectiveNoFileComp)
	if err := cmd.RegisterFlagCompletionFunc("format", formats); err != nil {
		panic(err) // there is no such option
	}
}

// check returns an error for options that contradict each other. Without a format, there is no journal.
func (j *journal) check(cmd *cobra.Command, form listing) error {
	if j.format != "" {
		if form.json || form.csv {
			return fmt.Errorf("choose one of --format, --json and --csv: %w", cli.ErrUsage)
		}
		return j.checkAccounts()
	}
	for _, option := range []string{"format", "expense-account", "payment-account", "no-open"} {
		if cmd.Flags().Changed(option) {
			return fmt.Errorf("--%s needs --format hledger, ledger or beancount: %w", option, cli.ErrUsage)
		}
	}
	return nil
}

// metaKeys are the names of a transaction's metadata, in order.
var metaKeys = []string{"entry", "order", "license", "requester", "channel", "item", "purchase", "bought", "month"}

// meta returns the metadata of an entry, none of which people wrote.
func (e entry) meta() map[string]string {
	values := map[string]string{
		"entry": strconv.FormatUint(e.Number, 10), "order": string(e.Order), "license": e.LicenseID,
		"requester": e.Requester.ID,
		"channel":   e.Place.ID, "bought": e.Time.UTC().Format(time.RFC3339), "month": e.Month,
	}
	if e.ItemID != 0 {
		values["item"] = strconv.FormatInt(e.ItemID, 10)
	}
	if e.PurchaseID != 0 {
		values["purchase"] = strconv.FormatInt(e.PurchaseID, 10)
	}
	return values
}

// narration returns the text of an entry: its kind, what was bought and for whom. It begins with a word of the program,
// so that no text of people stands where a program looks for a mark or a code.
func (e entry) narration() string {
	what := e.Spec.Summary()
	if title := prose(e.Spec.Title); title != "" {
		what = title
	}
	kind := "license"
	switch {
	case e.Kind.IsUpkeep():
		kind = kindOf(e.Purchase)
	case e.Correction:
		kind = "correction"
	case e.Duplicate:
		kind = "bought twice"
	}
	who := prose(e.Requester.Name)
	if who == "" {
		who = prose(e.Requester.ID)
	}
	return fmt.Sprintf("%s %s for %s", kind, what, who)
}

// prose returns people's text for use in a transaction's text. It replaces characters that begin a comment or separate
// a payee from its note, since the formats have no common way to escape them.
func prose(text string) string {
	return strings.NewReplacer(";", ",", "|", "/").Replace(commands.OneLine(text))
}

// identifier removes everything from an id that a journal could take for something else.
func identifier(id string) string {
	return strings.Map(func(r rune) rune {
		if r < utf8.RuneSelf && (unicode.IsLetter(r) || unicode.IsDigit(r) || strings.ContainsRune("-:", r)) {
			return r
		}
		return -1
	}, id)
}

// The account names that a format accepts, or fewer: names that begin with a special character (a mark, a virtual
// account, a comment) are excluded, and so are two spaces in a row, which end a name.
var (
	plainAccount = regexp.MustCompile(`^[\pL\p{Nd}][\pL\pM\p{Nd}'&/._-]*( ` +
		`[\pL\pM\p{Nd}'&/._-]+)*(:[\pL\p{Nd}][\pL\pM\p{Nd}'&/._-]*( [\pL\pM\p{Nd}'&/._-]+)*)*$`)
	beancountAccount = regexp.MustCompile(`^(Assets|Liabilities|Equity|Income|Expenses)(:[\p{Lu}\p{Nd}][\pL\p{Nd}-]*)+$`)
)

// checkAccounts returns an error for an unknown format, or accounts that the format doesn't allow.
func (j *journal) checkAccounts() error {
	if !slices.Contains(journalFormats, j.format) {
		return fmt.Errorf("--format %q: choose hledger, ledger or beancount: %w", j.format, cli.ErrUsage)
	}
	names, rule := plainAccount,
		"parts that begin with a letter or a digit and hold letters, digits, single spaces and -_.&/', with colons between"
	if j.format == "beancount" {
		names, rule = beancountAccount, "Assets, Liabilities, Equity, Income or Expenses, a colon, and parts of letters, "+
			"digits and hyphens that begin with a capital letter or a digit"
	}
	for _, account := range []struct{ flag, name string }{
		{"--expense-account", j.expense},
		{"--payment-account", j.payment},
	} {
		if !utf8.ValidString(account.name) || !names.MatchString(account.name) {
			return fmt.Errorf("%s %q is not an account name that %s accepts: use %s, as in %s: %w", account.flag, account.name,
				j.format, rule, expenseAccount, cli.ErrUsage)
		}
	}
	if j.expense == j.payment {
		return fmt.Errorf("--expense-account and --payment-account are both %q: nothing would be booked: %w", j.expense,
			cli.ErrUsage)
	}
	return nil
}

// write prints the whole journal of n entries.
func (j *journal) write(out io.Writer, n int, all iter.Seq2[entry, error]) error {
	fmt.Fprintf(out, "; The purchase log of licensebot, %s.\n", plural(n, "entry", "entries"))
	accounts := fmt.Sprintf("account %s\naccount %s\n", j.expense, j.payment)
	var opening string
	switch j.format {
	case "hledger":
		// The decimal mark also applies if a journal with another one includes this file. The currency is not declared:
		// that would change how those books show it.
		opening = "decimal-mark .\n" + accounts
	case "ledger":
		opening = "commodity " + currency + "\n" + accounts
		for _, key := range metaKeys {
			opening += "tag " + key + "\n"
		}
	}
	if _, err := io.WriteString(out, opening); err != nil {
		return err
	}
	mustOpen := j.format == "beancount" && !j.included
	for e, err := range all {
		if err != nil {
			return err
		}
		if mustOpen { // with the date of the first entry
			fmt.Fprintf(out, "%s open %s %s\n%[1]s open %[4]s %[3]s\n", e.booked, j.expense, currency, j.payment)
			mustOpen = false
		}
		fmt.Fprintln(out)
		if err := j.transaction(out, e); err != nil {
			return err
		}
	}
	return nil
}

// transaction prints one entry.
func (j *journal) transaction(out io.Writer, e entry) error {
	comment, quote := "; ", func(value string) string { return value }
	if j.format == "beancount" {
		comment, quote = "", func(value string) string { return `"` + value + `"` }
		fmt.Fprintf(out, "%s * \"CoCalc\" \"%s\"\n", e.booked,
			strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(e.narration()))
	} else {
		fmt.Fprintf(out, "%s * (%d) CoCalc | %s\n", e.booked, e.Number, e.narration())
	}
	values := e.meta()
	for _, key := range metaKeys {
		if value := identifier(values[key]); value != "" {
			fmt.Fprintf(out, "    %s%s: %s\n", comment, key, quote(value))
		}
	}
	width := max(len([]rune(j.expense)), len([]rune(j.payment)))
	for _, posting := range []struct{ account, amount string }{
		{j.expense, dollarsOf(e.Charged)},
		{j.payment, dollarsOf(-e.Charged)},
	} {
		if _, err := fmt.Fprintf(out, "    %-*s  %12s %s\n", width, posting.account, posting.amount, currency); err != nil {
			return err
		}
	}
	return nil
}
