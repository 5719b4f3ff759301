package cocalc

import (
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
