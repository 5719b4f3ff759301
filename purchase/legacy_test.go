package purchase

import (
	"encoding/json"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Records of the versions without codes lead to the same decisions as records of today.
func TestRecords_UnmarshalJSON_OldVersions(t *testing.T) {
	data, err := os.ReadFile("testdata/old_records.json")
	if err != nil {
		t.Fatal(err)
	}
	var records []struct {
		Wait     *Blocked
		Pause    *Pause
		Event    *Event
		Codes    []CauseCode
		Args     []Args
		License  string
		Purchase int64
	}
	if err := json.Unmarshal(data, &records); err != nil {
		t.Fatal(err)
	}
	for _, r := range records {
		switch {
		case r.Wait != nil:
			if got := r.Wait.Why().Code; got != r.Codes[0] {
				t.Errorf("%+v: got code %q, want %q", r.Wait, got, r.Codes[0])
			}
		case r.Pause != nil:
			var codes []CauseCode
			var args []Args
			for _, in := range r.Pause.AllIncidents() {
				codes, args = append(codes, in.Code), append(args, in.Args)
			}
			if diff := cmp.Diff(r.Codes, codes) + cmp.Diff(r.Args, args); diff != "" {
				t.Errorf("%+v: codes and arguments (-want +got):\n%s", r.Pause, diff)
			}
		case r.Event != nil:
			if license, purchase := r.Event.ReportedLicense(); license != r.License || purchase != r.Purchase {
				t.Errorf("%q: got license %q, purchase %d; want %q, %d", r.Event.Note, license, purchase, r.License, r.Purchase)
			}
		}
	}
}

// The table of old sentences is apart from the sentences of today, so rewording one changes no decision. This test only
// checks that the table covers the meaning of today's codes.
func TestBlocked_Why_EveryOldSentence(t *testing.T) {
	old := map[CauseCode]bool{}
	for _, o := range oldWaits {
		old[o.code] = true
	}
	for _, code := range []CauseCode{
		WaitsForResume, WaitsForCheckout, WaitsForSlack, WaitsForTurn, WaitsForKey,
		WaitsForCart, WaitsForCoCalc,
	} {
		if !old[code] {
			t.Errorf("old records with code %s: got none, want one", code)
		}
	}
}

// Findings for which an older version paused buying are recognized, and others are not.
func TestEvent_Reports_OldFindings(t *testing.T) {
	one := NewFinding("order 01J", FoundReceiptOfUnbought, OrderID("01J"), Failed)
	two := NewFinding("entry 3", FoundEntryWithoutOrder, uint64(3), OrderID("01J"))
	old := func(note string) Event { return Event{Kind: "books", By: BotName, Note: note} }
	for _, c := range []struct {
		event    Event
		findings []Finding
		same     bool
	}{
		{old("my ledger contradicts itself. Order 01J is failed, and has a receipt."), []Finding{one}, true},
		{
			old("my ledger contradicts itself. Order 01J is failed, and has a receipt. `bot verify` shows 1 more."),
			[]Finding{one, two},
			true,
		},
		{old("my ledger contradicts itself. Order 01J is failed, and has a receipt."), []Finding{one, two}, false},
		{
			old("my ledger contradicts itself. Entry 3 of the purchase log is of order \"01J\", which is not in the ledger."),
			[]Finding{two},
			true,
		},
		{old("my ledger contradicts itself. Order 01J is failed, and has a receipt."), []Finding{two}, false},
		{
			Event{Kind: "books", Cause: Cause{Code: IncidentBooks, Args: Args{"digest": Digest([]Finding{one, two})}}},
			[]Finding{one, two},
			true,
		},
		{
			Event{Kind: "books", Cause: Cause{Code: IncidentBooks, Args: Args{"digest": Digest([]Finding{one, two})}}},
			[]Finding{one, NewFinding("entry 4", FoundEntryWithoutOrder, 4, "01J")},
			false,
		},
		{
			Event{Kind: "paused", Note: "my ledger contradicts itself. Order 01J is failed, and has a receipt."},
			[]Finding{one},
			false,
		},
	} {
		if got := c.event.Reports(c.findings); got != c.same {
			t.Errorf("%q %v reports %v: got %t, want %t", c.event.Note, c.event.Args, c.findings, got, c.same)
		}
	}
}

// An incident of an older version whose arguments name no order keeps its sentence, which does.
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
		var in Incident
		if err := json.Unmarshal([]byte(c.record), &in); err != nil {
			t.Fatal(err)
		}
		kept := len(in.Causes) == 1 && in.Causes[0].Code == Untranslated && in.Causes[0].Args["text"] == text
		if kept != c.keeps {
			t.Errorf("%s: got the causes %+v, want the sentence: %v", c.record, in.Causes, c.keeps)
		}
	}
}
