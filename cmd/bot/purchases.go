package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"iter"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"licensebot/cocalc"
	"licensebot/internal/config"
	"licensebot/internal/escape"
	"licensebot/internal/records"
	"licensebot/purchase"
)

// purchasesOptions are the options of bot purchases.
type purchasesOptions struct {
	form  listing
	span  spanOptions
	books journal
}

// newPurchasesCommand prints the purchase log, oldest first, as text, JSON, CSV or a journal.
func newPurchasesCommand(c stdio) *cobra.Command {
	var o purchasesOptions
	cmd := &cobra.Command{
		Use: "purchases [--since WHEN] [--until WHEN] [--month MONTH] [--json|--csv [--bom]|--format " +
			"hledger|ledger|beancount]",
		Short: "print the purchase log, also as a double-entry journal",
	}
	o.form.options(cmd)
	o.span.options(cmd)
	o.books.options(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if err := o.books.check(cmd, o.form); err != nil {
			return err
		}
		return runPurchases(cmd.Context(), o, c)
	}
	return cmd
}

func runPurchases(ctx context.Context, o purchasesOptions, c stdio) error {
	settings, err := config.ReadFor("DATABASE", "TIMEZONE")
	if err != nil {
		return err
	}
	asked, err := o.span.read(time.Now(), settings.Timezone.Location)
	if err != nil {
		return err
	}
	loc := settings.Timezone.Location
	return withRecords(ctx, settings.Database, c.err, func(source records.Source) error {
		period, err := source.PurchaseRange(ctx, asked.from, asked.before)
		if err != nil {
			return err
		}
		log := records.Purchases(ctx, source, period)
		return writeStream(ctx, c.out, func(out io.Writer) error {
			switch {
			case o.books.format != "":
				return o.books.write(out, period.Len(), entries(log, loc))
			case o.form.json:
				return streamJSON(out, log)
			case o.form.csv:
				return o.form.writeCSV(out, entries(log, loc))
			}
			return writeTable(out, period, log, loc)
		})
	})
}

// dollarsOf prints an amount for spreadsheets: no sign, no thousands.
func dollarsOf(c cocalc.Cents) string {
	if c < 0 {
		return "-" + dollarsOf(-c)
	}
	return fmt.Sprintf("%d.%02d", c/100, c%100)
}

// entry is a purchase with its days in the team's time zone.
type entry struct {
	purchase.Purchase
	day string // of the purchase: "2026-12-01"
	// booked is the day for the books, never before the day of an earlier entry. Bookkeeping programs skip entries
	// dated before the newest one they know, and the log can learn late of a purchase that CoCalc made twice or charged
	// differently.
	booked string
}

// entries dates log entries, oldest first. The first of them must not be older than any entry before it, as the first
// of a records.Range is, or the later ones would get other dates than in the whole log.
func entries(log iter.Seq2[purchase.Purchase, error], loc *time.Location) iter.Seq2[entry, error] {
	return func(yield func(entry, error) bool) {
		var at time.Time
		for p, err := range log {
			if err != nil {
				yield(entry{}, err)
				return
			}
			if p.Time.After(at) {
				at = p.Time
			}
			if !yield(entry{p, p.Time.In(loc).Format(time.DateOnly), at.In(loc).Format(time.DateOnly)}, nil) {
				return
			}
		}
	}
}

func (l *listing) writeCSV(out io.Writer, all iter.Seq2[entry, error]) error {
	w, err := l.newCSV(out, "number", "time", "day", "entry_date", "month", "who", "who_id", "channel", "channel_id",
		"what", "period", "title", "reason",
		"shown_usd", "charged_usd", "renews_usd", "order", "cart_item", "cocalc_purchase", "license", "expires", "duplicate",
		"correction", "kind", "begins", "refunds")
	if err != nil {
		return err
	}
	for p, err := range all {
		if err != nil {
			w.Flush() // what is complete
			return err
		}
		expires, begins, refunds := "", "", ""
		if end := p.Ends(); !end.IsZero() {
			expires = end.UTC().Format(time.RFC3339)
		}
		if !p.Begins.IsZero() {
			begins = p.Begins.UTC().Format(time.RFC3339)
		}
		if p.Refunds != 0 {
			refunds = strconv.FormatInt(p.Refunds, 10)
		}
		record := []string{
			strconv.FormatUint(p.Number, 10), p.Time.UTC().Format(time.RFC3339), p.day, p.booked, escape.Cell(p.Month),
			escape.Cell(p.Requester.Name),
			escape.Cell(p.Requester.ID), escape.Cell(p.Place.Name), escape.Cell(p.Place.ID), escape.Cell(p.Spec.Summary()),
			escape.Cell(string(p.Spec.Period)), escape.Cell(p.Spec.Title),
			escape.Cell(p.Reason), dollarsOf(p.Shown), dollarsOf(p.Charged), dollarsOf(p.Renews), escape.Cell(string(p.Order)),
			strconv.FormatInt(p.ItemID, 10),
			strconv.FormatInt(p.PurchaseID, 10), escape.Cell(p.LicenseID), expires, strconv.FormatBool(p.Duplicate),
			strconv.FormatBool(p.Correction), kindOf(p.Purchase), begins, refunds,
		}
		if err := w.Write(record); err != nil {
			return err
		}
	}
	w.Flush()
	return w.Error()
}

func writeTable(out io.Writer, period records.Range, log iter.Seq2[purchase.Purchase, error],
	loc *time.Location,
) error {
	switch {
	case period.Total == 0:
		_, err := fmt.Fprintln(out, "No purchases yet.")
		return err
	case period.Len() == 0:
		_, err := fmt.Fprintf(out, "No purchases in that period; the ledger has %s from other times.\n",
			plural(int(period.Total), "purchase"))
		return err
	}
	var sum cocalc.Cents
	licenses := 0
	rows := func(yield func([]string, error) bool) {
		sum, licenses = 0, 0
		for p, err := range log {
			if err != nil {
				yield(nil, err)
				return
			}
			if !p.Correction && !p.Kind.IsUpkeep() {
				licenses++
			}
			sum += p.Charged
			if !yield(purchaseRow(p, loc), nil) {
				return
			}
		}
	}
	header := []string{"#", "WHEN", "WHO", "CHARGED", "TITLE", "WHAT", "LICENSE", "ORDER"}
	widths, _, err := measureColumns(header, rows)
	if err == nil {
		err = widths.write(out, header, rows)
	}
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "\n%s, %s\n", plural(licenses, "license"), sum)
	return err
}

// purchaseRow returns a row of the table of purchases.
func purchaseRow(p purchase.Purchase, loc *time.Location) []string {
	what := p.Spec.Summary()
	switch {
	case p.Kind.IsUpkeep():
		what = strings.ToUpper(kindOf(p)) + ": " + what
	case p.Correction:
		what = "CORRECTION: " + what
	case p.Duplicate:
		what = "BOUGHT TWICE: " + what
	}
	title := "-"
	if p.Spec.Title != "" {
		title = escape.Quote(p.Spec.Title)
	}
	return []string{
		strconv.FormatUint(p.Number, 10), p.Time.In(loc).Format(purchase.MomentStyle), escape.Quote(nameOf(p.Requester)),
		p.Charged.String(), title, what, p.LicenseID, string(p.Order),
	}
}

// kindOf returns the name of an entry's kind.
func kindOf(p purchase.Purchase) string { return cmp.Or(string(p.Kind), "purchase") }

// plural counts things; many is their plural when it is more than an s.
func plural(n int, what string, many ...string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %s", n, strings.Join(append(many, what+"s")[:1], ""))
}
