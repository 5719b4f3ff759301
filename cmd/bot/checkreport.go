package main

import (
	"fmt"
	"io"

	"licensebot/commands"
)

// result is the outcome of a check.
type result string

const (
	pass result = "PASS"
	warn result = "WARN" // it works; a person may want to change it
	fail result = "FAIL" // the bot would not start, or an order would fail
)

// finding is one line of bot check.
type finding struct {
	Result  result `json:"result"`
	Subject string `json:"subject"`          // a setting, or a side: "CoCalc key"
	Text    string `json:"text"`             // what was found
	Remedy  string `json:"remedy,omitempty"` // what to do about it, in whole sentences
	// Unchecked is set if the check could not be made now.
	Unchecked bool `json:"unchecked,omitempty"`
}

func (f finding) String() string {
	text := fmt.Sprintf("%s %s: %s", f.Result, f.Subject, f.Text)
	if f.Remedy != "" {
		text += ". " + f.Remedy
	}
	return commands.OneLine(text)
}

// findings are what bot check prints, in its order.
type findings []finding

func (f *findings) pass(subject, format string, args ...any) {
	*f = append(*f, finding{Result: pass, Subject: subject, Text: fmt.Sprintf(format, args...)})
}

func (f *findings) warn(subject, remedy, format string, args ...any) {
	*f = append(*f, finding{Result: warn, Subject: subject, Text: fmt.Sprintf(format, args...), Remedy: remedy})
}

func (f *findings) fail(subject, remedy, format string, args ...any) {
	*f = append(*f, finding{Result: fail, Subject: subject, Text: fmt.Sprintf(format, args...), Remedy: remedy})
}

// unchecked notes that a check could not be made.
func (f *findings) unchecked(subject, remedy, format string, args ...any) {
	*f = append(*f, finding{
		Result: warn, Subject: subject, Text: "not checked: " + fmt.Sprintf(format, args...),
		Remedy: remedy, Unchecked: true,
	})
}

// count returns the number of lines of each kind. An unchecked line is no warning.
func (f findings) count() (failed, warned, unchecked int) {
	for _, one := range f {
		switch {
		case one.Result == fail:
			failed++
		case one.Unchecked:
			unchecked++
		case one.Result == warn:
			warned++
		}
	}
	return failed, warned, unchecked
}

// err returns nil if all is well. Otherwise its exit code is 1 for a failure, 2 if something could not be checked, and
// with strict 1 for a warning.
func (f findings) err(strict bool) error {
	failed, warned, unchecked := f.count()
	switch {
	case failed > 0:
		return &exitError{1, fmt.Errorf("%s failed", plural(failed, "check"))}
	case unchecked > 0:
		return &exitError{2, fmt.Errorf("%s couldn't run", plural(unchecked, "check"))}
	case strict && warned > 0:
		return &exitError{1, fmt.Errorf("%s, and --strict allows none", plural(warned, "warning"))}
	}
	return nil
}

// print writes a line for each finding, as text or as JSON.
func (f findings) print(out io.Writer, asJSON bool) error {
	if asJSON {
		return writeJSON(out, f)
	}
	for _, one := range f {
		if _, err := fmt.Fprintln(out, one); err != nil {
			return err
		}
	}
	return nil
}
