package register

import (
	"fmt"
	"strconv"

	"licensebot/cocalc"
	"licensebot/purchase"
)

// EnterUpkeep enters what CoCalc charged or gave back for a license since it was bought, in the caller's transaction:
// for each row that the license doesn't have yet, an entry of the purchase log, the budget of the row's month, and an
// audit record; and a notice for each pair of charges that had one effect. rows are ascending by their numbers. bought
// is the license's purchase. It returns the license after them, which the caller stores.
func (reg *Register) EnterUpkeep(w purchase.Writer, l purchase.OwnedLicense, bought purchase.Purchase,
	rows []cocalc.PurchaseRow,
) (purchase.OwnedLicense, error) {
	for _, row := range rows {
		if row.Time.IsZero() {
			row.Time = reg.now()
		}
		before := len(l.Doubles)
		after, entry, ok := l.Enter(row, bought, reg.policy.Month(row.Time))
		if !ok {
			continue
		}
		entry, err := w.AddPurchase(entry)
		if err != nil {
			return l, err
		}
		l = after.SetEntry(row.ID, entry.Number)
		if err := reg.recordUpkeep(w, entry); err != nil {
			return l, err
		}
		for _, d := range l.Doubles[before:] {
			if err := reg.reportDouble(w, l, d); err != nil {
				return l, err
			}
		}
	}
	return l, nil
}

// upkeepRecords are the kinds of the audit records of upkeep.
var upkeepRecords = map[purchase.EntryKind]purchase.CauseCode{
	purchase.EntryRenewal: purchase.ResultRenewed,
	purchase.EntryEdit:    purchase.ResultEdited,
	purchase.EntryRefund:  purchase.ResultRefunded,
}

// recordUpkeep counts an entry in the budget of its month, and adds its audit record.
func (reg *Register) recordUpkeep(w purchase.Writer, e purchase.Purchase) error {
	key, err := purchase.BudgetKey(w, e.Requester)
	if err != nil {
		return err
	}
	err = purchase.ChangeBudget(w, e.Month, func(b *purchase.Budget) { b.SpendUpkeep(key, e.Charged) })
	if err != nil {
		return err
	}
	code := upkeepRecords[e.Kind]
	return w.AppendEvent(purchase.Event{
		Time: reg.now(), Kind: string(code), Order: e.Order, By: purchase.BotName, Amount: e.Charged,
		Cause: purchase.NewCause(code, "license", e.LicenseID, "amount", purchase.ArgCents(e.Charged), "purchase",
			purchase.ArgSomeID(e.PurchaseID), "at", purchase.ArgTime(e.Time), "until", purchase.ArgTime(e.Expires), "refunds",
			purchase.ArgSomeID(e.Refunds)),
	})
}

// reportDouble records two charges that had one effect, and notifies the admins and the purchases channel.
func (reg *Register) reportDouble(w purchase.Writer, l purchase.OwnedLicense, d purchase.DoubleCharge) error {
	account, err := w.Account()
	if err != nil {
		return err
	}
	what := purchase.NewCause(purchase.NotificationChargedTwice, "license", l.ID, "order", string(l.Order), "account",
		account.CoCalc, "purchase", strconv.FormatInt(d.Row, 10), "amount", purchase.ArgCents(d.Amount), "at",
		purchase.ArgTime(d.Time), "other", strconv.FormatInt(d.With, 10), "other-amount", purchase.ArgCents(d.WithAmount),
		"other-at", purchase.ArgTime(d.WithTime))
	if d.Differs {
		what = what.With("differs", purchase.ArgFlag(true))
	}
	err = w.AppendEvent(purchase.Event{
		Time: reg.now(), Kind: string(purchase.NotificationChargedTwice), Order: l.Order, By: purchase.BotName,
		Amount: d.Amount, Cause: what,
	})
	if err != nil {
		return err
	}
	n := reg.NewNotification(purchase.NotificationChargedTwice, fmt.Sprintf("charged-twice-%d", d.Row), what,
		purchase.Order{}, "")
	n.License, n.Item = l.ID, d.Row
	return AddNotification(w, n)
}
