package main

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"licensebot/purchase"
)

// auditFilter says which audit records are asked for. Zero fields ask for all.
type auditFilter struct {
	since time.Time
	order purchase.OrderID
	by    string
}

func (f auditFilter) takes(e purchase.Event) bool {
	return !e.Time.Before(f.since) && (f.order == "" || e.Order == f.order) && (f.by == "" || e.By == f.by)
}

// runAudit prints the audit records, oldest first, for people, programs or spreadsheets. It works beside a running bot.
func runAudit(ctx context.Context, args []string, c console) error {
	var form listing
	flags := form.flags("audit", c)
	since := flags.String("since", "", "a day such as 2026-11-01, a time such as 2026-11-01T15:04:05Z, or a duration such as 36h or 30d")
	order := flags.String("order", "", "only what happened to the order with this id")
	by := flags.String("by", "", "only what this Slack user id did; licensebot is the bot itself")
	if err := form.parse(flags, args); err != nil {
		return err
	}
	settings, err := readConfig()
	if err != nil {
		return err
	}
	from, err := sinceWhen(*since, time.Now(), settings.Timezone.Location)
	if err != nil {
		return err
	}
	events, err := readEvents(ctx, settings.Database, auditFilter{from, purchase.OrderID(*order), *by})
	if err != nil {
		return err
	}
	switch {
	case form.json:
		return writeJSON(c.out, events)
	case form.csv:
		return form.writeAuditCSV(c.out, events)
	}
	return writeAuditTable(c.out, events, settings.Timezone.Location)
}

// sinceWhen reads a day where the team is, a moment, or how long ago it was. Empty is the beginning.
func sinceWhen(text string, now time.Time, loc *time.Location) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if day, err := time.ParseInLocation(time.DateOnly, text, loc); err == nil {
		return day, nil
	}
	if at, err := time.Parse(time.RFC3339, text); err == nil {
		return at, nil
	}
	if days, ok := strings.CutSuffix(text, "d"); ok {
		if n, err := strconv.ParseUint(days, 10, 16); err == nil {
			return now.AddDate(0, 0, -int(n)), nil
		}
	}
	if ago, err := time.ParseDuration(text); err == nil && ago >= 0 {
		return now.Add(-ago), nil
	}
	return time.Time{}, fmt.Errorf("--since %q: a day such as 2026-11-01 or a duration such as 36h or 30d is needed: %w", text, errUsage)
}

// readEvents reads the records that are asked for, oldest first.
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
		w.Write([]string{strconv.FormatUint(e.Number, 10), e.Time.UTC().Format(time.RFC3339), cell(e.Kind), cell(e.By), cell(e.Place), cell(string(e.Order)),
			dollarsOf(e.Amount), cell(e.Note), e.Prev, e.Hash})
	}
	w.Flush()
	return w.Error()
}

// writeAuditTable prints what people wrote in quotes, so that nothing in it moves the cursor of a terminal.
func writeAuditTable(out io.Writer, events []purchase.Event, loc *time.Location) error {
	if len(events) == 0 {
		_, err := fmt.Fprintln(out, "There is no such record.")
		return err
	}
	bare := func(text string) string {
		if text == "" {
			return "-"
		}
		if plain := quoted(text); len(plain) != len(text)+2 || strings.Contains(text, " ") {
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
		fmt.Fprintf(w, "%d\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%.12s\n", e.Number, e.Time.In(loc).Format("2006-01-02 15:04:05"), bare(e.Kind), bare(e.By),
			bare(e.Place), bare(string(e.Order)), amount, bare(e.Note), e.Hash)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(out, "\n%s. The hashes are cut short here; --json and --csv have them whole.\n", plural(len(events), "record"))
	return err
}
