package cocalc

import "testing"

// Links for people lead to the server of COCALC_URL, however its address is written.
func TestSite_Links(t *testing.T) {
	for address, want := range map[string]string{
		"https://cocalc.com":                   "https://cocalc.com/store/cart",
		"https://cocalc.example/":              "https://cocalc.example/store/cart",
		"https://math.example/cocalc/api/v2":   "https://math.example/cocalc/store/cart",
		" http://127.0.0.1:5000/base/api/v2/ ": "http://127.0.0.1:5000/base/store/cart",
	} {
		client, err := New(Options{BaseURL: address, Key: "sk-abcdefghijklmnop00007P"})
		if err != nil {
			t.Fatal(err)
		}
		if got := client.Site().Cart(); got != want {
			t.Errorf("%s: %s, want %s", address, got, want)
		}
		client.Close()
	}
	for got, want := range map[string]string{
		Site("").License("1-2"):                "/settings/licenses?id=1-2",
		Site("https://a.example").Payments():   "https://a.example/settings/payments",
		Site("https://a/b/").Subscriptions():   "https://a/b/settings/subscriptions",
		Site("https://a.example/").License(""): "https://a.example/settings/licenses?id=",
	} {
		if got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}
