package main

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"licensebot/bot"
	"licensebot/internal/config"
	"licensebot/internal/escape"
	"licensebot/purchase"
)

// auditFilter selects audit records. The zero value of a field selects all.
type auditFilter struct {
	when  span
	order purchase.OrderID
	by    string
}

func (f auditFilter) takes(e purchase.Event) bool {
	return f.when.holds(e.Time) && (f.order == "" || e.Order == f.order) && (f.by == "" || e.By == f.by)
}

// auditOptions are the options of bot audit.
type auditOptions struct {
	form      listing
	span      spanOptions
	order, by string
}

// newAuditCommand prints the audit records, oldest first, as text, JSON or CSV. It also works while the bot runs.
func newAuditCommand(c stdio) *cobra.Command {
	var o auditOptions
	cmd := &cobra.Command{
		Use:   "audit [--since WHEN] [--until WHEN] [--month MONTH] [--order ID] [--by USER] [--json|--csv [--bom]]",
		Short: "print the audit records: who decided what, when and where, and what was refused",
	}
	o.form.options(cmd)
	o.span.options(cmd)
	cmd.Flags().StringVar(&o.order, "order", "", "only records of the order with this `ID`")
	cmd.Flags().StringVar(&o.by, "by", "", "only records by the `USER` with this Slack id; licensebot is the bot itself")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error { return runAudit(cmd.Context(), o, c) }
	return cmd
}

func runAudit(ctx context.Context, o auditOptions, c stdio) error {
	settings, err := config.ReadFor("DATABASE", "TIMEZONE")
	if err != nil {
		return err
	}
	when, err := o.span.read(time.Now(), settings.Timezone.Location)
	if err != nil {
		return err
	}
	events, err := readEvents(ctx, settings.Database, auditFilter{when, purchase.OrderID(o.order), o.by})
	if err != nil {
		return err
	}
	switch {
	case o.form.json:
		return writeJSON(c.out, events)
	case o.form.csv:
		return o.form.writeAuditCSV(c.out, events)
	}
	return writeAuditTable(c.out, events, settings.Timezone.Location)
}

// readEvents reads the records that the filter selects, oldest first.
func readEvents(ctx context.Context, path string, f auditFilter) (found []purchase.Event, err error) {
	err = readLedger(ctx, path, func(r purchase.Reader) error {
		for e, err := range purchase.AllEvents(r) {
			if err != nil {
				return err
			}
			if f.takes(e) {
				found = append(found, e)
			}
		}
		return nil
	})
	return found, err
}

func (l *listing) writeAuditCSV(out io.Writer, events []purchase.Event) error {
	w, err := l.newCSV(out, "number", "time", "kind", "by", "channel", "order", "amount_usd", "note", "prev", "hash")
	if err != nil {
		return err
	}
	for _, e := range events {
		record := []string{
			strconv.FormatUint(e.Number, 10), e.Time.UTC().Format(time.RFC3339), escape.Cell(e.Kind), escape.Cell(e.By),
			escape.Cell(e.Place), escape.Cell(string(e.Order)),
			dollarsOf(e.Amount), escape.Cell(noteOf(e, time.UTC)), e.Prev, e.Hash,
		}
		if err := w.Write(record); err != nil {
			return err
		}
	}
	w.Flush()
	return w.Error()
}

// noteOf returns the note of a record for people, with its count if the record stands for several.
func noteOf(e purchase.Event, loc *time.Location) string {
	note := bot.EventWords(e, bot.Reader{Zone: loc})
	if e.Count > 1 {
		return fmt.Sprintf("%s, %d times", note, e.Count)
	}
	return note
}

// writeAuditTable prints what people wrote in quotes, so that nothing in it moves the cursor of a terminal.
func writeAuditTable(out io.Writer, events []purchase.Event, loc *time.Location) error {
	if len(events) == 0 {
		_, err := fmt.Fprintln(out, "No matching records.")
		return err
	}
	bare := func(text string) string {
		if text == "" {
			return "-"
		}
		if plain := escape.Quote(text); len(plain) != len(text)+2 || strings.Contains(text, " ") {
			return plain
		}
		return text
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "#\tWHEN\tWHAT\tBY\tCHANNEL\tORDER\tAMOUNT\tNOTE\tHASH")
	for _, e := range events {
		amount := "-"
		if e.Amount != 0 {
			amount = e.Amount.String()
		}
		fmt.Fprintf(w, "%d\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%.12s\n", e.Number, e.Time.In(loc).Format(purchase.SecondStyle),
			bare(e.Kind), bare(e.By),
			bare(e.Place), bare(string(e.Order)), amount, bare(noteOf(e, loc)), e.Hash)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(out, "\n%s. Hashes are shortened; --json and --csv print them in full.\n",
		plural(len(events), "record"))
	return err
}
