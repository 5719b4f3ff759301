package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"strings"
	"time"

	"licensebot/bot"
	"licensebot/cocalc"
	"licensebot/commands"
)

// maxLine is the longest line of --jsonl input; CoCalc itself takes no request above 1 MB.
const maxLine = 1 << 20

// runQuote says what a license costs: for people, or for programs line by line.
func runQuote(_ context.Context, args []string, c console) error {
	flags := flag.NewFlagSet("quote", flag.ContinueOnError)
	flags.SetOutput(c.err)
	jsonl := flags.Bool("jsonl", false, "read one cart description (JSON) per line from standard input, print one line each")
	if err := flags.Parse(args); err != nil {
		return errUsage
	}
	if *jsonl {
		return quoteLines(c.in, c.out, time.Now)
	}
	settings, err := readConfig()
	if err != nil {
		return err
	}
	defaults, err := settings.defaults()
	if err != nil {
		return err
	}
	return quoteWords(strings.Join(flags.Args(), " "), defaults, time.Now(), settings.Timezone.Location, c.out)
}

// quoteWords prints the price of a specification as people write it.
func quoteWords(text string, defaults cocalc.LicenseSpec, now time.Time, loc *time.Location, out io.Writer) error {
	f, mistakes := commands.ParseFields(text)
	spec := bot.Specify(defaults, f, now, loc)
	quote, err := cocalc.Price(spec, now)
	sentences := bot.Sentences(mistakes, f, err)
	if len(sentences) > 0 {
		return errors.New(strings.Join(sentences, "\n"))
	}
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "%s\n%s\n", bot.PriceWords(spec, quote), spec.Summary())
	return nil
}

// priced is one line of --jsonl output.
type priced struct {
	CostCents                 *cocalc.Cents `json:"cost_cents,omitempty"`
	PerUnitCents              *cocalc.Cents `json:"cost_per_unit_cents,omitempty"`
	PerProjectPerMonthCents   *cocalc.Cents `json:"cost_per_project_per_month_cents,omitempty"`
	LineItemAmountCents       *cocalc.Cents `json:"line_item_amount_cents,omitempty"`
	CheckoutTotalIfAloneCents *cocalc.Cents `json:"checkout_total_if_alone_cents,omitempty"`
	Error                     string        `json:"error,omitempty"`
}

// quoteLines answers every line in order; a line that cannot be priced gets its error and stops nothing.
func quoteLines(in io.Reader, out io.Writer, now func() time.Time) error {
	scanner := bufio.NewScanner(in)
	scanner.Buffer(make([]byte, 0, 64<<10), maxLine)
	w := bufio.NewWriter(out)
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	for scanner.Scan() {
		var line priced
		cost, err := cocalc.PriceDescription(json.RawMessage(scanner.Bytes()), now())
		if err != nil {
			line.Error = err.Error()
		} else {
			line = priced{CostCents: &cost.Total, PerUnitCents: &cost.PerUnit, PerProjectPerMonthCents: &cost.PerProjectMonth,
				LineItemAmountCents: &cost.LineItemAmount, CheckoutTotalIfAloneCents: &cost.CheckoutTotal}
		}
		if err := encoder.Encode(line); err != nil {
			return err
		}
	}
	if err := scanner.Err(); err != nil {
		return fmt.Errorf("read the descriptions: %w", err)
	}
	return w.Flush()
}
