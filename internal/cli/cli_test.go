package cli

import (
	"errors"
	"fmt"
	"testing"

	"licensebot/internal/app"
	"licensebot/purchase"
)

func TestExitCode(t *testing.T) {
	for _, c := range []struct {
		err  error
		want int
	}{
		{nil, 0},
		{errors.New("no such file"), 1},
		{fmt.Errorf("unknown option: %w", ErrUsage), 2},
		{app.ConfigError(errors.New("DATABASE: a file name is required")), 2},
		{fmt.Errorf("%w: ledger.db", app.ErrLedgerFailed), 74},
		{fmt.Errorf("write: %w", purchase.ErrUncertain), 74},
		{fmt.Errorf("write: %w", purchase.ErrStopped), 74},
	} {
		if got := ExitCode(c.err); got != c.want {
			t.Errorf("ExitCode(%v): got %d, want %d", c.err, got, c.want)
		}
	}
}

func TestText(t *testing.T) {
	for _, c := range []struct {
		err  error
		want string
	}{
		{errors.New("no such file"), "no such file"},
		{fmt.Errorf("unknown option --x: %w", ErrUsage), "unknown option --x: see 'bot help run'"},
	} {
		if got := Text(c.err, "bot help run"); got != c.want {
			t.Errorf("got %q, want %q", got, c.want)
		}
	}
}
