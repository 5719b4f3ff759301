package main

import (
	"context"
	"fmt"
	"io"
	"iter"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"licensebot/bot"
	"licensebot/internal/config"
	"licensebot/internal/escape"
	"licensebot/internal/records"
	"licensebot/purchase"
)

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
	filter := records.Filter{Since: when.from, Before: when.before, Order: purchase.OrderID(o.order), By: o.by}
	return withRecords(ctx, settings.Database, c.err, func(source records.Source) error {
		period, err := source.EventRange(ctx, when.from)
		if err != nil {
			return err
		}
		events := records.Events(ctx, source, period, filter)
		return writeStream(ctx, c.out, func(out io.Writer) error {
			switch {
			case o.form.json:
				return streamJSON(out, events)
			case o.form.csv:
				return o.form.writeAuditCSV(out, events)
			}
			return writeAuditTable(out, events, settings.Timezone.Location)
		})
	})
}

func (l *listing) writeAuditCSV(out io.Writer, events iter.Seq2[purchase.Event, error]) error {
	w, err := l.newCSV(out, "number", "time", "kind", "by", "channel", "order", "amount_usd", "note", "prev", "hash")
	if err != nil {
		return err
	}
	for e, err := range events {
		if err != nil {
			w.Flush() // what is complete
			return err
		}
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
	if e.Kind == purchase.KindPruned {
		return plural(e.Count, "record")
	}
	if e.Count > 1 {
		return fmt.Sprintf("%s, %d times", note, e.Count)
	}
	return note
}

func writeAuditTable(out io.Writer, events iter.Seq2[purchase.Event, error], loc *time.Location) error {
	rows := func(yield func([]string, error) bool) {
		for e, err := range events {
			if err != nil {
				yield(nil, err)
				return
			}
			if !yield(auditRow(e, loc), nil) {
				return
			}
		}
	}
	header := []string{"#", "WHEN", "WHAT", "BY", "CHANNEL", "ORDER", "AMOUNT", "NOTE", "HASH"}
	widths, n, err := measureColumns(header, rows)
	if err == nil && n == 0 {
		_, err = fmt.Fprintln(out, "No matching records.")
		return err
	}
	if err == nil {
		err = widths.write(out, header, rows)
	}
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "\n%s. Hashes are shortened; --json and --csv print them in full.\n", plural(n, "record"))
	return err
}

// auditRow returns a row of the table of audit records. What people wrote is in quotes, so that nothing in it moves the
// cursor of a terminal.
func auditRow(e purchase.Event, loc *time.Location) []string {
	bare := func(text string) string {
		if text == "" {
			return "-"
		}
		if plain := escape.Quote(text); len(plain) != len(text)+2 || strings.Contains(text, " ") {
			return plain
		}
		return text
	}
	amount := "-"
	if e.Amount != 0 {
		amount = e.Amount.String()
	}
	return []string{
		strconv.FormatUint(e.Number, 10), e.Time.In(loc).Format(purchase.SecondStyle), bare(e.Kind), bare(e.By),
		bare(e.Place), bare(string(e.Order)), amount, bare(noteOf(e, loc)), fmt.Sprintf("%.12s", e.Hash),
	}
}
