package cocalc

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"
)

// Every recorded odd item, with the recorded results of params and checkout.
func TestCartItem_Problem(t *testing.T) {
	good := `"ram":2,"cpu":1,"disk":3,"member":true,"uptime":"short","type":"quota","user":"academic","boost":false,` +
		`"period":"monthly","run_limit":1`
	with := func(field, value string) string {
		var d map[string]json.RawMessage
		if err := json.Unmarshal([]byte("{"+good+"}"), &d); err != nil {
			t.Fatal(err)
		}
		d[field] = json.RawMessage(value)
		if value == "" {
			delete(d, field)
		}
		out, err := json.Marshal(d)
		if err != nil {
			t.Fatal(err)
		}
		return string(out)
	}
	for _, test := range []struct{ description, want string }{
		{"{" + good + "}", ""},
		{"{}", "ram, cpu and disk must be numbers of 0 or more"},
		{"5", "the description is not a JSON object"},
		{"null", "the description is not a JSON object"},
		{with("ram", `"lots"`), "ram must be a number"},
		{with("period", `"weekly"`), `unknown period "weekly"`},
		{with("period", ""), `unknown period ""`},
		{with("user", `"student"`), `unknown user "student"`},
		{with("user", ""), `unknown user ""`},
		{with("type", `"vm"`), `type "vm" is not sold`},
		{with("run_limit", ""), "run_limit must be a number"},
		{with("ram", `"4"`), "ram must be a number"},
		{with("ram", ""), "ram, cpu and disk must be numbers of 0 or more"},
		{with("ram", "-1"), "ram, cpu and disk must be numbers of 0 or more"},
		{with("disk", ""), "ram, cpu and disk must be numbers of 0 or more"},
		{with("uptime", `"forever"`), "uptime must be short, medium, day or always_running"},
		{with("uptime", ""), "uptime must be short, medium, day or always_running"},
		{with("member", ""), "member must be true or false"},
		{with("member", "1"), "member must be true or false"},
		{with("run_limit", "0"), "0 projects for $0.00 are not sold"},
		{with("run_limit", "-1"), "-1 projects for -$6.30 are not sold"},
		{with("run_limit", "0.5"), "0.5 projects for $3.15 are not sold"},
		{with("type", `"weird"`), `type "weird" is not sold`},
		{with("range", `["2020-01-01T00:00:00.000Z"]`), "Invalid time value"}, // on a monthly item too
		// Odd, and sold.
		{with("ram", "17"), ""},
		{with("cpu", "4"), ""},
		{with("disk", "21"), ""},
		{with("ram", "0.5"), ""},
		{with("run_limit", `"3"`), ""},
		{with("boost", ""), ""},
		{with("boost", `"no"`), ""},
		{with("type", ""), ""},
		{with("always_running", "true"), ""},
		{with("title", "7"), ""},
		{with("range", `["2020-01-01T00:00:00.000Z","2020-01-02T00:00:00.000Z"]`), ""},
		{with("range", `["2031-01-01T00:00:00.000Z"]`), ""},
	} {
		item := CartItem{Product: "site-license", Checked: true, Description: json.RawMessage(test.description)}
		if got := item.Problem(testNow); got != test.want {
			t.Errorf("%s:\n got %s\nwant %s", test.description, got, test.want)
		}
		if got, want := item.BreaksCart(testNow), test.want == "Invalid time value"; got != want {
			t.Errorf("%s: got that it breaks the cart %t, want %t", test.description, got, want)
		}
	}
	if got := (CartItem{Product: "socks", Description: json.RawMessage("{}")}).Problem(testNow); got != "" {
		t.Errorf("a product that checkout ignores: got the problem %q, want none", got)
	}
	if got := (CartItem{Product: "cash-voucher", Description: json.RawMessage("{}")}).Problem(testNow); got == "" {
		t.Error("a voucher: got no problem, want one")
	}
}

// brokenCart is a server whose cart can't be listed. Its single items can be read.
type brokenCart struct {
	mu     sync.Mutex
	broken bool
	items  map[int64]string // by id; other ids belong to other accounts
	asked  int
}

func (b *brokenCart) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.asked++
	var params struct {
		ID        *int64
		Purchased bool
		Removed   bool
	}
	body, _ := io.ReadAll(r.Body)
	_ = json.Unmarshal(body, &params)
	switch {
	case params.ID != nil && b.items[*params.ID] == "":
		fmt.Fprintf(w, `{"error":"no item with id %d"}`, *params.ID)
	case params.ID != nil:
		_, _ = io.WriteString(w, b.items[*params.ID])
	case params.Purchased && !params.Removed:
		_, _ = io.WriteString(w, `[{"id":40,"product":"site-license","purchased":{"success":true}}]`)
	case params.Purchased || params.Removed:
		_, _ = io.WriteString(w, `[]`)
	case b.broken:
		_, _ = io.WriteString(w, `{"error":"Invalid time value"}`)
	default:
		var list []string
		for _, item := range b.items {
			list = append(list, item)
		}
		_, _ = io.WriteString(w, "["+strings.Join(list, ",")+"]")
	}
}

func TestClient_FindBrokenItem(t *testing.T) {
	item := func(id int, checked bool, description string) string {
		return fmt.Sprintf(`{"id":%d,"product":"site-license","checked":%v,"description":%s}`, id, checked, description)
	}
	past := `{"period":"range","range":["2026-11-22T11:00:00.000Z"]}`
	soon := `{"period":"range","range":["2026-11-22T13:00:00.000Z"]}`
	for _, test := range []struct {
		name   string
		server *brokenCart
		later  bool // the cart was listed an hour before it broke
		want   int64
		most   int // requests
	}{
		{
			"a checked item of a cart that can be listed", &brokenCart{items: map[int64]string{50: item(50, true, "{}")}}, false,
			50, 1,
		},
		{"unchecked, it blocks nothing", &brokenCart{items: map[int64]string{50: item(50, false, "{}")}}, false, 0, 1},
		{
			"added after the newest known", &brokenCart{broken: true, items: map[int64]string{47: item(47, false, past)}}, false,
			47, 20,
		},
		{
			"added before the newest known",
			&brokenCart{broken: true, items: map[int64]string{35: item(35, true, past), 39: item(39, true, "{}")}}, false, 35,
			30,
		},
		{
			"seen before it broke", &brokenCart{broken: true, items: map[int64]string{9000: item(9000, true, soon)}}, true, 9000,
			6,
		},
		{
			"too far away", &brokenCart{broken: true, items: map[int64]string{9000: item(9000, true, past)}}, false, 0,
			4 + maxProbes,
		},
		{
			"removed meanwhile",
			&brokenCart{
				broken: true,
				items: map[int64]string{42: strings.Replace(item(42, true, past), `"checked"`,
					`"removed":"2026-11-22T11:30:00.000Z","checked"`, 1)},
			}, false, 0, 4 + maxProbes,
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			server := httptest.NewServer(test.server)
			defer server.Close()
			now := testNow
			c, err := New(Options{BaseURL: server.URL, Key: testKey, Now: func() time.Time { return now }})
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			if test.later {
				test.server.broken = false
				if _, err := c.Cart(t.Context(), InCart); err != nil {
					t.Fatal(err)
				}
				test.server.broken = true
				now = now.Add(2 * time.Hour)
			}
			got, err := c.FindBrokenItem(t.Context())
			if got.ID != test.want || test.server.asked > test.most {
				t.Errorf("got item %d, error %v, after %d requests, want item %d after at most %d", got.ID, err, test.server.asked,
					test.want, test.most)
			}
			if test.want == 0 {
				if e := asError(t, err); e.Kind != NotFound || e.Outcome != Rejected {
					t.Errorf("got %v, want a rejection of kind NotFound", e)
				}
			}
		})
	}
}

// The recorded odd items: each stood in a cart beside a good one. An item is a problem exactly when checkout refused
// the two, and it breaks the cart exactly when the cart could not be listed.
func TestCartItem_Problem_Recorded(t *testing.T) {
	data, err := os.ReadFile("testdata/nonsense.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases []struct {
		Case, Product, Add string
		CartGet            string `json:"cart_get"`
		Params, Checkout   string
		Description        json.RawMessage
	}
	if err := json.Unmarshal(data, &cases); err != nil {
		t.Fatal(err)
	}
	recorded := time.Date(2026, time.November, 22, 21, 5, 0, 0, time.UTC)
	problems := 0
	for _, each := range cases {
		if each.Add != "1" || each.Product == "" {
			continue // never came into the cart
		}
		if string(each.Description) == `"(absent)"` {
			each.Description = json.RawMessage("null")
		}
		item := CartItem{ID: 1, Product: each.Product, Checked: true, Description: each.Description}
		if each.Case == "range reversed" || each.Case == "range a string" {
			continue // the cart makes both an hour long whenever it is read, so they are never seen as they were sent
		}
		refused := strings.Contains(each.Checkout, "error") && !strings.Contains(each.Checkout, "Insufficient credit")
		if got := item.Problem(recorded); (got != "") != refused {
			t.Errorf("%s: got the problem %q, want one if checkout refuses: %s", each.Case, got, each.Checkout)
		}
		if got, want := item.BreaksCart(recorded), strings.Contains(each.CartGet, "error"); got != want {
			t.Errorf("%s: got that it breaks the cart %t, want %t: %s", each.Case, got, want, each.CartGet)
		}
		if refused {
			problems++
			e := classifyText(currentCheckout, nonIdempotent, checkoutError(t, each.Checkout))
			if e.Kind != CartBroken || e.Outcome != Rejected {
				t.Errorf("%s: %s: got kind %v, outcome %v, want a rejection of kind CartBroken", each.Case, each.Checkout, e.Kind,
					e.Outcome)
			}
		}
	}
	if problems < 20 {
		t.Errorf("got %d recorded problems, want at least 20", problems)
	}
}

func checkoutError(t *testing.T, answer string) string {
	t.Helper()
	text, ok := errorText([]byte(answer))
	if !ok {
		t.Fatalf("got no error in %s, want one", answer)
	}
	return text
}
