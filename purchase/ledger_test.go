package purchase_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rs/zerolog"

	"licensebot/cocalc"
	"licensebot/purchase"
	"licensebot/purchase/purchasetest"
)

// Whatever the client reads from CoCalc's answers, the ledger can store and reads again unchanged; otherwise a purchase
// could be missing.
func FuzzLedger_Update_CoCalcAnswers(f *testing.F) {
	const (
		item = `{"id":7,"product":"site-license","checked":true,"added":"2026-11-23T08:30:00.000Z",` +
			`"purchased":{"success":true,"time":%q,"license_id":%q}}`
		bought = `{"purchases":[{"id":1,"time":%q,"cost":%s,"service":"license","period_end":%q,` +
			`"description":{"type":"license","license_id":%q,"item":{"id":7,"description":{"description":"x"}}}}]}`
		licenses = `[{"id":%q,"title":"t","created":%s,"expires":%s,"subscription_id":3}]`
		params   = `{"balance":10,"minPayment":0,"minBalance":0,"amountDue":%[1]s,"total":%[1]s,"cart":[{"id":7,` +
			`"product":"site-license","lineItemAmount":%[1]s,"description":{}}]}`
		account = `{"query":{"accounts":{"account_id":%q,"email_address":"a@b.c"}}}`
	)
	dates := []string{
		"2026-11-23T08:30:00.000Z", "9999-12-31T23:59:59.999Z", "+010000-01-01T00:00:00.000Z", "+275760-09-13T00:00:00.000Z",
		"-000001-01-01T00:00:00.000Z",
		"0000-01-01T00:00:00.000Z", "0000-01-01T00:00:00+14:00", "-271821-04-20T00:00:00.000Z", "1/1/0001", "never",
	}
	ids := []string{"4ab5a2de-1f0c-4a8e-9f3a-3b8a54d7e101", "", strings.Repeat("x", 40_000), "a\tb"}
	for _, date := range dates {
		f.Add([]byte("[" + fmt.Sprintf(item, date, ids[0]) + "]"))
		f.Add(fmt.Appendf(nil, bought, date, "63.75", date, ids[0]))
		f.Add(fmt.Appendf(nil, licenses, ids[0], fmt.Sprintf("%q", date), fmt.Sprintf("%q", date)))
	}
	for _, id := range ids {
		f.Add([]byte("[" + fmt.Sprintf(item, dates[0], id) + "]"))
		f.Add(fmt.Appendf(nil, bought, dates[0], "63.75", dates[0], id))
		f.Add(fmt.Appendf(nil, licenses, id, "1e18", "253402300800000"))
		f.Add(fmt.Appendf(nil, account, id))
	}
	for _, id := range []string{`"\ud800"`, "\"\xff\xfe\"", `"a\u0000b"`} {
		f.Add([]byte(strings.ReplaceAll(fmt.Sprintf(bought, dates[0], "1", dates[0], "ID"), `"ID"`, id)))
		f.Add([]byte(strings.ReplaceAll(fmt.Sprintf(account, "ID"), `"ID"`, id)))
	}
	for _, amount := range []string{
		"1e308", "-1e308", "-63.75", `"NaN"`, `"Infinity"`, "70368744177664", "-0.001", "null",
		"1e-320", "99999999999999999999",
	} {
		f.Add(fmt.Appendf(nil, bought, dates[0], amount, dates[0], ids[0]))
		f.Add(fmt.Appendf(nil, params, amount))
	}
	ledger := purchasetest.NewLedger(f)
	undone := errors.New("undone")
	f.Fuzz(func(t *testing.T, body []byte) {
		ctx := t.Context()
		client, err := cocalc.New(cocalc.Options{
			BaseURL: "http://cocalc.test", Key: "sk-1234567890abcdef",
			Transport: fixedAnswer{body}, Retries: -1, Log: zerolog.Nop(),
		})
		if err != nil {
			t.Fatal(err)
		}
		defer client.Close()
		var receipts []purchase.Receipt
		var state purchase.AccountState
		if items, err := client.Cart(ctx, cocalc.Purchased); err == nil {
			for _, i := range items {
				if i.Purchased != nil {
					receipts = append(receipts, purchase.Receipt{
						LicenseID: i.Purchased.LicenseID, Time: i.Purchased.Time,
						Expires: i.Added,
					})
				}
				state.Broken = append(state.Broken, i.ID)
				state.Notifications = append(state.Notifications,
					purchase.Notification{
						ID: i.ProjectID,
						Cause: purchase.Cause{
							Code: purchase.NotificationSettled,
							Args: purchase.Args{"reason": i.Title() + i.Text() + i.Product},
						}, Pending: []string{"C"},
					})
			}
		}
		if rows, err := client.Purchases(ctx, cocalc.PurchaseFilter{}); err == nil {
			for _, r := range rows {
				receipts = append(receipts, purchase.Receipt{
					LicenseID: r.LicenseID, PurchaseID: r.ID, Time: r.Time,
					Expires: r.PeriodEnd, Charged: r.Cost,
				})
				state.UnrecognizedPurchases = append(state.UnrecognizedPurchases, purchase.UnrecognizedPurchase{
					PurchaseID: r.ID, LicenseID: r.LicenseID, Time: r.Time,
					Cost: r.Cost,
				})
			}
		}
		if list, err := client.Licenses(ctx); err == nil {
			for _, l := range list {
				receipts = append(receipts, purchase.Receipt{LicenseID: l.ID, Time: l.Created, Expires: l.Expires})
			}
		}
		if p, err := client.CheckoutParams(ctx); err == nil {
			for _, i := range p.Items {
				if i.LineItemAmount < 0 {
					t.Errorf("item: got an amount of %s, want 0 or more", i.LineItemAmount)
				}
				receipts = append(receipts, purchase.Receipt{
					LicenseID: "x", Time: i.Added, Expires: i.Removed,
					Charged: i.LineItemAmount,
				})
			}
		}
		if who, err := client.WhoAmI(ctx); err == nil {
			state.CoCalc = who.ID
		}
		err = ledger.Update(ctx, func(w purchase.Writer) error {
			for n, r := range receipts {
				o := purchase.Order{
					ID: purchase.OrderID(fmt.Sprintf("01JD8Z3V5TQ4X6B7N8M9P%05d", n)), State: purchase.Purchased,
					Created: purchasetest.SampleTime, Amount: r.Charged, Receipt: &r,
				}
				if err := w.PutOrder(o); err != nil {
					return fmt.Errorf("order with %+v: %w", r, err)
				}
				if again, err := w.Order(o.ID); err != nil || !cmp.Equal(again.Receipt, o.Receipt) {
					t.Errorf("receipt read again: got %+v (error %v), want %+v", again.Receipt, err, o.Receipt)
				}
				if _, err := w.AddPurchase(purchase.Purchase{
					Order: o.ID, Time: r.Time, LicenseID: r.LicenseID, Charged: r.Charged,
					Expires: r.Expires,
				}); err != nil {
					return fmt.Errorf("entry of %+v: %w", r, err)
				}
				if r.LicenseID != "" {
					if _, ok, err := w.PurchaseOf(r.LicenseID); err != nil || !ok {
						t.Errorf("license %q: got found %t (error %v), want true", r.LicenseID, ok, err)
					}
				}
			}
			if err := w.PutAccount(state); err != nil {
				return fmt.Errorf("state of the account: %w", err)
			}
			return undone
		})
		if !errors.Is(err, undone) {
			t.Errorf("storing what the client understood: got error %v, want %v", err, undone)
		}
	})
}

// sameAnswer answers every request with the same body.
type fixedAnswer struct{ body []byte }

func (s fixedAnswer) RoundTrip(r *http.Request) (*http.Response, error) {
	return &http.Response{
		StatusCode: http.StatusOK, Body: io.NopCloser(bytes.NewReader(s.body)), Request: r,
		Header: http.Header{"Content-Type": {"application/json"}},
	}, nil
}
