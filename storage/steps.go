package storage

import (
	"encoding/json"
	"slices"
	"strings"

	"licensebot/internal/step"
)

// deeds are what a transaction does, for tests that kill the program around it. nil notes nothing.
type deeds struct {
	records []string // kinds of its audit records, each once
	fields  []string // of orders and of the account that it changed
}

// observe begins to note what a transaction does, if a test needs it.
func observe() *deeds {
	if !step.Armed() {
		return nil
	}
	return &deeds{}
}

// passes is a step of a transaction; one that changed nothing has none.
func passes(when step.When, deed step.What) {
	if deed != "" {
		step.At(when, deed)
	}
}

func (d *deeds) record(kind string) {
	if d != nil && !slices.Contains(d.records, kind) {
		d.records = append(d.records, kind)
	}
}

// put notes which fields of a record change, "wait emptied" for one that is empty then.
func (d *deeds) put(before, after any) {
	was, is := fields(before), fields(after)
	for name, value := range is {
		if string(was[name]) != string(value) {
			d.fields = append(d.fields, name)
		}
	}
	for name := range was {
		if _, kept := is[name]; !kept {
			d.fields = append(d.fields, name+" emptied")
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

// telling are the fields by which a transaction without audit records is named: the first of them that it changes.
var telling = []string{
	"parked", "parked emptied", "checkout_answer", "failure", "hold", "add_sent", "add_sent emptied", "wait", "wait emptied",
	"watch_until", "messages", "head_told", "reconciled", "notices", "watching",
}

// name is what the transaction does; empty when it changes nothing.
func (d *deeds) name() step.What {
	switch {
	case d == nil:
		return ""
	case len(d.records) > 0:
		return step.Kept(strings.Join(d.records, ", "))
	case len(d.fields) == 0:
		return ""
	}
	for _, field := range telling {
		if slices.Contains(d.fields, field) {
			return step.Kept("only " + field)
		}
	}
	switch {
	case len(d.fields) == 1 && d.fields[0] == "updated", // a watch that begins anew has a rounded end, perhaps the same
		slices.Contains(d.fields, "watch_until emptied"):
		return step.Kept("only watch_until")
	case slices.Contains(d.fields, "notices emptied"): // who is told last is chance
		return step.Kept("only notices")
	}
	slices.Sort(d.fields)
	return step.Kept("only " + d.fields[0])
}
