package main

import (
	"context"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"licensebot/cocalc"
	"licensebot/internal/config"
	"licensebot/internal/escape"
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
	all, err := readPurchases(ctx, settings.Database)
	if err != nil {
		return err
	}
	ever := len(all)
	dated := slices.DeleteFunc(entries(all, settings.Timezone.Location), func(e entry) bool { return !asked.holds(e.at) })
	all = all[:0]
	for _, e := range dated {
		all = append(all, e.Purchase)
	}
	switch {
	case o.books.format != "":
		return o.books.write(c.out, dated)
	case o.form.json:
		return writeJSON(c.out, all)
	case o.form.csv:
		return o.form.writeCSV(c.out, dated)
	case len(all) == 0 && ever > 0:
		_, err := fmt.Fprintf(c.out, "No purchases in that period; the ledger has %s from other times.\n",
			plural(ever, "purchase"))
		return err
	}
	return writeTable(c.out, all, settings.Timezone.Location)
}

// readPurchases reads the log from oldest to newest.
func readPurchases(ctx context.Context, path string) (all []purchase.Purchase, err error) {
	err = readLedger(ctx, path, func(r purchase.Reader) error {
		all, err = r.Purchases(0, math.MaxInt)
		return err
	})
	slices.Reverse(all)
	return all, err
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
	at     time.Time // the moment behind booked; entries are selected by it, so that each is in exactly one month
}

// entries dates the whole log, oldest first. A part of the log would get other dates.
func entries(all []purchase.Purchase, loc *time.Location) []entry {
	dated := make([]entry, len(all))
	var at time.Time
	for i, p := range all {
		if p.Time.After(at) {
			at = p.Time
		}
		dated[i] = entry{p, p.Time.In(loc).Format(time.DateOnly), at.In(loc).Format(time.DateOnly), at}
	}
	return dated
}

func (l *listing) writeCSV(out io.Writer, all []entry) error {
	w, err := l.newCSV(out, "number", "time", "day", "entry_date", "month", "who", "who_id", "channel", "channel_id",
		"what", "period", "title", "reason",
		"shown_usd", "charged_usd", "renews_usd", "order", "cart_item", "cocalc_purchase", "license", "expires", "duplicate",
		"correction")
	if err != nil {
		return err
	}
	for _, p := range all {
		expires := ""
		if end := p.Ends(); !end.IsZero() {
			expires = end.UTC().Format(time.RFC3339)
		}
		record := []string{
			strconv.FormatUint(p.Number, 10), p.Time.UTC().Format(time.RFC3339), p.day, p.booked, escape.Cell(p.Month),
			escape.Cell(p.Requester.Name),
			escape.Cell(p.Requester.ID), escape.Cell(p.Place.Name), escape.Cell(p.Place.ID), escape.Cell(p.Spec.Summary()),
			escape.Cell(string(p.Spec.Period)), escape.Cell(p.Spec.Title),
			escape.Cell(p.Reason), dollarsOf(p.Shown), dollarsOf(p.Charged), dollarsOf(p.Renews), escape.Cell(string(p.Order)),
			strconv.FormatInt(p.ItemID, 10),
			strconv.FormatInt(p.PurchaseID, 10), escape.Cell(p.LicenseID), expires, strconv.FormatBool(p.Duplicate),
			strconv.FormatBool(p.Correction),
		}
		if err := w.Write(record); err != nil {
			return err
		}
	}
	w.Flush()
	return w.Error()
}

func writeTable(out io.Writer, all []purchase.Purchase, loc *time.Location) error {
	if len(all) == 0 {
		_, err := fmt.Fprintln(out, "No purchases yet.")
		return err
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "#\tWHEN\tWHO\tCHARGED\tTITLE\tWHAT\tLICENSE\tORDER")
	var sum cocalc.Cents
	licenses := 0
	for _, p := range all {
		what := p.Spec.Summary()
		switch {
		case p.Correction:
			what = "CORRECTION: " + what
		case p.Duplicate:
			what = "BOUGHT TWICE: " + what
		}
		if !p.Correction {
			licenses++
		}
		title := "-"
		if p.Spec.Title != "" {
			title = escape.Quote(p.Spec.Title)
		}
		fmt.Fprintf(w, "%d\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", p.Number, p.Time.In(loc).Format(purchase.MomentStyle),
			escape.Quote(nameOf(p.Requester)), p.Charged, title, what,
			p.LicenseID, p.Order)
		sum += p.Charged
	}
	if err := w.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(out, "\n%s, %s\n", plural(licenses, "license"), sum)
	return err
}

// plural counts things; many is their plural when it is more than an s.
func plural(n int, what string, many ...string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %s", n, strings.Join(append(many, what+"s")[:1], ""))
}
