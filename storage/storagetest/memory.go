package storagetest

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"licensebot/purchase"
)

// Memory is a ledger in memory, for tests that need many of them quickly. It passes the suite and is safe for
// concurrent use. The zero value is an empty ledger.
type Memory struct {
	// Full makes the ledger behave as if its disk were full: an update that writes returns purchase.ErrFull.
	Full atomic.Bool

	mu        sync.RWMutex
	orders    map[purchase.OrderID]storedOrder
	ids       []purchase.OrderID // of all orders, sorted
	purchases [][]byte
	licenses  map[string]int // license: index of its first entry in purchases
	budgets   map[string]purchase.Budget
	account   []byte
	owned     map[string][]byte // what became of licenses, as JSON
	events    []purchase.Event
}

// storedOrder is an order as JSON, so that no caller shares a slice with the ledger, and the fields of the indexes.
type storedOrder struct {
	data              []byte
	open, unpublished bool
	queued            purchase.QueueEntry
}

// View implements purchase.Ledger.
func (m *Memory) View(ctx context.Context, read func(purchase.Reader) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	m.mu.RLock()
	defer m.mu.RUnlock()
	return read(&transaction{m: m})
}

// Update implements purchase.Ledger.
func (m *Memory) Update(ctx context.Context, change func(purchase.Writer) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	w := &transaction{m: m}
	done := false
	defer func() {
		for ; !done && len(w.undo) > 0; w.undo = w.undo[:len(w.undo)-1] { // also when change panics
			w.undo[len(w.undo)-1]()
		}
	}()
	if err := change(w); err != nil {
		return err
	}
	if m.Full.Load() && len(w.undo) > 0 {
		return fmt.Errorf("write the ledger: %w", purchase.ErrFull)
	}
	done = true
	return nil
}

// Here implements purchase.Ledger.
func (m *Memory) Here(ctx context.Context) error { return ctx.Err() }

// Room implements purchase.Ledger.
func (m *Memory) Room(ctx context.Context) error {
	if m.Full.Load() {
		return purchase.ErrFull
	}
	return ctx.Err()
}

// transaction changes the ledger in place, and keeps functions that undo the changes, the last one last.
type transaction struct {
	m    *Memory
	undo []func()
}

// set sets the value of a key in a map of the ledger.
func set[K comparable, V any](w *transaction, in *map[K]V, key K, value V) {
	if *in == nil {
		*in = map[K]V{}
	}
	before, had := (*in)[key]
	w.undo = append(w.undo, func() {
		if had {
			(*in)[key] = before
		} else {
			delete(*in, key)
		}
	})
	(*in)[key] = value
}

// add appends a value to a slice of the ledger.
func add[V any](w *transaction, to *[]V, value V) {
	before := *to
	w.undo = append(w.undo, func() { *to = before })
	*to = append(before, value)
}

// parsed decodes JSON; no data is the zero value.
func parsed[T any](data []byte) (value T, err error) {
	if data != nil {
		err = json.Unmarshal(data, &value)
	}
	return value, err
}

func (w *transaction) Order(id purchase.OrderID) (purchase.Order, error) {
	o, ok := w.m.orders[id]
	if !ok {
		return purchase.Order{}, fmt.Errorf("%w: %q", purchase.ErrNoOrder, id)
	}
	return parsed[purchase.Order](o.data)
}

func (w *transaction) OpenOrders() (open []purchase.Order, err error) {
	for _, id := range w.m.ids {
		if w.m.orders[id].open {
			o, err := w.Order(id)
			if err != nil {
				return nil, err
			}
			open = append(open, o)
		}
	}
	return open, nil
}

func (w *transaction) Queue() (queue []purchase.QueueEntry, err error) {
	for _, id := range w.m.ids {
		if o := w.m.orders[id]; o.open {
			queue = append(queue, o.queued)
		}
	}
	return queue, nil
}

func (w *transaction) Unpublished() (ids []purchase.OrderID, err error) {
	for _, id := range w.m.ids {
		if w.m.orders[id].unpublished {
			ids = append(ids, id)
		}
	}
	return ids, nil
}

func (w *transaction) Orders(before purchase.OrderID, limit int) (page []purchase.Order, err error) {
	end := len(w.m.ids)
	if before != "" {
		end, _ = slices.BinarySearch(w.m.ids, before)
	}
	for i := end - 1; i >= 0 && len(page) < limit; i-- {
		o, err := w.Order(w.m.ids[i])
		if err != nil {
			return nil, err
		}
		page = append(page, o)
	}
	return page, nil
}

func (w *transaction) OrdersNamed(part string, limit int) (ids []purchase.OrderID, err error) {
	for _, id := range slices.Backward(w.m.ids) {
		if len(ids) < limit && (strings.HasPrefix(string(id), part) || strings.HasSuffix(string(id), part)) {
			ids = append(ids, id)
		}
	}
	return ids, nil
}

func (w *transaction) OrdersOfItem(item int64) (ids []purchase.OrderID, err error) {
	for _, id := range slices.Backward(w.m.ids) {
		o, err := w.Order(id)
		if err != nil {
			return nil, err
		}
		if item != 0 && o.ItemID == item {
			ids = append(ids, id)
		}
	}
	return ids, nil
}

func (w *transaction) Purchases(before uint64, limit int) (page []purchase.Purchase, err error) {
	end := len(w.m.purchases)
	if before > 0 {
		end = min(end, int(before)-1)
	}
	for i := end - 1; i >= 0 && len(page) < limit; i-- {
		p, err := parsed[purchase.Purchase](w.m.purchases[i])
		if err != nil {
			return nil, err
		}
		page = append(page, p)
	}
	return page, nil
}

func (w *transaction) PurchasesSince(t time.Time) (first uint64, err error) {
	for i, data := range w.m.purchases {
		p, err := parsed[purchase.Purchase](data)
		if err != nil || !p.Time.Before(t) {
			return uint64(i) + 1, err
		}
	}
	return uint64(len(w.m.purchases)) + 1, nil
}

func (w *transaction) PurchaseOf(licenseID string) (p purchase.Purchase, ok bool, err error) {
	at, ok := w.m.licenses[licenseID]
	if ok {
		p, err = parsed[purchase.Purchase](w.m.purchases[at])
	}
	return p, ok, err
}

func (w *transaction) Budget(month string) (purchase.Budget, error) {
	b := copyBudget(w.m.budgets[month])
	b.Month = month
	return b, nil
}

// copyBudget returns a budget that shares no map with b: a caller may change it.
func copyBudget(b purchase.Budget) purchase.Budget {
	b.People = maps.Clone(b.People)
	for key, share := range b.People {
		share.Days, share.Auto = maps.Clone(share.Days), maps.Clone(share.Auto)
		b.People[key] = share
	}
	return b
}

func (w *transaction) Budgets(limit int) (page []purchase.Budget, err error) {
	months := slices.Sorted(maps.Keys(w.m.budgets))
	for i := len(months) - 1; i >= 0 && len(page) < limit; i-- {
		page = append(page, copyBudget(w.m.budgets[months[i]]))
	}
	return page, nil
}

func (w *transaction) Account() (purchase.AccountState, error) {
	return parsed[purchase.AccountState](w.m.account)
}

func (w *transaction) Events(first uint64, limit int) ([]purchase.Event, error) {
	from := min(int(max(first, 1))-1, len(w.m.events))
	return slices.Clone(w.m.events[from:min(from+limit, len(w.m.events))]), nil
}

func (w *transaction) OrderFacts(after purchase.OrderID, limit int) (page []purchase.OrderFacts, err error) {
	from, found := slices.BinarySearch(w.m.ids, after)
	if found {
		from++
	}
	for i := from; i < len(w.m.ids) && len(page) < limit; i++ {
		o, err := w.Order(w.m.ids[i])
		if err != nil {
			return nil, err
		}
		page = append(page, o.Facts())
	}
	return page, nil
}

func (w *transaction) EntryFacts(first uint64, limit int) (page []purchase.EntryFacts, err error) {
	for i := int(max(first, 1)) - 1; i < len(w.m.purchases) && len(page) < limit; i++ {
		p, err := parsed[purchase.Purchase](w.m.purchases[i])
		if err != nil {
			return nil, err
		}
		page = append(page, p.Facts())
	}
	return page, nil
}

func (w *transaction) EventFacts(first uint64, limit int) (page []purchase.EventFacts, err error) {
	events, err := w.Events(first, limit)
	for _, e := range events {
		page = append(page, e.Facts())
	}
	return page, err
}

func (w *transaction) EventsSince(t time.Time) (first uint64, err error) {
	for _, e := range w.m.events {
		if !e.Time.Before(t) {
			return e.Number, nil
		}
	}
	return uint64(len(w.m.events)) + 1, nil
}

func (w *transaction) Head() (head purchase.Event, err error) {
	if n := len(w.m.events); n > 0 {
		head = w.m.events[n-1]
	}
	return head, nil
}

func (w *transaction) PutOrder(o purchase.Order) error {
	data, err := json.Marshal(o)
	if err != nil {
		return err
	}
	if at, known := slices.BinarySearch(w.m.ids, o.ID); !known {
		before := w.m.ids
		w.undo = append(w.undo, func() { w.m.ids = before })
		w.m.ids = slices.Insert(slices.Clone(before), at, o.ID)
	}
	set(w, &w.m.orders, o.ID,
		storedOrder{data, o.Open(), o.Stale(), purchase.QueueEntry{ID: o.ID, State: o.State, Confirmed: o.Confirmed}})
	return nil
}

func (w *transaction) AddPurchase(p purchase.Purchase) (purchase.Purchase, error) {
	p.Number = uint64(len(w.m.purchases)) + 1
	data, err := json.Marshal(p)
	if err != nil {
		return p, err
	}
	if _, known := w.m.licenses[p.LicenseID]; !known && p.LicenseID != "" {
		set(w, &w.m.licenses, p.LicenseID, len(w.m.purchases))
	}
	add(w, &w.m.purchases, data)
	return p, nil
}

func (w *transaction) BudgetForChange(month string) (purchase.Budget, error) {
	return w.Budget(month)
}

func (w *transaction) PutBudget(b purchase.Budget) error {
	set(w, &w.m.budgets, b.Month, b)
	return nil
}

func (w *transaction) Owned(licenseID string) (l purchase.OwnedLicense, ok bool, err error) {
	data, ok := w.m.owned[licenseID]
	l, err = parsed[purchase.OwnedLicense](data)
	return l, ok && err == nil, err
}

func (w *transaction) OwnedAfter(after string, limit int) (all []purchase.OwnedLicense, err error) {
	for _, id := range slices.Sorted(maps.Keys(w.m.owned)) {
		if id <= after || len(all) >= limit {
			continue
		}
		l, _, err := w.Owned(id)
		if err != nil {
			return nil, err
		}
		all = append(all, l)
	}
	return all, nil
}

func (w *transaction) PutOwned(l purchase.OwnedLicense) error {
	data, err := json.Marshal(l)
	if err == nil {
		set(w, &w.m.owned, l.ID, data)
	}
	return err
}

func (w *transaction) DropOwned(licenseID string) error {
	if before, ok := w.m.owned[licenseID]; ok {
		w.undo = append(w.undo, func() { w.m.owned[licenseID] = before })
		delete(w.m.owned, licenseID)
	}
	return nil
}

func (w *transaction) PutAccount(a purchase.AccountState) error {
	data, err := json.Marshal(a)
	if err != nil {
		return err
	}
	before := w.m.account
	w.undo = append(w.undo, func() { w.m.account = before })
	w.m.account = data
	return nil
}

func (w *transaction) AppendEvent(e purchase.Event) error {
	head, err := w.Head()
	if err != nil {
		return err
	}
	e = e.Legible()
	e.Number, e.Prev = head.Number+1, head.Hash
	e.Time = e.Time.Round(0) // without the monotonic clock, which JSON does not keep
	if e.Hash, err = Hash(e); err != nil {
		return err
	}
	add(w, &w.m.events, e)
	return nil
}

// Hash returns the hash that an audit record must have: the hex SHA-256 of its JSON with Prev and with an empty Hash.
// It is computed here again, so that the suite doesn't trust the implementation under test.
func Hash(e purchase.Event) (string, error) {
	e.Hash = ""
	data, err := json.Marshal(e)
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:]), err
}
