package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"

	"licensebot/internal/app"
)

// settingFault is a fault of one setting.
type settingFault struct {
	setting string // its name
	text    string // what is wrong, and what to write; never contains a secret
}

func (f settingFault) Error() string { return f.setting + ": " + f.text }

// settingFaults are all faults of the settings.
type settingFaults []settingFault

func (f *settingFaults) add(setting, format string, args ...any) {
	*f = append(*f, settingFault{setting, fmt.Sprintf(format, args...)})
}

// of returns the faults of these settings.
func (f settingFaults) of(settings ...string) (some settingFaults) {
	for _, fault := range f {
		if slices.Contains(settings, fault.setting) {
			some = append(some, fault)
		}
	}
	return some
}

// err returns nil without faults. Otherwise its text has a line for each.
func (f settingFaults) err() error {
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
		return "", errors.New("remove the quotes around the value: docker's --env-file and secret files keep them as part of it")
	}
	return value, nil
}

func lastRune(text string) (last rune) {
	for _, last = range text {
	}
	return last
}
