package storage

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"

	"licensebot/internal/failpoint"
	"licensebot/purchase"
)

// WithFailpoints returns the ledger with a failpoint before each commit and one after it, before Update returns. They
// are named for the transaction's audit records, or else for what it changes; a transaction without changes has none.
func WithFailpoints(ledger purchase.Ledger) purchase.Ledger { return failpointLedger{ledger} }

// failpointLedger commits between failpoints.
type failpointLedger struct{ purchase.Ledger }

func (l failpointLedger) Update(ctx context.Context, change func(purchase.Writer) error) error {
	var name failpoint.Name
	err := l.Ledger.Update(ctx, func(w purchase.Writer) error {
		t := &txTrace{Writer: w}
		if err := change(t); err != nil {
			return err
		}
		if name = t.name(); name != "" {
			failpoint.Hit(failpoint.Before, name)
		}
		return nil
	})
	if err == nil && name != "" {
		failpoint.Hit(failpoint.After, name)
	}
	return err
}

// txTrace notes what a transaction changes.
type txTrace struct {
	purchase.Writer
	records []string // kinds of its audit records, each once
	fields  []string // changed fields of orders and of the account
}

func (t *txTrace) AppendEvent(e purchase.Event) error {
	if !slices.Contains(t.records, e.Kind) {
		t.records = append(t.records, e.Kind)
	}
	return t.Writer.AppendEvent(e)
}

func (t *txTrace) PutOrder(o purchase.Order) error {
	before, err := t.Order(o.ID)
	if err != nil && !errors.Is(err, purchase.ErrNoOrder) {
		return err
	}
	t.compare(before, o)
	return t.Writer.PutOrder(o)
}

func (t *txTrace) PutAccount(a purchase.AccountState) error {
	before, err := t.Account()
	if err != nil {
		return err
	}
	t.compare(before, a)
	return t.Writer.PutAccount(a)
}

func (t *txTrace) PutOwned(l purchase.OwnedLicense) error {
	t.fields = append(t.fields, "owned")
	return t.Writer.PutOwned(l)
}

func (t *txTrace) DropOwned(licenseID string) error {
	t.fields = append(t.fields, "owned")
	return t.Writer.DropOwned(licenseID)
}

// compare notes the fields of a record that change: "wait", or "wait emptied" for a field that is removed.
func (t *txTrace) compare(before, after any) {
	was, is := fields(before), fields(after)
	for name, value := range is {
		if string(was[name]) != string(value) {
			t.fields = append(t.fields, name)
		}
	}
	for name := range was {
		if _, kept := is[name]; !kept {
			t.fields = append(t.fields, name+" emptied")
		}
	}
}

// fields returns the fields of a record in JSON.
func fields(record any) map[string]json.RawMessage {
	data, err := json.Marshal(record)
	if err != nil {
		return nil
	}
	var all map[string]json.RawMessage
	if json.Unmarshal(data, &all) != nil {
		return nil
	}
	return all
}

// stepFields lists, in priority order, the fields that name the failpoint of a transaction without audit records.
var stepFields = []string{
	"parked", "parked emptied", "checkout_answer", "failure", "hold", "add_sent", "add_sent emptied", "wait",
	"wait emptied", "watch_until", "messages", "head_told", "reconciled", "notices", "watching", "followed", "owned",
}

// name returns the name of the transaction's failpoint; empty if it changed nothing.
func (t *txTrace) name() failpoint.Name {
	switch {
	case len(t.records) > 0:
		return failpoint.Transaction(strings.Join(t.records, ", "))
	case len(t.fields) == 0:
		return ""
	}
	for _, field := range stepFields {
		if slices.Contains(t.fields, field) {
			return failpoint.Transaction("only " + field)
		}
	}
	switch {
	// a watch that is started again has a rounded end, perhaps the same
	case len(t.fields) == 1 && t.fields[0] == "updated",
		slices.Contains(t.fields, "watch_until emptied"):
		return failpoint.Transaction("only watch_until")
	case slices.Contains(t.fields, "notices emptied"): // the order in which recipients are notified varies
		return failpoint.Transaction("only notices")
	}
	slices.Sort(t.fields)
	return failpoint.Transaction("only " + t.fields[0])
}
