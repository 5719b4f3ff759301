package cocalc

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"
)

func TestLicenseSpec_CartDescription(t *testing.T) {
	monthly := spec(func(s *LicenseSpec) { s.Title, s.Description = "my title", "my desc <&>" })
	const want = `{"ram":16,"cpu":2,"disk":10,"member":true,"uptime":"medium","type":"quota","user":"business",` +
		`"boost":false,` +
		`"period":"monthly","run_limit":1,"title":"my title","description":"my desc <&>"}`
	if got := monthly.CartDescription(testNow); string(got) != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	zone := time.FixedZone("elsewhere", 3600)
	for name, test := range map[string]struct{ start, end, want string }{
		"begins when bought": {"", "2027-01-31T00:00:00+01:00", `["2026-11-22T12:00:00.000Z","2027-01-30T23:00:00.000Z"]`},
		"began already": {
			"2026-11-01T00:00:00Z", "2027-01-31T00:00:00Z",
			`["2026-11-22T12:00:00.000Z","2027-01-31T00:00:00.000Z"]`,
		},
		"begins later": {
			"2026-12-01T00:00:00.123456Z", "2027-01-31T00:00:00Z",
			`["2026-12-01T00:00:00.123Z","2027-01-31T00:00:00.000Z"]`,
		},
	} {
		parse := func(s string) time.Time {
			if s == "" {
				return time.Time{}
			}
			at, err := time.Parse(time.RFC3339Nano, s)
			if err != nil {
				t.Fatal(err)
			}
			return at.In(zone)
		}
		var got struct{ Range json.RawMessage }
		if err := json.Unmarshal(spec(fixedTerm(parse(test.start), parse(test.end))).CartDescription(testNow), &got); err !=
			nil || string(got.Range) != test.want {
			t.Errorf("%s: got %s, %v; want %s", name, got.Range, err, test.want)
		}
	}
}

func TestDescriptionMatches(t *testing.T) {
	const sent = `{"ram":16,"cpu":2,"period":"monthly","title":"a","description":"order 1","boost":false}`
	term := func(start, end string) string {
		return fmt.Sprintf(`{"period":"range","range":[%q,%q],"title":"a"}`, "2026-12-01T"+start+"Z", "2026-12-20T"+end+"Z")
	}
	sentTerm := term("10:00:00.000", "10:00:00.000")
	for _, test := range []struct {
		name, sent, got, want string
	}{
		{"the same", sent, sent, ""},
		{
			"another order of keys, another form of a number", sent,
			`{"boost":false,"description":"order 1","cpu":2.0,"ram":16,"title":"a","period":"monthly"}`, "",
		},
		{
			"less RAM", sent, `{"ram":8,"cpu":2,"period":"monthly","title":"a","description":"order 1","boost":false}`,
			"the cart item's ram is 8; 16 was sent",
		},
		{
			"RAM as text", sent, `{"ram":"16","cpu":2,"period":"monthly","title":"a","description":"order 1","boost":false}`,
			`the cart item's ram is "16"; 16 was sent`,
		},
		{
			"another tag", sent, `{"ram":16,"cpu":2,"period":"monthly","title":"a","description":"order 2","boost":false}`,
			`the cart item's description is "order 2"; "order 1" was sent`,
		},
		{
			"a field more", sent,
			`{"ram":16,"cpu":2,"period":"monthly","title":"a","description":"order 1","boost":false,"source":"x"}`,
			`the cart item has source "x", which was not sent`,
		},
		{
			"a field less", sent, `{"ram":16,"cpu":2,"period":"monthly","title":"a","description":"order 1"}`,
			"the cart item has no boost; false was sent",
		},
		{"null", sent, "null", "read the description of the cart item: it is not a JSON object"},
		{"nothing", "", sent, "read the description that was sent: EOF"},
		{"the same term", sentTerm, sentTerm, ""},
		{"moved by the add, start and end", sentTerm, term("10:00:05.250", "10:00:05.250"), ""},
		{"moved by a later look, start only", sentTerm, term("10:03:00.000", "10:00:00.000"), ""},
		{"moved by both", sentTerm, term("10:03:00.000", "10:00:05.250"), ""},
		{"moved as far as allowed", sentTerm, term("10:10:00.000", "10:10:00.000"), ""},
		{"moved too far", sentTerm, term("10:10:00.001", "10:00:00.000"), `the cart item's range is ` +
			`["2026-12-01T10:10:00.001Z","2026-12-20T10:00:00.000Z"]; ["2026-12-01T10:00:00.000Z","2026-12-20T10:00:00.000Z"] ` +
			`was sent`},
		{"a longer term", sentTerm, term("10:00:00.000", "10:00:00.001"), `the cart item's range is ` +
			`["2026-12-01T10:00:00.000Z","2026-12-20T10:00:00.001Z"]; ["2026-12-01T10:00:00.000Z","2026-12-20T10:00:00.000Z"] ` +
			`was sent`},
		{
			"an earlier start", sentTerm, term("09:59:59.999", "10:00:00.000"),
			`the cart item's range is ["2026-12-01T09:59:59.999Z","2026-12-20T10:00:00.000Z"]; ` +
				`["2026-12-01T10:00:00.000Z","2026-12-20T10:00:00.000Z"] was sent`,
		},
		{"an earlier end", sentTerm, term("10:00:01.000", "09:59:59.999"), `the cart item's range is ` +
			`["2026-12-01T10:00:01.000Z","2026-12-20T09:59:59.999Z"]; ["2026-12-01T10:00:00.000Z","2026-12-20T10:00:00.000Z"] ` +
			`was sent`},
		{
			"a range that is none", sentTerm, `{"period":"range","range":"soon","title":"a"}`,
			`the cart item's range is "soon"; ["2026-12-01T10:00:00.000Z","2026-12-20T10:00:00.000Z"] was sent`,
		},
		{
			"a moved range of a subscription",
			`{"period":"monthly","range":["2026-12-01T10:00:00.000Z","2026-12-20T10:00:00.000Z"]}`,
			`{"period":"monthly","range":["2026-12-01T10:00:01.000Z","2026-12-20T10:00:00.000Z"]}`,
			`the cart item's range is ["2026-12-01T10:00:01.000Z","2026-12-20T10:00:00.000Z"]; ` +
				`["2026-12-01T10:00:00.000Z","2026-12-20T10:00:00.000Z"] was sent`,
		},
	} {
		got := ""
		if err := DescriptionMatches(json.RawMessage(test.sent), json.RawMessage(test.got)); err != nil {
			got = err.Error()
		}
		if got != test.want {
			t.Errorf("%s:\n got %s\nwant %s", test.name, got, test.want)
		}
	}
}

func TestCartItem_Text(t *testing.T) {
	for description, want := range map[string]string{
		`{"description":"order 1"}`: "order 1", `{"description":7}`: "7", `{"description":{"a":1}}`: `{"a":1}`,
		`{"description":null}`: "",
		`{}`:                   "", `null`: "", `5`: "", `"text"`: "", ``: "", `[]`: "",
	} {
		if got := (CartItem{Description: json.RawMessage(description)}).Text(); got != want {
			t.Errorf("%s: got %q, want %q", description, got, want)
		}
	}
	if got := (CartItem{Description: json.RawMessage(`{"title":"x","description":"y"}`)}).Title(); got != "x" {
		t.Errorf("got %q, want %q", got, "x")
	}
}
