package purchase

import (
	"context"
	"fmt"
	"strconv"
	"time"
)

// tellHead announces the head of the audit chain in the purchases channel, once a day: with that message, anyone can
// prove later that nothing before it was changed. An unchanged head is not announced again. It returns the time until
// the next day.
func (d *Desk) tellHead(ctx context.Context, last *string) (time.Duration, error) {
	now := d.now().In(d.policy.location())
	day := now.Format(time.DateOnly)
	tomorrow := dayBegins(now.Year(), now.Month(), now.Day()+1, now.Location())
	pause := max(tomorrow.Sub(now), time.Millisecond)
	if d.purchasesChannel == "" || *last == day {
		return pause, nil
	}
	told := false
	err := d.ledger.Update(ctx, func(w Writer) error {
		told = false
		account, err := w.Account()
		if err != nil || account.HeadTold == day {
			return err
		}
		head, err := w.Head()
		if err != nil || head.Number == 0 || head.Hash == account.HeadHash {
			return err
		}
		account.HeadTold, account.HeadHash = day, head.Hash
		if err := w.PutAccount(account); err != nil {
			return err
		}
		told = true
		return addNotice(w,
			d.notice(NoticeHead, "head-"+day,
				because(NoticeHead, "at", stamp(now), "record", strconv.FormatUint(head.Number, 10), "hash", head.Hash), Order{},
				""))
	})
	if err != nil {
		return 0, fmt.Errorf("tell the head of the audit chain: %w", err)
	}
	*last = day
	if told {
		d.changed("")
	}
	return pause, nil
}
