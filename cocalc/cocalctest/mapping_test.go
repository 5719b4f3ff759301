package cocalctest

import (
	"fmt"
	"regexp"
	"sort"
	"strconv"
	"strings"
	"time"
)

// mapping maps recorded values to simulated ones: ids, UUIDs, addresses and keys one to one, times in order.
type mapping struct {
	keys    map[string]string // recorded secret to simulated
	there   map[string]string // "kind/recorded" to simulated
	back    map[string]string // "kind/simulated" to recorded
	moments map[int64]int64   // recorded to simulated, milliseconds

	firstItem, firstSimulated int64 // of the running scenario: for items that no answer has shown yet
}

func newMapping() *mapping {
	return &mapping{
		keys: map[string]string{}, there: map[string]string{}, back: map[string]string{},
		moments: map[int64]int64{},
	}
}

// drift is the largest difference of a time from the recorded one. How long the recording waited between two steps is
// unknown.
const drift = 3 * time.Minute

// coincidence is by how many milliseconds times may differ that were equal in the recording, or in the other order:
// the recorded server needed time for work that takes none here.
const coincidence = 5

// relate maps a recorded name to a simulated one. It returns an error if one of them is mapped to another.
func (m *mapping) relate(kind, recorded, simulated string) error {
	to, known := m.there[kind+"/"+recorded]
	from, used := m.back[kind+"/"+simulated]
	switch {
	case known && to != simulated:
		return fmt.Errorf("%s %s was %s before and is %s now", kind, recorded, to, simulated)
	case used && from != recorded:
		return fmt.Errorf("%s %s stands for %s and for %s", kind, simulated, from, recorded)
	}
	m.there[kind+"/"+recorded], m.back[kind+"/"+simulated] = simulated, recorded
	return nil
}

// relateMoment maps a time. It returns an error if the order differs, or if a time at midnight or on another day is
// not the recorded one.
func (m *mapping) relateMoment(recorded, simulated int64) error {
	if recorded == simulated {
		return nil
	}
	describe := func(ms int64) string { return isoText(time.UnixMilli(ms)) }
	const day = 24 * 60 * 60 * 1000
	if far := time.Duration(recorded-simulated) * time.Millisecond; far.Abs() > drift || recorded%day == 0 ||
		recorded%day == day-1 {
		return fmt.Errorf("got %s, want %s", describe(simulated), describe(recorded))
	}
	for r, s := range m.moments {
		if (r <= recorded && s > simulated+coincidence) || (r >= recorded && s < simulated-coincidence) {
			return fmt.Errorf("%s is now %s, but %s was %s", describe(recorded), describe(simulated), describe(r), describe(s))
		}
	}
	m.moments[recorded] = simulated
	return nil
}

var (
	itemInError         = regexp.MustCompile(`^no item with id (\d+)$`)
	subscriptionInError = regexp.MustCompile(`subscription (?:with )?id=(\d+)`)
	emailSyntax         = regexp.MustCompile(`^bot-[0-9a-f]{8}@example\.com$`)
	isoSyntax           = regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$`)
	cartIDs             = regexp.MustCompile(`"id":(\d+),"account_id":"[^"]*","added"`)
)

// beginScenario stores the first item of a scenario.
func (m *mapping) beginScenario(s *Server, tr transcript) {
	m.firstItem, m.firstSimulated = 0, s.ids.item+1
	m.moments = map[int64]int64{}
	var seen []int
	for _, step := range tr.Steps {
		for _, found := range cartIDs.FindAllStringSubmatch(step.Response.Body, -1) {
			id, _ := strconv.Atoi(found[1])
			seen = append(seen, id)
		}
	}
	if sort.Ints(seen); len(seen) > 0 {
		m.firstItem = int64(seen[0])
	}
}

// request replaces the recorded ids in a body by simulated ones.
func (m *mapping) request(path, body string) string {
	v, err := parseJSON([]byte(body))
	o, ok := v.(object)
	if err != nil || !ok || len(body) > 10000 {
		return body
	}
	kind := "item"
	if strings.HasSuffix(path, "api-keys") {
		kind = "key"
	}
	changed := body
	for _, member := range o {
		switch member.name {
		case "id":
			changed = m.replaceID(changed, "id", kind, member.value)
		case "subscription_id":
			changed = m.replaceID(changed, "subscription_id", "subscription", member.value)
		}
	}
	return uuidAnywhere.ReplaceAllStringFunc(changed, func(id string) string {
		if to, known := m.there["uuid/"+id]; known {
			return to
		}
		return id
	})
}

var uuidAnywhere = regexp.MustCompile(`[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}`)

func (m *mapping) replaceID(body, field, kind string, value any) string {
	text := pgText(value)
	to, known := m.there[kind+"/"+text]
	if n, err := strconv.ParseInt(text, 10, 64); !known && err == nil && kind == "item" && m.firstItem > 0 &&
		n >= m.firstItem && n < m.firstItem+100 {
		to, known = strconv.FormatInt(n-m.firstItem+m.firstSimulated, 10), true
	}
	if !known {
		return body
	}
	return strings.Replace(strings.Replace(body, `"`+field+`":`+text, `"`+field+`":`+to, 1), `"`+field+`":"`+text,
		`"`+field+`":"`+to, 1)
}

// compare returns where two bodies differ; empty if they don't. Keys must have the same order.
func (m *mapping) compare(recorded, simulated string) string {
	r, err := parseJSON([]byte(recorded))
	if err != nil {
		return "the recorded body is no JSON: " + recorded
	}
	s, err := parseJSON([]byte(simulated))
	if err != nil {
		return "the body is no JSON: " + simulated
	}
	if err := m.values("", "", r, s); err != nil {
		return fmt.Sprintf("%v\n     got %s\n    want %s", err, clip([]byte(simulated)), clip([]byte(recorded)))
	}
	return ""
}

func (m *mapping) values(where, kind string, r, s any) error {
	switch r := r.(type) {
	case object:
		so, ok := s.(object)
		if !ok || names(r) != names(so) {
			return fmt.Errorf("%s: got members %s, want %s", where, namesOf(s), names(r))
		}
		for i := range r {
			if err := m.values(where+"."+r[i].name, kindOf(r, r[i].name), r[i].value, so[i].value); err != nil {
				return err
			}
		}
		return nil
	case []any:
		list, ok := s.([]any)
		if !ok || len(list) != len(r) {
			return fmt.Errorf("%s: got a list of another length, want %d", where, len(r))
		}
		for i := range r {
			if err := m.values(fmt.Sprintf("%s[%d]", where, i), kind, r[i], list[i]); err != nil {
				return err
			}
		}
		return nil
	case float64:
		f, ok := s.(float64)
		switch {
		case !ok:
			return fmt.Errorf("%s: got %s, want %s", where, toJSON(s), toJSON(r))
		case kind == "moment":
			return at(where, m.relateMoment(int64(r), int64(f)))
		case kind != "":
			return at(where, m.relate(kind, numberText(r), numberText(f)))
		}
	case string:
		text, ok := s.(string)
		if !ok {
			return fmt.Errorf("%s: got %s, want %s", where, toJSON(s), toJSON(r))
		}
		return at(where, m.texts(kind, r, text))
	}
	if string(toJSON(r)) != string(toJSON(s)) {
		return fmt.Errorf("%s: got %s, want %s", where, toJSON(s), toJSON(r))
	}
	return nil
}

func at(where string, err error) error {
	if err != nil {
		return fmt.Errorf("%s: %w", where, err)
	}
	return nil
}

func (m *mapping) texts(kind, r, s string) error {
	switch {
	case uuidSyntax.MatchString(r) && uuidSyntax.MatchString(s) && r != s:
		return m.relate("uuid", r, s)
	case emailSyntax.MatchString(r) && emailSyntax.MatchString(s):
		return m.relate("email", r, s)
	case isoSyntax.MatchString(r) && isoSyntax.MatchString(s):
		rt, _ := time.Parse(time.RFC3339, r)
		st, _ := time.Parse(time.RFC3339, s)
		return m.relateMoment(rt.UnixMilli(), st.UnixMilli())
	case strings.HasPrefix(r, "sk-...") && strings.HasPrefix(s, "sk-..."):
		return m.relate("secret", r, s)
	}
	for kind, syntax := range map[string]*regexp.Regexp{"item": itemInError, "subscription": subscriptionInError} {
		found := syntax.FindStringSubmatch(r)
		if found == nil {
			continue
		}
		if to, known := m.there[kind+"/"+found[1]]; known {
			r = strings.Replace(r, found[1], to, 1)
		}
	}
	if r != s {
		return fmt.Errorf("got %q, want %q", s, r)
	}
	return nil
}

// kindOf returns the kind of a number, from its name and its neighbors.
func kindOf(o object, name string) string {
	has := func(other string) bool { _, gone := o.get(other).(undefined); return !gone }
	switch name {
	case "subscription_id":
		return "subscription"
	case "latest_purchase_id", "purchase_id":
		return "purchase"
	case "expires", "activates", "created", "last_used":
		return "moment"
	case "id":
		switch {
		case has("product"):
			return "item"
		case has("service"):
			return "purchase"
		case has("trunc"):
			return "key"
		case has("status"):
			return "subscription"
		}
	}
	return ""
}

func names(o object) string {
	var list []string
	for _, member := range o {
		list = append(list, member.name)
	}
	return "{" + strings.Join(list, ",") + "}"
}

func namesOf(v any) string {
	if o, ok := v.(object); ok {
		return names(o)
	}
	return string(toJSON(v))
}
