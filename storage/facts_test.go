package storage

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"licensebot/purchase"
)

// The facts of every record of every schema are those of the record that encoding/json decodes.
func TestTransaction_Facts_OlderSchemas(t *testing.T) {
	for name := range olderFiles {
		data, err := os.ReadFile(filepath.Join("testdata", name+".ledger"))
		path := filepath.Join(t.TempDir(), "ledger.db")
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		l := openTest(t, path)
		wantSameFacts(t, name, l)
		if _, err := l.Compact(t.Context()); err != nil {
			t.Fatal(err)
		}
		wantSameFacts(t, name+", compacted", l)
	}
}

// wantSameFacts compares the facts of all records with the records.
func wantSameFacts(t *testing.T, name string, l *Ledger) {
	t.Helper()
	err := l.View(t.Context(), func(r purchase.Reader) error {
		want, got := map[string]any{}, map[string]any{}
		for o, err := range purchase.AllOrders(r) {
			if err != nil {
				return err
			}
			want["order "+string(o.ID)] = o.Facts()
		}
		entries, err := r.Purchases(0, 1000)
		if err != nil {
			return err
		}
		for _, p := range entries {
			want[key("entry", p.Number)] = p.Facts()
		}
		for e, err := range purchase.AllEvents(r) {
			if err != nil {
				return err
			}
			want[key("record", e.Number)] = e.Facts()
		}
		orders, err := r.OrderFacts("", 1000)
		if err != nil {
			return err
		}
		for _, o := range orders {
			got["order "+string(o.ID)] = o
		}
		log, err := r.EntryFacts(0, 1000)
		if err != nil {
			return err
		}
		for _, p := range log {
			got[key("entry", p.Number)] = p
		}
		events, err := r.EventFacts(0, 1000)
		for _, e := range events {
			got[key("record", e.Number)] = e
		}
		if diff := cmp.Diff(want, got); diff != "" || len(got) == 0 {
			t.Errorf("%s: got %d facts, others than those of the records (-want +got):\n%s", name, len(got), diff)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func key(what string, n uint64) string { return what + " " + string(number(n)) }

// FuzzFactReader: if encoding/json can decode a record and the scanner finds it usual, both read the same facts.
func FuzzFactReader(f *testing.F) {
	for _, text := range []string{
		`{"id":"01J","rev":1,"state":"purchased","requester":{"id":"U1","team":"T"},"spec":{"title":"\"}"},` +
			`"price_cents":6375,"month":"2026-11","checkout_sent":"2026-11-22T21:00:00Z","receipt":{"license_id":"l",` +
			`"charged_cents":-5,"settled_by":{"code":"x","args":{"charged_cents":"1"}}},"messages":[{"kind":"]"}]}`,
		`{"id":"01J","ID":"02J"}`, `{"id":"01J","id":"02J"}`, `{"requester":{"id":"U1"},"requester":{"name":"x"}}`,
		`{"id" : "01J"}`, `{"id":"\u0041","price_cents":1e3}`,
		`{"receipt":{"extra":[{"charged_cents":1}]}}`, `{"receipt":null}`, `{"released":"0001-01-01T05:00:00+05:00"}`,
		`{"released":"0001-01-01T00:00:00Z","checkout_sent":null}`, `{"price_cents":-0}`, `{"price_cents":01}`, `{}`, ``,
		`{"number":3,"time":"2026-11-22T21:00:00Z","kind":"proposed","order":"01J","by":"U1","amount_cents":5,` +
			`"code":"c","args":{"kind":"x"},"prev":"","hash":""}`,
		`{"number":3,"month":"2026-11","order":"01J","requester":{"id":"U"},"charged_cents":1,"cocalc_purchase":7,` +
			`"license_id":"l","duplicate":true,"correction":false}`,
		`{"id":"01J","rev":3,"state":"purchased","item_id":7,"messages":[{"kind":"card","shown":3},{"shown":2}]}`,
		`{"rev":3,"state":"cancelled","messages":[{"shown":3}]}`, `{"rev":3,"state":"approved"}`,
		`{"rev":3,"state":"failed","messages":[{"kind":"card"}]}`, `{"state":"denied","messages":[]}`,
		`{"state":"denied","rev":1,"messages":[{"shown":1},{"shown":1,"shown":0}]}`,
		`{"state":"purchased","receipt":{"license_id":"l","unchecked":true}}`, `{"state":"denied","parked":[5]}`,
		`{"number":-3}`, `{"duplicate":null}`, `{"kind":"a","\u212aind":"b"}`, "{\"kind\":\"a\",\"\u212aind\":\"b\"}",
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		sameFacts(t, data, (*factReader).orderFacts, (*purchase.Order).Facts)
		sameFacts(t, data, (*factReader).entryFacts, (*purchase.Purchase).Facts)
		sameFacts(t, data, (*factReader).bundledOrder, func(o *purchase.Order) bundledOrder {
			return newBundledOrder(nil, o)
		})
		sameFacts(t, data, (*factReader).eventFacts, func(e *purchase.Event) purchase.EventFacts {
			e.Number = 3
			return e.Facts()
		})
	})
}

func sameFacts[T, F any](t *testing.T, data []byte, few func(*factReader) F, whole func(*T) F) {
	t.Helper()
	r := factReader{members: membersOf(data), key: number(3), texts: new(texts)}
	got := few(&r)
	var value T
	if json.Unmarshal(data, &value) != nil || r.isOdd {
		return
	}
	if diff := cmp.Diff(whole(&value), got, cmp.AllowUnexported(bundledOrder{})); diff != "" {
		t.Errorf("%s: got other facts than encoding/json reads (-want +got):\n%s", data, diff)
	}
}
