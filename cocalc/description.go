package cocalc

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"sort"
	"time"
)

// isoMillis is the format of CoCalc's times: ISO 8601 in UTC with milliseconds.
const isoMillis = "2006-01-02T15:04:05.000Z"

// RangeTolerance is by how much the cart may move the start of a fixed term before an item counts as different from the
// one that was sent. See [DescriptionMatches].
const RangeTolerance = 10 * time.Minute

// cartDescription is the description of a site-license item, with the fields of CoCalc's documentation.
type cartDescription struct {
	RAM         int        `json:"ram"`
	CPU         int        `json:"cpu"`
	Disk        int        `json:"disk"`
	Member      bool       `json:"member"`
	Uptime      Uptime     `json:"uptime"`
	Type        string     `json:"type"`
	User        User       `json:"user"`
	Boost       bool       `json:"boost"`
	Period      Period     `json:"period"`
	Range       *[2]string `json:"range,omitempty"`
	RunLimit    int        `json:"run_limit"`
	Title       string     `json:"title"`
	Description string     `json:"description"`
}

// CartDescription returns the description of the license for [Client.AddToCart]. A fixed term begins at now unless its
// start is in the future: the server would move a start in the past, and the end with it.
func (s LicenseSpec) CartDescription(now time.Time) json.RawMessage {
	d := cartDescription{
		RAM: s.RAM, CPU: s.CPU, Disk: s.Disk, Member: s.Member, Uptime: s.Uptime, Type: "quota", User: s.User,
		Boost: s.Boost, Period: s.Period, RunLimit: s.RunLimit, Title: s.Title, Description: s.Description,
	}
	if s.Period == PeriodRange {
		d.Range = &[2]string{s.startAt(now).UTC().Format(isoMillis), s.End.UTC().Format(isoMillis)}
	}
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(d); err != nil {
		panic(err) // numbers, booleans and strings always have a JSON form
	}
	return bytes.TrimSpace(out.Bytes())
}

// startAt returns when a fixed term begins that is bought at now.
func (s LicenseSpec) startAt(now time.Time) time.Time {
	if s.Start.After(now) {
		return s.Start
	}
	return now
}

// DescriptionMatches returns an error if the description of a cart item differs from the one that was sent. The order
// of the keys, which the server changes, does not matter. The error names the first field that differs.
//
// One difference is allowed, since the server makes it: it moves the start of a fixed term from the past to its current
// time, the first time together with the end, and later without it. So the start may be up to [RangeTolerance] later
// than sent, and the end later by at most as much. The term can only become shorter, so the price can't rise.
func DescriptionMatches(sent, got json.RawMessage) error {
	want, err := decodeObject(sent)
	if err != nil {
		return fmt.Errorf("read the description that was sent: %w", err)
	}
	have, err := decodeObject(got)
	if err != nil {
		return fmt.Errorf("read the description of the cart item: %w", err)
	}
	for _, name := range fieldNames(want, have) {
		w, wanted := want[name]
		h, there := have[name]
		switch {
		case !wanted:
			return fmt.Errorf("the cart item has %s %s, which was not sent", name, shortJSON(h))
		case !there:
			return fmt.Errorf("the cart item has no %s; %s was sent", name, shortJSON(w))
		case sameJSON(w, h):
		case name == "range" && want["period"] == string(PeriodRange):
			if err := rangeMatches(w, h); err != nil {
				return err
			}
		default:
			return fmt.Errorf("the cart item's %s is %s; %s was sent", name, shortJSON(h), shortJSON(w))
		}
	}
	return nil
}

func decodeObject(data json.RawMessage) (map[string]any, error) {
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber() // a number may be too large for a double
	var v any
	if err := dec.Decode(&v); err != nil {
		return nil, err
	}
	object, ok := v.(map[string]any)
	if !ok || dec.More() {
		return nil, errors.New("it is not a JSON object")
	}
	return object, nil
}

// fieldNames returns the keys of both objects, sorted and without repetitions.
func fieldNames(a, b map[string]any) []string {
	var names []string
	for name := range a {
		names = append(names, name)
	}
	for name := range b {
		if _, both := a[name]; !both {
			names = append(names, name)
		}
	}
	sort.Strings(names)
	return names
}

// sameJSON reports whether two decoded values are equal. It compares numbers by value: to the server, 1 and 1.0 are
// equal.
func sameJSON(a, b any) bool {
	switch a := a.(type) {
	case json.Number:
		n, ok := b.(json.Number)
		return ok && (a == n || asFloat(a) == asFloat(n))
	case []any:
		list, ok := b.([]any)
		if !ok || len(list) != len(a) {
			return false
		}
		for i := range a {
			if !sameJSON(a[i], list[i]) {
				return false
			}
		}
		return true
	case map[string]any:
		object, ok := b.(map[string]any)
		if !ok || len(object) != len(a) {
			return false
		}
		for name := range a {
			other, there := object[name]
			if !there || !sameJSON(a[name], other) {
				return false
			}
		}
		return true
	}
	return a == b
}

func asFloat(n json.Number) float64 {
	f, _ := n.Float64() // infinite if it is too large
	return f
}

func rangeMatches(sent, got any) error {
	want, okWant := decodeRange(sent)
	have, okHave := decodeRange(got)
	startMoved, endMoved := have[0].Sub(want[0]), have[1].Sub(want[1])
	if !okWant || !okHave || startMoved < 0 || startMoved > RangeTolerance || endMoved < 0 || endMoved > startMoved {
		return fmt.Errorf("the cart item's range is %s; %s was sent", shortJSON(got), shortJSON(sent))
	}
	return nil
}

// decodeRange returns the two dates of a fixed term.
func decodeRange(v any) (dates [2]time.Time, ok bool) {
	list, isList := v.([]any)
	if !isList || len(list) != 2 {
		return dates, false
	}
	for i, date := range list {
		text, isText := date.(string)
		t, isDate := parseDate(text)
		if !isText || !isDate {
			return dates, false
		}
		dates[i] = t
	}
	return dates, true
}

// shortJSON returns the JSON of a value for an error, shortened to 120 characters.
func shortJSON(v any) string {
	data, err := json.Marshal(v)
	if err != nil {
		return "?"
	}
	return shorten(string(data), 120)
}

// shorten returns the first n runes of a text, followed by … if there are more.
func shorten(s string, n int) string {
	runes := 0
	for i := range s {
		if runes == n {
			return s[:i] + "…"
		}
		runes++
	}
	return s
}
