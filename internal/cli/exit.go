package cli

import (
	"errors"

	"licensebot/internal/app"
	"licensebot/purchase"
)

// ExitLedgerFailed is the exit code if the ledger's disk failed, or its file was overwritten, while the program used
// it: only the next start learns whether the last change is in the file. It is EX_IOERR of sysexits.h.
const ExitLedgerFailed = 74

// ExitCode returns the exit code for the error with which a program ends: 0 for success, 2 if the command line or the
// settings have to change, [ExitLedgerFailed] if the program has to be started again, 1 for all other errors.
func ExitCode(err error) int {
	switch {
	case err == nil:
		return 0
	case errors.Is(err, ErrUsage), errors.Is(err, app.ErrConfig):
		return 2
	case errors.Is(err, app.ErrLedgerFailed), errors.Is(err, purchase.ErrUncertain), errors.Is(err, purchase.ErrStopped):
		return ExitLedgerFailed
	}
	return 1
}
