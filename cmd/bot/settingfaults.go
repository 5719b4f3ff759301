package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"
)

// errSettings is wrapped by every error that a person ends by changing a setting.
var errSettings = errors.New("invalid configuration")

// settingFault is what is wrong with one setting.
type settingFault struct {
	setting string // its name
	text    string // what is wrong, and what to write; never a secret
}

func (f settingFault) Error() string { return f.setting + ": " + f.text }

// settingFaults are all that is wrong with the settings.
type settingFaults []settingFault

func (f *settingFaults) add(setting, format string, args ...any) {
	*f = append(*f, settingFault{setting, fmt.Sprintf(format, args...)})
}

// of returns the faults of these settings alone.
func (f settingFaults) of(settings ...string) (some settingFaults) {
	for _, fault := range f {
		if slices.Contains(settings, fault.setting) {
			some = append(some, fault)
		}
	}
	return some
}

// err is nil without a fault. Its text has a line for each.
func (f settingFaults) err() error {
	var lines []error
	for _, fault := range f {
		lines = append(lines, fault)
	}
	return settingsError(lines)
}

// settingsError puts lines about settings under one heading.
func settingsError(lines []error) error {
	if len(lines) == 0 {
		return nil
	}
	return fmt.Errorf("%w:\n%w", errSettings, errors.Join(lines...))
}

// quotes are the quotation marks of shells and of text processors.
const quotes = "\"'`“”„‘’‚«»"

// cleanValue is how every setting and every file of a secret is read: without blanks, line ends of Windows and byte order
// marks around the value. It refuses a value in quotes. A shell takes them off; docker's --env-file, systemd's credentials
// and editors do not, and with them a ledger has another name.
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
		return "", errors.New("the value has quotes around it; write it without them, since docker's --env-file and files of secrets keep them as part of the value")
	}
	return value, nil
}

func lastRune(text string) (last rune) {
	for _, last = range text {
	}
	return last
}
