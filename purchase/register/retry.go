package register

import (
	"context"

	"licensebot/purchase"
)

// PausedNow reads whether buying is stopped, other than by the server.
func (reg *Register) PausedNow(ctx context.Context) (no *purchase.Refusal, err error) {
	err = reg.ledger.View(ctx, func(r purchase.Reader) error {
		account, err := r.Account()
		no = reg.RefuseStopped(account)
		return err
	})
	return no, err
}
