package purchase

import (
	"context"
	"time"

	"licensebot/cocalc"
)

// Site is the address of the CoCalc server, for links.
type Site = cocalc.Site

// Shop is the part of CoCalc's API that purchasing uses. *cocalc.Client implements it and documents the methods.
type Shop interface {
	WhoAmI(ctx context.Context) (cocalc.Account, error)
	Store(ctx context.Context) (cocalc.Store, error)
	AddToCart(ctx context.Context, description []byte, projectID string) error
	Cart(ctx context.Context, which cocalc.CartFilter) ([]cocalc.CartItem, error)
	CartItem(ctx context.Context, id int64) (cocalc.CartItem, error)
	SetChecked(ctx context.Context, id int64, checked bool) (changed bool, err error)
	RemoveFromCart(ctx context.Context, id int64) (removed bool, err error)
	CheckoutParams(ctx context.Context) (cocalc.CheckoutParams, error)
	Checkout(ctx context.Context) error
	Licenses(ctx context.Context) ([]cocalc.License, error)
	License(ctx context.Context, id string) (cocalc.License, error)
	Purchases(ctx context.Context, filter cocalc.PurchaseFilter) ([]cocalc.PurchaseRow, error)
	FindBrokenItem(ctx context.Context) (cocalc.CartItem, error)
	Subscriptions(ctx context.Context) ([]cocalc.Subscription, error)
	CancelSubscription(ctx context.Context, id int64) error
	ResumeSubscription(ctx context.Context, id int64) error
	Project(ctx context.Context, id string) (cocalc.Project, error)
	// Diagnose determines the condition of the server. It only reads.
	Diagnose(ctx context.Context) cocalc.Diagnosis
	// Time returns CoCalc's current time; ok is false while it is unknown.
	Time() (now time.Time, ok bool)
}

// Request is a person's request to buy a license.
type Request struct {
	Requester Actor
	Channel   Channel
	Spec      Spec
	Reason    string
	// Trigger is Slack's id of the command, click or form; empty if it is unknown. One trigger creates at most one order.
	Trigger string
	// Replaces is the proposal that the requester edited; empty for a new request.
	Replaces OrderID
}
