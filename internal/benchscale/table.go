package main

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// row is what was measured of one program with one ledger.
type row struct {
	program  string
	orders   int
	size     int64 // of the file, in bytes
	starts   []start
	commands [len(commands)][]usage
}

// start is one start of the bot.
type start struct {
	took time.Duration // from the start of the process to the answer of the first command
	// then is the anonymous memory at that moment, peak the most of the whole run, and idle what it came to in the end; in
	// bytes, 0 where it can't be measured.
	then, peak, idle int64
}

// usage is one run of a command.
type usage struct {
	took time.Duration
	peak int64 // of anonymous memory, in bytes; 0 where it can't be measured
}

// writeTable prints the medians as a table in Markdown.
func writeTable(w io.Writer, rows []row, runs int) {
	fmt.Fprintf(w, "Runs: %d; the figures are medians. Memory is anonymous.\n\n", runs)
	fmt.Fprint(w, "| program | orders | file | per order | start to the first answer | memory then | at most | idle |")
	for _, args := range commands {
		fmt.Fprintf(w, " `bot %s` |", strings.Join(args, " "))
	}
	fmt.Fprint(w, "\n|---|---|---|---|---|---|---|---|---|---|---|\n")
	for _, r := range rows {
		fmt.Fprintf(w, "| %s | %s | %s | %.2f kB | %s | %s | %s | %s |", r.program, thousands(r.orders), megabytes(r.size),
			float64(r.size)/float64(r.orders)/1000,
			seconds(median(r.starts, func(s start) time.Duration { return s.took })),
			megabytes(median(r.starts, func(s start) int64 { return s.then })),
			megabytes(median(r.starts, func(s start) int64 { return s.peak })),
			megabytes(median(r.starts, func(s start) int64 { return s.idle })))
		for _, runs := range r.commands {
			fmt.Fprintf(w, " %s, %s |", seconds(median(runs, func(u usage) time.Duration { return u.took })),
				megabytes(median(runs, func(u usage) int64 { return u.peak })))
		}
		fmt.Fprintln(w)
	}
}

// median returns the median of a value of the runs; of an even number, the higher one of the two in the middle.
func median[T any, V cmp.Ordered](runs []T, value func(T) V) V {
	var all []V
	for _, r := range runs {
		all = append(all, value(r))
	}
	slices.Sort(all)
	return all[len(all)/2]
}

// seconds returns a duration with two or three digits: "0.24 s", "14.3 s".
func seconds(d time.Duration) string {
	if d < 10*time.Second {
		return fmt.Sprintf("%.2f s", d.Seconds())
	}
	return fmt.Sprintf("%.1f s", d.Seconds())
}

// megabytes returns a size in MB, of a million bytes; "–" for an unknown one.
func megabytes(bytes int64) string {
	switch mb := float64(bytes) / 1e6; {
	case bytes == 0:
		return "–"
	case mb < 100:
		return fmt.Sprintf("%.1f MB", mb)
	default:
		return fmt.Sprintf("%.0f MB", mb)
	}
}

// thousands writes a number with commas: "10,000".
func thousands(n int) string {
	if n < 1000 {
		return fmt.Sprint(n)
	}
	return fmt.Sprintf("%s,%03d", thousands(n/1000), n%1000)
}
