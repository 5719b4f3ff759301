package cocalc

import (
	"testing"
	"time"
)

// Rows of a renewal, a change and a refund, as the real server lists them (the first two recorded on 28 November 2026).
func TestClient_Purchases_Upkeep(t *testing.T) {
	const (
		info = `"type":"quota","user":"business","version":"3","custom_cpu":1,"custom_ram":4,"custom_disk":3,` +
			`"subscription":"monthly","custom_member":true,"custom_uptime":"short","start":"2026-11-28T17:14:18.945Z"`
		renewal = `{"id":126,"time":"2026-11-28T17:15:19.869Z","cost":24.76,"service":"edit-license","description":{` +
			`"type":"edit-license","license_id":"6478ae65","origInfo":{"end":"2026-12-28T23:59:59.999Z","quantity":2,` + info +
			`},"modifiedInfo":{"end":"2027-01-28T23:59:59.999Z","quantity":2,` + info + `}}}`
		change = `{"id":145,"time":"2026-11-28T17:16:42.978Z","cost":-12.3,"service":"edit-license","description":{` +
			`"type":"edit-license","license_id":"6478ae65","origInfo":{"end":"2026-12-28T23:59:59.999Z","quantity":3,` + info +
			`},"modifiedInfo":{"end":"2026-12-28T23:59:59.999Z","quantity":2,` + info + `}}}`
		refund = `{"id":150,"time":"2026-11-29T10:00:00.000Z","cost":-24.76,"service":"refund","description":{` +
			`"type":"refund","purchase_id":126,"reason":"requested_by_customer"}}`
		odd = `{"id":151,"time":"2026-11-29T10:00:00.000Z","cost":1,"service":"edit-license","description":{` +
			`"license_id":"6478ae65","origInfo":"x","modifiedInfo":null}}`
	)
	c, _ := serve(t, map[string][]reply{
		getPurchases: always(`{"purchases":[` + odd + `,` + refund + `,` + change + `,` + renewal + `]}`),
	})
	rows, err := c.Purchases(t.Context(), PurchaseFilter{})
	if err != nil || len(rows) != 4 {
		t.Fatalf("got %+v, %v, want four rows", rows, err)
	}
	if got := rows[3].Change; got == nil || !got.Extends() || got.After.End.Format(time.DateOnly) != "2027-01-28" ||
		got.After.RunLimit != 2 || got.After.RAM != 4 || !got.After.Member || got.After.Uptime != "short" {
		t.Errorf("the renewal: got %+v, want the same terms until 2027-01-28", got)
	}
	if got := rows[2].Change; got == nil || got.Extends() || got.Before.RunLimit != 3 || got.After.RunLimit != 2 ||
		got.Before.GivesSame(got.After) || got.Before.Same(got.After) {
		t.Errorf("the change: got %+v, want two projects after three", got)
	}
	if got := rows[1]; got.RefundOf != 126 || got.Cost != -2476 || got.Change != nil {
		t.Errorf("the refund: got %+v, want one of purchase 126", got)
	}
	if got := rows[0]; got.Change != nil || got.LicenseID != "6478ae65" {
		t.Errorf("a row that doesn't tell its change: got %+v, want none", got)
	}
}
