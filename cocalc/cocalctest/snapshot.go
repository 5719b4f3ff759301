package cocalctest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"
)

// snapshot is the part of a server that Restore restores: its accounts, without faults, throttles and running requests.
type snapshot struct {
	Sequences     sequences
	Accounts      []accountRow
	Keys          []keyRow
	Items         []itemRow
	Licenses      []licenseRow
	Purchases     []purchaseRow
	Subscriptions []subscriptionRow
	LastRound     time.Time // of the renewal job; zero: it does not run by itself
}

type sequences struct{ Item, Purchase, Subscription, Key int64 }

type accountRow struct {
	ID, Email, FirstName, LastName string
	Banned, Partner, MinBalanceSet bool
	MinBalance                     float64
	ClosingDay                     json.RawMessage
	Projects                       []Project
	NoStripe, NoCreditRenewals     bool `json:",omitempty"`
	Admin                          bool `json:",omitempty"`
}

type keyRow struct {
	ID                           int64
	Secret, Name, Account        string
	Created, Expires, LastActive time.Time
	Deleted                      bool
	Capabilities                 []string `json:",omitempty"`
}

type itemRow struct {
	ID                   int64
	Account, Product     string
	Added, Removed       time.Time
	Checked, Description json.RawMessage
	Project              string
	Bought               bool
	BoughtAt             time.Time
	License              string
}

type licenseRow struct {
	ID, Account                           string
	Title, Description, Quota, Purchased  json.RawMessage
	Activates, Expires, Created, LastUsed time.Time
	Managers                              []string
	RunLimit, Subscription                int64 // 0: none
}

type purchaseRow struct {
	ID, Item                     int64
	RefundOf                     int64 `json:",omitempty"`
	Account, Service, Notes      string
	License                      string
	Time, PeriodStart, PeriodEnd time.Time
	Cost, CostPerHour            float32
	Description                  json.RawMessage
}

type subscriptionRow struct {
	ID, LatestPurchase              int64
	Account, Interval, Status       string
	License                         string
	Created, PeriodStart, PeriodEnd time.Time
	Canceled, Resumed               time.Time
	Cost                            float32
	Payment                         *paymentRow `json:",omitempty"`
}

type paymentRow struct {
	Amount           float32
	Status           string
	Created, Expires time.Time
}

// Snapshot returns the state of the server's accounts as JSON; see Restore.
func (s *Server) Snapshot() []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := snapshot{Sequences: sequences{s.ids.item, s.ids.purchase, s.ids.subscription, s.ids.keyRows}}
	for _, a := range s.accounts {
		out.Accounts = append(out.Accounts, accountRow{
			a.id, a.email, a.firstName, a.lastName, a.banned, a.partner, a.minBalanceSet,
			a.minBalance, toJSON(a.closingDay), a.projects, a.noStripe, a.noCreditRenewals, a.admin,
		})
	}
	for _, k := range s.keys {
		out.Keys = append(out.Keys, keyRow{
			k.id, k.secret, k.name, k.account.id, k.created, k.expires, k.lastActive,
			k.deleted, k.capabilities,
		})
	}
	for _, i := range s.items {
		row := itemRow{
			ID: i.id, Account: i.accountID, Product: i.product, Added: i.added, Removed: i.removed,
			Checked: toJSON(i.checked), Description: toJSON(i.description), Project: i.projectID,
		}
		if i.purchased != nil {
			row.Bought, row.BoughtAt, row.License = true, i.purchased.time, i.purchased.licenseID
		}
		out.Items = append(out.Items, row)
	}
	for _, l := range s.licenses {
		row := licenseRow{
			ID: l.id, Account: l.accountID, Title: toJSON(l.title), Description: toJSON(l.description), Quota: toJSON(l.quota),
			Purchased: toJSON(l.purchased), Activates: l.activates, Expires: l.expires, Created: l.created, LastUsed: l.lastUsed,
			Managers: l.managers, RunLimit: l.runLimit,
		}
		if l.subscription != nil {
			row.Subscription = l.subscription.id
		}
		out.Licenses = append(out.Licenses, row)
	}
	for _, p := range s.purchases {
		out.Purchases = append(out.Purchases, purchaseRow{
			p.id, p.itemID, p.refundOf, p.accountID, p.service, p.notes, p.licenseID,
			p.time, p.periodStart, p.periodEnd, p.cost, p.costPerHour, toJSON(p.description),
		})
	}
	for _, u := range s.subscriptions {
		row := subscriptionRow{
			u.id, u.latestPurchase, u.accountID, u.interval, u.status, u.licenseID,
			u.created, u.periodStart, u.periodEnd, u.canceled, u.resumed, u.cost, nil,
		}
		if p := u.payment; p != nil {
			row.Payment = &paymentRow{p.amount, p.status, p.created, p.expires}
		}
		out.Subscriptions = append(out.Subscriptions, row)
	}
	if s.renewals {
		out.LastRound = s.lastRound
	}
	data, err := json.Marshal(out)
	if err != nil {
		panic("cocalctest: a snapshot that is no JSON: " + err.Error()) // every value in it came from JSON
	}
	return data
}

// Restore restores a snapshot of another server. The server must not have accounts yet.
func (s *Server) Restore(data []byte) error {
	var in snapshot
	if err := json.Unmarshal(data, &in); err != nil {
		return fmt.Errorf("read the snapshot of CoCalc: %w", err)
	}
	var broken error
	value := func(raw json.RawMessage) any {
		v, err := parseJSON(raw)
		if err != nil && broken == nil {
			broken = fmt.Errorf("read the snapshot of CoCalc: %w", err)
		}
		return v
	}
	members := func(raw json.RawMessage) object { o, _ := value(raw).(object); return o }
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.accounts) > 0 {
		return fmt.Errorf("restore CoCalc: it has %d accounts already", len(s.accounts))
	}
	byID := map[string]*account{}
	for _, r := range in.Accounts {
		a := &account{
			r.ID, r.Email, r.FirstName, r.LastName, r.Banned, r.Partner, r.MinBalance, r.MinBalanceSet,
			value(r.ClosingDay), r.Projects, r.NoStripe, r.NoCreditRenewals, r.Admin,
		}
		s.accounts, byID[r.ID] = append(s.accounts, a), a
	}
	for _, r := range in.Keys {
		if byID[r.Account] == nil {
			return fmt.Errorf("restore CoCalc: the API key %d is of no account", r.ID)
		}
		s.keys = append(s.keys, &apiKey{
			id: r.ID, secret: r.Secret, name: r.Name, account: byID[r.Account], created: r.Created,
			expires: r.Expires, lastActive: r.LastActive, deleted: r.Deleted, capabilities: r.Capabilities,
		})
	}
	for _, r := range in.Items {
		item := &cartItem{
			id: r.ID, accountID: r.Account, added: r.Added, checked: value(r.Checked), removed: r.Removed,
			product: r.Product, description: value(r.Description), projectID: r.Project,
		}
		if r.Bought {
			item.purchased = &cartPurchase{r.BoughtAt, r.License}
		}
		s.items = append(s.items, item)
	}
	subscriptions := map[int64]*subscription{}
	for _, r := range in.Subscriptions {
		u := &subscription{
			r.ID, r.Account, r.Created, r.Cost, r.Interval, r.PeriodStart, r.PeriodEnd, r.LatestPurchase, r.Status, r.License,
			r.Canceled, r.Resumed, nil,
		}
		if p := r.Payment; p != nil {
			u.payment = &payment{p.Amount, p.Status, p.Created, p.Expires}
		}
		s.subscriptions, subscriptions[r.ID] = append(s.subscriptions, u), u
	}
	for _, r := range in.Licenses {
		s.licenses = append(s.licenses, &license{
			r.ID, r.Account, value(r.Title), value(r.Description), r.Activates, r.Expires, r.Created,
			r.LastUsed, r.Managers, members(r.Quota), r.RunLimit, members(r.Purchased), subscriptions[r.Subscription],
		})
	}
	for _, r := range in.Purchases {
		s.purchases = append(s.purchases, &purchase{
			r.ID, r.Account, r.Time, r.Cost, r.PeriodStart, r.PeriodEnd, r.CostPerHour, r.Service,
			value(r.Description), r.Notes, r.License, r.Item, r.RefundOf,
		})
	}
	if !in.LastRound.IsZero() {
		s.lastRound = in.LastRound
	}
	s.ids.item, s.ids.purchase, s.ids.subscription, s.ids.keyRows = in.Sequences.Item, in.Sequences.Purchase,
		in.Sequences.Subscription, in.Sequences.Key
	return broken
}

// Account returns an account by its ID; ok is false if there is none.
func (s *Server) Account(id string) (*Account, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, a := range s.accounts {
		if a.id == id {
			return &Account{s, a}, true
		}
	}
	return nil, false
}

// KeepNow passes a changed snapshot to Config.Keep, and returns once that returned. Requests are answered only
// afterwards, so what a caller has read survives the program. Call it before showing the account to people.
func (s *Server) KeepNow() {
	if s.keeper == nil {
		return
	}
	s.keeping.Lock()
	defer s.keeping.Unlock()
	if now := s.Snapshot(); !bytes.Equal(now, s.kept) {
		s.keeper(now)
		s.kept = now
	}
}
