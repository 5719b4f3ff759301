package main

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"licensebot/internal/cli"
)

// spanOptions are the options that select records by time.
type spanOptions struct{ since, until, month string }

func (o *spanOptions) options(cmd *cobra.Command) {
	const forms = "a day such as 2026-11-01, a time such as 2026-11-01T15:04:05Z, or an age such as 36h or 30d"
	cmd.Flags().StringVar(&o.since, "since", "", "from `WHEN` on: "+forms)
	cmd.Flags().StringVar(&o.until, "until", "", "up to `WHEN`, in the same forms; a day is included")
	cmd.Flags().StringVar(&o.month, "month", "", "only one `MONTH` in TIMEZONE, such as 2026-11")
}

// span is the time from one moment until before another. A zero moment is no bound.
type span struct{ from, before time.Time }

// read parses the options. Days and months are those of loc.
func (o spanOptions) read(now time.Time, loc *time.Location) (s span, err error) {
	if o.month != "" {
		if o.since != "" || o.until != "" {
			return s, fmt.Errorf("--month can't be combined with --since or --until: %w", cli.ErrUsage)
		}
		s.from, err = time.ParseInLocation("2006-01", o.month, loc)
		if err != nil {
			return s, fmt.Errorf("--month %q: use a month such as 2026-11: %w", o.month, cli.ErrUsage)
		}
		s.before = time.Date(s.from.Year(), s.from.Month()+1, 1, 0, 0, 0, 0, loc)
		return s, nil
	}
	if s.from, _, err = readMoment("--since", o.since, now, loc); err != nil {
		return s, err
	}
	end, isDay, err := readMoment("--until", o.until, now, loc)
	if isDay {
		end = time.Date(end.Year(), end.Month(), end.Day()+1, 0, 0, 0, 0, loc)
	}
	s.before = end
	if err == nil && !s.before.IsZero() && !s.from.Before(s.before) {
		err = fmt.Errorf("--since %s is not before --until %s: %w", o.since, o.until, cli.ErrUsage)
	}
	return s, err
}

// readMoment parses a day in loc, a moment, or an age. Empty is the zero moment.
func readMoment(option, text string, now time.Time, loc *time.Location) (at time.Time, isDay bool, err error) {
	if text == "" {
		return time.Time{}, false, nil
	}
	if day, err := time.ParseInLocation(time.DateOnly, text, loc); err == nil {
		return day, true, nil
	}
	if at, err := time.Parse(time.RFC3339, text); err == nil {
		return at, false, nil
	}
	if days, ok := strings.CutSuffix(text, "d"); ok {
		if n, err := strconv.ParseUint(days, 10, 16); err == nil {
			return now.AddDate(0, 0, -int(n)), false, nil
		}
	}
	if ago, err := time.ParseDuration(text); err == nil && ago >= 0 {
		return now.Add(-ago), false, nil
	}
	return time.Time{}, false, fmt.Errorf("%s %q: use a day such as 2026-11-01, or an age such as 36h or 30d: %w", option,
		text, cli.ErrUsage)
}
