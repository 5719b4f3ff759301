package notify

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"licensebot/purchase"
	"licensebot/purchase/register"
)

// publishAuditHead announces the head of the audit chain in the purchases channel, once a day: with that message,
// anyone can prove later that nothing before it was changed. An unchanged head is not announced again. It returns the
// time until the next day.
func (box *Outbox) publishAuditHead(ctx context.Context, last *string) (time.Duration, error) {
	now := box.now().In(box.policy.TimeZone())
	day := now.Format(time.DateOnly)
	tomorrow := purchase.DayBegins(now.Year(), now.Month(), now.Day()+1, now.Location())
	pause := max(tomorrow.Sub(now), time.Millisecond)
	if box.purchasesChannel == "" || *last == day {
		return pause, nil
	}
	told := false
	err := box.ledger.Update(ctx, func(w purchase.Writer) error {
		told = false
		account, err := w.Account()
		if err != nil || account.HeadPublished == day {
			return err
		}
		head, err := w.Head()
		if err != nil || head.Number == 0 || head.Hash == account.HeadHash {
			return err
		}
		account.HeadPublished, account.HeadHash = day, head.Hash
		if err := w.PutAccount(account); err != nil {
			return err
		}
		told = true
		return register.AddNotification(w,
			box.reg.NewNotification(purchase.NotificationHead, "head-"+day,
				purchase.NewCause(purchase.NotificationHead, "at", purchase.ArgTime(now), "record", strconv.FormatUint(head.Number,
					10),
					"hash", head.Hash), purchase.Order{},
				""))
	})
	if err != nil {
		return 0, fmt.Errorf("tell the head of the audit chain: %w", err)
	}
	*last = day
	if told {
		box.changed("")
	}
	return pause, nil
}
