package history

import (
	"context"
	"maps"
	"slices"

	"licensebot/purchase"
)

// batch is a ledger within one transaction of another: its Updates are parts of that transaction. It keeps the account,
// and the orders and budgets of the transaction, in memory, and writes each once, at the end. So an order that is
// proposed, bought and shown within one transaction is encoded once.
//
// The methods of Reader that list records don't see what is kept; the history calls them only on a new ledger.
type batch struct {
	purchase.Writer

	orders  map[purchase.OrderID]purchase.Order
	budgets map[string]purchase.Budget
	account *purchase.AccountState
	written map[string]bool // months in budgets that were written, not only read
	touched bool            // account was written, not only read
}

// begin continues in another transaction.
func (b *batch) begin(w purchase.Writer) {
	*b = batch{
		Writer: w, orders: map[purchase.OrderID]purchase.Order{}, budgets: map[string]purchase.Budget{},
		written: map[string]bool{},
	}
}

// flush writes what is kept.
func (b *batch) flush() error {
	for _, id := range slices.Sorted(maps.Keys(b.orders)) {
		if err := b.Writer.PutOrder(b.orders[id]); err != nil {
			return err
		}
	}
	for _, month := range slices.Sorted(maps.Keys(b.written)) {
		if err := b.Writer.PutBudget(b.budgets[month]); err != nil {
			return err
		}
	}
	if !b.touched {
		return nil
	}
	return b.Writer.PutAccount(*b.account)
}

// Update implements purchase.Ledger. After an error, the whole transaction has to fail.
func (b *batch) Update(_ context.Context, change func(purchase.Writer) error) error { return change(b) }

// View implements purchase.Ledger.
func (b *batch) View(_ context.Context, read func(purchase.Reader) error) error { return read(b) }

// Here implements purchase.Ledger: the ledger is where it belongs.
func (b *batch) Here(context.Context) error { return nil }

// Room implements purchase.Ledger: there is enough, or the transaction fails.
func (b *batch) Room(context.Context) error { return nil }

// Order implements purchase.Reader.
func (b *batch) Order(id purchase.OrderID) (purchase.Order, error) {
	if o, kept := b.orders[id]; kept {
		o.Messages = slices.Clone(o.Messages) // callers change messages in place, and may store nothing
		return o, nil
	}
	return b.Writer.Order(id)
}

// PutOrder implements purchase.Writer.
func (b *batch) PutOrder(o purchase.Order) error {
	b.orders[o.ID] = o
	return nil
}

// Budget implements purchase.Reader.
func (b *batch) Budget(month string) (purchase.Budget, error) {
	if budget, kept := b.budgets[month]; kept {
		return budget, nil
	}
	budget, err := b.Writer.Budget(month)
	if err == nil {
		b.budgets[month] = budget
	}
	return budget, err
}

// BudgetForChange implements purchase.Writer.
func (b *batch) BudgetForChange(month string) (purchase.Budget, error) {
	budget, err := b.Budget(month)
	budget.People = maps.Clone(budget.People)
	return budget, err
}

// PutBudget implements purchase.Writer.
func (b *batch) PutBudget(budget purchase.Budget) error {
	b.budgets[budget.Month], b.written[budget.Month] = budget, true
	return nil
}

// Account implements purchase.Reader.
func (b *batch) Account() (purchase.AccountState, error) {
	if b.account != nil {
		return *b.account, nil
	}
	account, err := b.Writer.Account()
	if err == nil {
		b.account = &account
	}
	return account, err
}

// PutAccount implements purchase.Writer.
func (b *batch) PutAccount(account purchase.AccountState) error {
	b.account, b.touched = &account, true
	return nil
}
