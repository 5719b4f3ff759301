package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strconv"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"licensebot/cocalc"
	"licensebot/internal/config"
	"licensebot/internal/escape"
	"licensebot/internal/records"
	"licensebot/purchase"
)

// migrateReportOptions are the options of bot migrate-report.
type migrateReportOptions struct {
	form listing
	at   string
}

// newMigrateReportCommand prints what was paid for licenses and not used yet, for a team whose CoCalc server sells no
// licenses any more. It reads the ledger only.
func newMigrateReportCommand(c stdio) *cobra.Command {
	var o migrateReportOptions
	cmd := &cobra.Command{
		Use:   "migrate-report [--at WHEN] [--json|--csv [--bom]]",
		Short: "print the unused part of what was paid for licenses, from the ledger alone",
		Long: "For each fixed term that has not ended: what was paid, and its unused part, pro rata to the second and " +
			"rounded\n" +
			"down to the cent. Licenses that renew are listed, but not in the total: the ledger knows only their " +
			"first period.\n" +
			"CoCalc decides what it credits.",
	}
	o.form.options(cmd)
	cmd.Flags().StringVar(&o.at, "at", "",
		"as of `WHEN`, instead of now: the beginning of a day such as 2026-11-01, or a time such as 2026-11-01T15:04:05Z")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error { return runMigrateReport(cmd.Context(), o, time.Now(), c) }
	return cmd
}

func runMigrateReport(ctx context.Context, o migrateReportOptions, now time.Time, c stdio) error {
	settings, err := config.ReadFor("DATABASE", "TIMEZONE")
	if err != nil {
		return err
	}
	report := migrateReport{at: now, loc: settings.Timezone.Location}
	if o.at != "" {
		if report.at, _, err = readMoment("--at", o.at, now, report.loc); err != nil {
			return err
		}
	}
	if err := report.read(ctx, settings.Database, c.err); err != nil {
		return err
	}
	notes := c.err
	switch {
	case o.form.json:
		err = report.writeJSON(c.out)
	case o.form.csv:
		err = report.writeCSV(c.out, o.form)
	default:
		notes, err = c.out, report.writeTable(c.out)
	}
	if err != nil {
		return err
	}
	return report.noteUnknown(notes)
}

// migrateReport lists the unused part of a ledger's licenses at a moment.
type migrateReport struct {
	at       time.Time
	loc      *time.Location
	licenses []purchase.Prepaid
	unknown  []purchase.OrderID // orders whose outcome is unknown: their licenses, if there are any, are missing here
}

// read reads which orders are unknown before it reads the log, so that an order which is found out meanwhile is not
// missing in both.
func (m *migrateReport) read(ctx context.Context, path string, notes io.Writer) error {
	return withRecords(ctx, path, notes, func(source records.Source) error {
		summary, err := source.Summary(ctx)
		if err != nil {
			return err
		}
		all, err := source.PurchaseRange(ctx, time.Time{}, time.Time{})
		if err != nil {
			return err
		}
		var log []purchase.Purchase
		logged := map[purchase.OrderID]bool{}
		for p, err := range records.Purchases(ctx, source, all) {
			if err != nil {
				return err
			}
			log = append(log, p)
			logged[p.Order] = true
		}
		m.licenses = purchase.PrepaidLicenses(log, m.at)
		m.unknown = nil
		for _, id := range slices.Backward(summary.Unknown) {
			if !logged[id] {
				m.unknown = append(m.unknown, id)
			}
		}
		return nil
	})
}

// renewalsUnknown stands where the unused part of a license that renews would be.
const renewalsUnknown = "renewals unknown"

func (m *migrateReport) writeTable(out io.Writer) error {
	moment := m.at.In(m.loc).Format(purchase.MomentStyle)
	if len(m.licenses) == 0 {
		_, err := fmt.Fprintf(out,
			"The ledger has no fixed term that runs or is to begin, and no license that renews, on %s.\n", moment)
		return err
	}
	fmt.Fprintf(out, "What was paid and not used yet on %s, by the ledger. CoCalc decides what it credits.\n\n", moment)
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "LICENSE\tWHO\tTITLE\tWHAT\tBEGINS\tENDS\tPAID\tUNUSED")
	var paid, unused cocalc.Cents
	renewing := 0
	for _, p := range m.licenses {
		what, title, license := p.Spec.Summary(), "-", p.LicenseID
		if p.Duplicate {
			what = "BOUGHT TWICE: " + what
		}
		if p.Spec.Title != "" {
			title = escape.Quote(p.Spec.Title)
		}
		if license == "" {
			license = "-"
		}
		ends, left := p.Ends.In(m.loc).Format(purchase.MomentStyle), p.Unused(m.at).String()
		if p.Renews() {
			renewing++
			ends, left = "renews "+string(p.Spec.Period), renewalsUnknown
		} else {
			paid += p.Paid
			unused += p.Unused(m.at)
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", license, escape.Quote(nameOf(p.Requester)), title, what,
			p.Begins.In(m.loc).Format(purchase.MomentStyle),
			ends, p.Paid, left)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	fmt.Fprintf(out, "\n%s: %s paid, %s unused\n", plural(len(m.licenses)-renewing, "fixed term"), paid, unused)
	if renewing == 0 {
		return nil
	}
	_, err := fmt.Fprintf(out, "Not in the total: %s, paid for the last period that the ledger knows.\n",
		plural(renewing, "license that renews", "licenses that renew"))
	return err
}

// noteUnknown lists the orders with an unknown outcome.
func (m *migrateReport) noteUnknown(out io.Writer) error {
	for _, id := range m.unknown {
		_, err := fmt.Fprintf(out,
			"Not included: order %s, whose outcome is unknown. An admin can settle it with `/license settle`.\n", id)
		if err != nil {
			return err
		}
	}
	return nil
}

func (m *migrateReport) writeCSV(out io.Writer, form listing) error {
	w, err := form.newCSV(out, "license", "order", "who", "who_id", "title", "what", "period", "begins", "begins_day",
		"ends", "ends_day",
		"paid_usd", "unused_usd", "renewals", "duplicate", "at")
	if err != nil {
		return err
	}
	moment := func(t time.Time) string { return t.UTC().Format(time.RFC3339) }
	day := func(t time.Time) string { return t.In(m.loc).Format(time.DateOnly) }
	for _, p := range m.licenses {
		ends, endDay, unused, renewals := moment(p.Ends), day(p.Ends), dollarsOf(p.Unused(m.at)), ""
		if p.Renews() {
			ends, endDay, unused, renewals = "", "", "", "unknown"
		}
		record := []string{
			escape.Cell(p.LicenseID), escape.Cell(string(p.Order)), escape.Cell(p.Requester.Name), escape.Cell(p.Requester.ID),
			escape.Cell(p.Spec.Title), escape.Cell(p.Spec.Summary()),
			escape.Cell(string(p.Spec.Period)), moment(p.Begins), day(p.Begins), ends, endDay, dollarsOf(p.Paid), unused,
			renewals,
			strconv.FormatBool(p.Duplicate), moment(m.at),
		}
		if err := w.Write(record); err != nil {
			return err
		}
	}
	w.Flush()
	return w.Error()
}

// prepaidLine is a license in the JSON form. A license that renews has neither an end nor an unused part.
type prepaidLine struct {
	License   string         `json:"license_id"`
	Order     string         `json:"order"`
	Requester purchase.Actor `json:"requester"`
	Spec      purchase.Spec  `json:"spec"`
	Begins    time.Time      `json:"begins"`
	Ends      time.Time      `json:"ends,omitzero"`
	Paid      cocalc.Cents   `json:"paid_cents"`
	Unused    *cocalc.Cents  `json:"unused_cents,omitempty"`
	Renewals  string         `json:"renewals,omitempty"` // "unknown"
	Duplicate bool           `json:"duplicate,omitempty"`
	At        time.Time      `json:"at"`
}

func (m *migrateReport) writeJSON(out io.Writer) error {
	var lines []prepaidLine
	for _, p := range m.licenses {
		line := prepaidLine{
			License: p.LicenseID, Order: string(p.Order), Requester: p.Requester, Spec: p.Spec, Begins: p.Begins.UTC(),
			Paid:      p.Paid,
			Duplicate: p.Duplicate, At: m.at.UTC(),
		}
		if unused := p.Unused(m.at); p.Renews() {
			line.Renewals = "unknown"
		} else {
			line.Ends, line.Unused = p.Ends.UTC(), &unused
		}
		lines = append(lines, line)
	}
	return writeJSON(out, lines)
}

// nameOf returns the name of a person, or the id of one without a name.
func nameOf(p purchase.Actor) string {
	if p.Name != "" {
		return p.Name
	}
	return p.ID
}
