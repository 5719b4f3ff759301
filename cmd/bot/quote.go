package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"licensebot/bot"
	"licensebot/cocalc"
	"licensebot/commands"
	"licensebot/internal/cli"
	"licensebot/internal/config"
)

// maxLine is the longest line of --jsonl input; CoCalc itself takes no request above 1 MB.
const maxLine = 1 << 20

// newQuoteCommand prints the price of a license, or of many, one per line, for programs.
func newQuoteCommand(c stdio) *cobra.Command {
	cmd := &cobra.Command{Use: "quote 'ram=16 cpu=2' | quote --jsonl", Short: "print the price of a license"}
	cmd.Flags().SetInterspersed(false) // everything after the first word is the license
	jsonl := cmd.Flags().Bool("jsonl", false,
		"read a cart description (JSON) from each line of standard input, and print a price for each")
	cmd.Args = func(_ *cobra.Command, args []string) error {
		if *jsonl && len(args) > 0 {
			return fmt.Errorf("--jsonl reads licenses from standard input and takes no arguments, but got %q: %w", args[0],
				cli.ErrUsage)
		}
		return nil
	}
	cmd.RunE = func(_ *cobra.Command, args []string) error {
		if *jsonl {
			return quoteLines(c.in, c.out, time.Now)
		}
		return runQuote(strings.Join(args, " "), c)
	}
	return cmd
}

// runQuote prints the price of one license.
func runQuote(text string, c stdio) error {
	settings, err := config.ReadFor("LICENSE_DEFAULTS", "TIMEZONE")
	if err != nil {
		return err
	}
	defaults, _ := settings.LicenseSpec()
	return quoteWords(text, defaults, time.Now(), settings.Timezone.Location, c.out)
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

// quoteLines answers every line in order; a line that cannot be priced gets its error and stops nothing. An answer
// is written when there is nothing more to read at once, so that a program may ask line by line.
func quoteLines(in io.Reader, out io.Writer, now func() time.Time) error {
	r := bufio.NewReaderSize(in, 64<<10)
	w := bufio.NewWriter(out)
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	for {
		text, err := readLine(r)
		if errors.Is(err, io.EOF) {
			return w.Flush()
		}
		if err != nil && !errors.Is(err, errLongLine) {
			return errors.Join(w.Flush(), fmt.Errorf("read the descriptions: %w", err))
		}
		if err := encoder.Encode(price(text, err, now())); err != nil {
			return fmt.Errorf("write the prices: %w", err)
		}
		if r.Buffered() == 0 {
			if err := w.Flush(); err != nil {
				return fmt.Errorf("write the prices: %w", err)
			}
		}
	}
}

var errLongLine = fmt.Errorf("the line is longer than the %d bytes that CoCalc accepts", maxLine)

// readLine reads a line without its end; the last one may have none. Of a line above maxLine it keeps nothing.
func readLine(r *bufio.Reader) ([]byte, error) {
	var line []byte
	long := false
	for read := false; ; read = true {
		part, err := r.ReadSlice('\n')
		if !long {
			line = append(line, part...)
		}
		if long = long || len(bytes.TrimRight(line, "\r\n")) > maxLine; long {
			line = nil
		}
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case errors.Is(err, io.EOF) && (read || len(part) > 0): // the end of a last line without a line break
		case err != nil:
			return nil, err
		}
		if long {
			return nil, errLongLine
		}
		return bytes.TrimRight(line, "\r\n"), nil
	}
}

// price is the answer to one line, or to the error of reading it.
func price(description []byte, err error, now time.Time) priced {
	if err != nil {
		return priced{Error: err.Error()}
	}
	cost, err := cocalc.PriceDescription(json.RawMessage(description), now)
	if err != nil {
		return priced{Error: err.Error()}
	}
	return priced{
		CostCents: &cost.LineItemAmount, PerUnitCents: &cost.PerUnit, PerProjectPerMonthCents: &cost.PerProjectMonth,
		LineItemAmountCents: &cost.LineItemAmount, CheckoutTotalIfAloneCents: &cost.CheckoutTotal,
	}
}
