package purchase_test

import (
	"encoding/json"
	"testing"
	"time"

	"licensebot/purchase"
	"licensebot/purchase/register"

	"licensebot/cocalc"
)

// An incident of an older version whose arguments name no order keeps the sentence that does.
func TestIncident_UnmarshalJSON_KeepsTheOrder(t *testing.T) {
	const text = "A purchase has the tag of order 01JD8Z3V5TQ4X6B7N8M9P0RSTW"
	for _, c := range []struct {
		record string
		keeps  bool
	}{
		{`{"code":"unattributed-purchase","args":{"license":"x"},"text":"` + text + `"}`, true},
		{`{"code":"unattributed-purchase","args":{"license":"x","order":"01JD8Z3V5TQ4X6B7N8M9P0RSTW"},` +
			`"text":"` + text + `"}`, false},
		{`{"code":"charged","args":{"order":"x"},"text":"` + text + `"}`, false},
	} {
		var in purchase.Incident
		if err := json.Unmarshal([]byte(c.record), &in); err != nil {
			t.Fatal(err)
		}
		kept := len(in.Causes) == 1 && in.Causes[0].Code == purchase.Untranslated && in.Causes[0].Args["text"] == text
		if kept != c.keeps {
			t.Errorf("%s: got the causes %+v, want the sentence: %v", c.record, in.Causes, c.keeps)
		}
	}
}

// A row of CoCalc's without a time is entered at the time of the comparison, since a reservation has one.
func TestDesk_DatePromise_WithoutATime(t *testing.T) {
	at := time.Date(2026, 11, 29, 9, 0, 0, 0, time.UTC)
	d := register.New(register.Options{Now: func() time.Time { return at }})
	var o purchase.Order
	d.DatePromise(&o, cocalc.PurchaseRow{CartItemID: 7})
	if !o.Confirmed.Equal(at) || o.Month != "2026-11" || o.Day != "2026-11-29" || o.ItemID != 7 {
		t.Errorf("got %v, month %q, day %q, item %d; want %v in 2026-11", o.Confirmed, o.Month, o.Day, o.ItemID, at)
	}
}
