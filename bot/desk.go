package bot

import (
	"context"

	"licensebot/purchase"
	"licensebot/purchase/orders"
)

// Desk has the methods of purchasing with which people propose, decide and view orders. *desk.Desk implements it.
type Desk interface {
	Seller
	Propose(ctx context.Context, ask purchase.Request) (orders.View, error)
	Preview(ctx context.Context, ask purchase.Request) (orders.Preview, error)
	Decide(ctx context.Context, action purchase.Action, id purchase.OrderID, d orders.Decision) (purchase.Order, error)
	Allowed(ctx context.Context, action purchase.Action, id purchase.OrderID,
		kind orders.DecisionKind) (purchase.Order, error)
	SetPaused(ctx context.Context, action purchase.Action, paused bool, reason string) error
	View(ctx context.Context, id purchase.OrderID) (orders.View, error)
	Queue(ctx context.Context) (orders.Queue, error)
	Find(ctx context.Context, who purchase.Actor, part string) ([]purchase.OrderID, error)
	Budgets(ctx context.Context, months int) (orders.BudgetReport, error)
	History(ctx context.Context, page, size int) (orders.History, error)
	Evidence(ctx context.Context, o purchase.Order) purchase.Evidence
}

// Seller reports what can be bought, and whether the server sells it. Its methods don't block.
type Seller interface {
	Rules() orders.Rules
	Server() purchase.Server
}

// Account has the queries of the CoCalc account. *orders.Account implements it.
type Account interface {
	Licenses(ctx context.Context) ([]purchase.LicenseEntry, error)
	License(ctx context.Context, id string) (purchase.LicenseEntry, error)
	Similar(ctx context.Context, spec purchase.Spec) ([]purchase.License, error)
	Renewals(ctx context.Context) (purchase.Renewals, error)
	RemoveItem(ctx context.Context, action purchase.Action, id int64) (purchase.Cause, error)
	AllowedRenewal(ctx context.Context, action purchase.Action, license string) error
	DecideRenewal(ctx context.Context, action purchase.Action, r orders.Renewal) (purchase.Cause, error)
	RequestRefund(ctx context.Context, action purchase.Action, license string, row int64) (purchase.Cause, error)
}

// Outbox holds what the publisher shows and sends, and stores what Slack shows. *notify.Outbox implements it.
type Outbox interface {
	Order(ctx context.Context, id purchase.OrderID) (purchase.Order, error)
	StaleOrders(ctx context.Context) ([]purchase.OrderID, error)
	MarkStale(ctx context.Context, id purchase.OrderID) error
	UpdateMessages(ctx context.Context, id purchase.OrderID, set func(*purchase.Order)) (purchase.Order, error)
	SetMessage(ctx context.Context, id purchase.OrderID, m purchase.Message) error
	PendingNotifications(ctx context.Context) ([]purchase.Notification, error)
	MarkDelivered(ctx context.Context, id, recipient, problem string) error
	ExpandGroup(ctx context.Context, id, group string, members []string) error
	ExpandGroupPartly(ctx context.Context, id, group string, members []string) error
	MarkGroupUnavailable(ctx context.Context, id, group string) error
	RequestEnded(ctx context.Context, n purchase.Notification) (over bool, err error)
	RedirectToAdmins(ctx context.Context, id, channel string) error
	Channels() []string
	NoteAudience(ctx context.Context, channel string, why purchase.Outsiders) error
}
