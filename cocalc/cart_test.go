package cocalc

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

// An answer about an item names the item: one about another item proves nothing about this one.
func TestClient_CartItem_OtherItem(t *testing.T) {
	const item = `{"id":%ID%,"account_id":"x","added":"2026-11-22T12:00:00.000Z","checked":true,"removed":null,` +
		`"purchased":{"time":"2026-11-22T12:00:01.000Z","success":true,` +
		`"license_id":"db918436-5a10-4f86-971a-c584cf5baaab"},` +
		`"product":"site-license","description":{},"project_id":null}`
	for _, c := range []struct {
		id string
		ok bool
	}{{"7", true}, {"8", false}, {"0", false}, {"null", false}} {
		client, _ := serve(t, map[string][]reply{cartGet: always(strings.ReplaceAll(item, "%ID%", c.id))})
		got, err := client.CartItem(t.Context(), 7)
		if c.ok {
			if err != nil || got.ID != 7 || got.Purchased == nil {
				t.Errorf("got %+v, %v, want item 7, purchased", got, err)
			}
			continue
		}
		if got.ID != 0 || got.Purchased != nil {
			t.Errorf("an answer about item %s: got %+v, want no item 7", c.id, got)
		}
		_ = asError(t, err)
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
