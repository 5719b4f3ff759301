package main

import (
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/rs/zerolog"

	"licensebot/cocalc"
	"licensebot/purchase"
)

// dollars is an amount as people write it: "250", "99.50", "$1,000", or "none" for no limit.
type dollars struct{ purchase.Limit }

// Decode implements envconfig.Decoder.
func (d *dollars) Decode(text string) error {
	clean := strings.TrimPrefix(strings.TrimSpace(text), "$")
	if clean == "none" {
		d.Limit = purchase.Limit{None: true}
		return nil
	}
	whole, fraction, point := strings.Cut(clean, ".")
	// Where 99,50 is how people write it, a comma that is passed over would make it a hundred times as much.
	groups := strings.Split(whole, ",")
	for i, group := range groups[1:] {
		if len(group) != 3 || i == 0 && (len(groups[0]) < 1 || len(groups[0]) > 3) {
			return errDollars
		}
	}
	whole = strings.Join(groups, "")
	if whole == "" || len(whole) > 9 || (point && (fraction == "" || len(fraction) > 2)) {
		return errDollars
	}
	var cents int64
	for _, r := range whole + (fraction + "00")[:2] {
		if r < '0' || r > '9' {
			return errDollars
		}
		cents = cents*10 + int64(r-'0')
	}
	d.Limit = purchase.Limit{Max: cocalc.Cents(cents)}
	return nil
}

var errDollars = errors.New("use an amount in dollars, such as 250 or 99.50, or none for no limit")

// String is the amount as Decode reads it.
func (d dollars) String() string {
	if d.None {
		return "none"
	}
	return amount{d.Max}.String()
}

// amount is like dollars, but for settings where none would be a guess.
type amount struct{ purchase.Cents }

// Decode implements envconfig.Decoder.
func (a *amount) Decode(text string) error {
	var d dollars
	if d.Decode(text) != nil || d.None {
		return errors.New("use an amount in dollars, such as 250 or 99.50")
	}
	a.Cents = d.Max
	return nil
}

// String is the amount as Decode reads it.
func (a amount) String() string { return strings.TrimSuffix(dollarsOf(a.Cents), ".00") }

// most is a whole number as an upper limit, or "none". 0 stands for none internally and can't be set.
type most int

// Decode implements envconfig.Decoder.
func (m *most) Decode(text string) error {
	text = strings.TrimSpace(text)
	if text == "none" || text == "" {
		*m = 0
		return nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > 1_000_000 || text[0] == '+' {
		return errors.New("use a whole number above 0, or none for no limit")
	}
	*m = most(n)
	return nil
}

func (m most) String() string {
	if m == 0 {
		return "none"
	}
	return strconv.Itoa(int(m))
}

// location is a time zone by its name.
type location struct{ *time.Location }

// Decode implements envconfig.Decoder.
func (l *location) Decode(name string) (err error) {
	if l.Location, err = time.LoadLocation(name); err != nil {
		return errors.New("use a time zone such as Europe/Vienna or UTC")
	}
	return nil
}

// logLevel is how much is logged.
type logLevel struct{ zerolog.Level }

// Decode implements envconfig.Decoder.
func (l *logLevel) Decode(name string) (err error) {
	switch name {
	case "debug", "info", "warn", "error":
		l.Level, err = zerolog.ParseLevel(name)
		return err
	}
	return errors.New("use debug, info, warn or error")
}

// logFormat is how log lines look.
type logFormat string

// Decode implements envconfig.Decoder.
func (l *logFormat) Decode(name string) error {
	if name != "json" && name != "console" {
		return errors.New("use json or console")
	}
	*l = logFormat(name)
	return nil
}
