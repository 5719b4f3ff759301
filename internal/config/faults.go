package config

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"licensebot/internal/app"
)

// Fault is a fault of one setting.
type Fault struct {
	Setting string // its name
	Text    string // the fault, and what to write instead; never contains a secret
}

func (f Fault) Error() string { return f.Setting + ": " + f.Text }

// Faults are faults of settings.
type Faults []Fault

// Add adds a fault of a setting.
func (f *Faults) Add(setting, format string, args ...any) {
	*f = append(*f, Fault{setting, fmt.Sprintf(format, args...)})
}

// Of returns the faults of these settings.
func (f Faults) Of(settings ...string) (some Faults) {
	for _, fault := range f {
		if slices.Contains(settings, fault.Setting) {
			some = append(some, fault)
		}
	}
	return some
}

// Err returns nil without faults. Otherwise its text has a line for each, and it wraps [app.ErrConfig].
func (f Faults) Err() error {
	var lines []error
	for _, fault := range f {
		lines = append(lines, fault)
	}
	return app.ConfigError(lines...)
}

// quotes are the quotation marks of shells and of text processors.
const quotes = "\"'`“”„‘’‚«»"

// cleanValue reads the value of a setting or a secret file: without spaces, Windows line endings and byte order marks
// around it. It refuses a value in quotes. A shell removes them; docker's --env-file, systemd's credentials and editors
// keep them, and DATABASE would name another ledger.
func cleanValue(raw string) (string, error) {
	value := strings.TrimFunc(raw, func(r rune) bool { return unicode.IsSpace(r) || r == '\ufeff' })
	marks := 0
	for _, r := range value {
		if strings.ContainsRune(quotes, r) {
			marks++
		}
	}
	begins, ends := strings.IndexAny(value, quotes) == 0, value != "" && strings.ContainsRune(quotes, lastRune(value))
	if begins || ends && marks%2 == 1 {
		return "", errors.New("remove the quotes around the value: " +
			"docker's --env-file and secret files keep them as part of it")
	}
	return value, nil
}

func lastRune(text string) rune {
	last, _ := utf8.DecodeLastRuneInString(text)
	return last
}
