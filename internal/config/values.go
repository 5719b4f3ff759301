package config

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/rs/zerolog"

	"licensebot/cocalc"
	"licensebot/purchase"
)

// Dollars is an amount as people write it: "250", "99.50", "$1,000", or "none" for no limit.
type Dollars struct{ purchase.Limit }

// Decode implements envconfig.Decoder.
func (d *Dollars) Decode(text string) error {
	clean := strings.TrimPrefix(strings.TrimSpace(text), "$")
	if clean == "none" {
		d.Limit = purchase.Limit{None: true}
		return nil
	}
	whole, fraction, point := strings.Cut(clean, ".")
	// Commas must separate groups of three digits: in some countries 99,50 means 99.50, and without its comma it would
	// be a hundred times as much.
	groups := strings.Split(whole, ",")
	for i, group := range groups[1:] {
		if len(group) != 3 || i == 0 && (len(groups[0]) < 1 || len(groups[0]) > 3) {
			return ErrDollars
		}
	}
	whole = strings.Join(groups, "")
	if whole == "" || len(whole) > 9 || (point && (fraction == "" || len(fraction) > 2)) {
		return ErrDollars
	}
	var cents int64
	for _, r := range whole + (fraction + "00")[:2] {
		if r < '0' || r > '9' {
			return ErrDollars
		}
		cents = cents*10 + int64(r-'0')
	}
	d.Limit = purchase.Limit{Max: cocalc.Cents(cents)}
	return nil
}

// ErrDollars is the error of a text that is not an amount.
var ErrDollars = errors.New("use an amount in dollars, such as 250 or 99.50, or none for no limit")

// String is the amount as Decode reads it.
func (d Dollars) String() string {
	if d.None {
		return "none"
	}
	return Amount{d.Max}.String()
}

// Amount is like Dollars, but for settings where none would be a guess.
type Amount struct{ purchase.Cents }

// Decode implements envconfig.Decoder.
func (a *Amount) Decode(text string) error {
	var d Dollars
	if d.Decode(text) != nil || d.None {
		return errors.New("use an amount in dollars, such as 250 or 99.50")
	}
	a.Cents = d.Max
	return nil
}

// String is the amount as Decode reads it.
func (a Amount) String() string {
	return strings.TrimSuffix(fmt.Sprintf("%d.%02d", a.Cents/100, a.Cents%100), ".00")
}

// Maximum is a whole number as an upper limit, or "none". 0 stands for none internally and can't be set.
type Maximum int

// Decode implements envconfig.Decoder.
func (m *Maximum) Decode(text string) error {
	text = strings.TrimSpace(text)
	if text == "none" || text == "" {
		*m = 0
		return nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > 1_000_000 || text[0] == '+' {
		return errors.New("use a whole number above 0, or none for no limit")
	}
	*m = Maximum(n)
	return nil
}

func (m Maximum) String() string {
	if m == 0 {
		return "none"
	}
	return strconv.Itoa(int(m))
}

// Age is how old something is, in whole days; 0 stands for none.
type Age time.Duration

const day = 24 * time.Hour

// Decode implements envconfig.Decoder.
func (a *Age) Decode(text string) error {
	text = strings.TrimSpace(text)
	if text == "none" || text == "" {
		*a = 0
		return nil
	}
	days, isAge := strings.CutSuffix(text, "d")
	n, err := strconv.ParseUint(days, 10, 16)
	if least := uint64(purchase.LeastPruneAge / day); !isAge || err != nil || n < least {
		return fmt.Errorf("use an age of at least %d days, such as %dd, or none", least, least)
	}
	*a = Age(time.Duration(n) * day)
	return nil
}

func (a Age) String() string {
	if a == 0 {
		return "none"
	}
	return fmt.Sprintf("%dd", time.Duration(a)/day)
}

// Location is a time zone by its name.
type Location struct{ *time.Location }

// Decode implements envconfig.Decoder.
func (l *Location) Decode(name string) (err error) {
	if l.Location, err = time.LoadLocation(name); err != nil {
		return errors.New("use a time zone such as Europe/Vienna or UTC")
	}
	return nil
}

// LogLevel is how much is logged.
type LogLevel struct{ zerolog.Level }

// Decode implements envconfig.Decoder.
func (l *LogLevel) Decode(name string) (err error) {
	switch name {
	case "debug", "info", "warn", "error":
		l.Level, err = zerolog.ParseLevel(name)
		return err
	}
	return errors.New("use debug, info, warn or error")
}

// LogFormat is how log lines look.
type LogFormat string

// Decode implements envconfig.Decoder.
func (l *LogFormat) Decode(name string) error {
	if name != "json" && name != "console" {
		return errors.New("use json or console")
	}
	*l = LogFormat(name)
	return nil
}
