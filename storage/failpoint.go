package storage

import (
	"encoding/json"
	"slices"
	"strings"

	"licensebot/internal/failpoint"
)

// txTrace records what a transaction does, for tests that kill the program around it. A nil trace records nothing.
type txTrace struct {
	records []string // kinds of the transaction's audit records, each once
	fields  []string // changed fields of orders and of the account
}

// newTrace returns a trace for a new transaction; nil if no test needs it.
func newTrace() *txTrace {
	if !failpoint.Enabled() {
		return nil
	}
	return &txTrace{}
}

// hit passes the failpoint of a transaction, unless it changed nothing.
func hit(when failpoint.Phase, name failpoint.Name) {
	if name != "" {
		failpoint.Hit(when, name)
	}
}

func (t *txTrace) record(kind string) {
	if t != nil && !slices.Contains(t.records, kind) {
		t.records = append(t.records, kind)
	}
}

// put records which fields of a record change: "wait", or "wait emptied" for a field that is removed.
func (t *txTrace) put(before, after any) {
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
	"wait emptied", "watch_until", "messages", "head_told", "reconciled", "notices", "watching",
}

// name returns the name of the transaction's failpoint; empty if it changed nothing.
func (t *txTrace) name() failpoint.Name {
	switch {
	case t == nil:
		return ""
	case len(t.records) > 0:
		return failpoint.Kept(strings.Join(t.records, ", "))
	case len(t.fields) == 0:
		return ""
	}
	for _, field := range stepFields {
		if slices.Contains(t.fields, field) {
			return failpoint.Kept("only " + field)
		}
	}
	switch {
	// a watch that is started again has a rounded end, perhaps the same
	case len(t.fields) == 1 && t.fields[0] == "updated",
		slices.Contains(t.fields, "watch_until emptied"):
		return failpoint.Kept("only watch_until")
	case slices.Contains(t.fields, "notices emptied"): // the order in which recipients are notified varies
		return failpoint.Kept("only notices")
	}
	slices.Sort(t.fields)
	return failpoint.Kept("only " + t.fields[0])
}
