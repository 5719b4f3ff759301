package purchasetest

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"licensebot/cocalc"
	"licensebot/cocalc/cocalctest"
	"licensebot/purchase/reconcile"
)

// CheckoutEndpoint is the endpoint of checkout, below /api/v2.
const CheckoutEndpoint = "purchases/shopping-cart-checkout"

// ParamsEndpoint is the endpoint that previews a checkout, below /api/v2.
const ParamsEndpoint = "purchases/get-shopping-cart-checkout-params"

// MaintenancePage is the fault of a proxy in front of a server that is down.
func MaintenancePage() cocalctest.Fault {
	return cocalctest.Fault{Effect: cocalctest.Fail, Status: 503}
}

// RedirectToHTTPS is the fault of a server that redirects http to https.
func RedirectToHTTPS() cocalctest.Fault {
	return cocalctest.Fault{Effect: cocalctest.MovedServer, Text: "https://cocalc.test"}
}

// SwitchOn turns on one of the named faults of cocalctest.
func (env *Env) SwitchOn(name string) {
	env.T.Helper()
	if err := env.Server.SwitchOn(name); err != nil {
		env.T.Fatal(err)
	}
}

// Cart reads the cart.
func (env *Env) Cart() []cocalc.CartItem {
	env.T.Helper()
	items, err := env.Client.Cart(context.Background(), cocalc.InCart)
	if err != nil {
		env.T.Fatal(err)
	}
	return items
}

// FormatCart returns items of the cart as a line for a failure message.
func FormatCart(items ...cocalc.CartItem) string {
	lines := make([]string, len(items))
	for n, i := range items {
		lines[n] = fmt.Sprintf("{item %d, checked %v, added %s, %s}", i.ID, i.Checked, i.Added.UTC(), i.Description)
	}
	return "[" + strings.Join(lines, " ") + "]"
}

// OrderItem returns the cart item of an order; zero if there is none.
func (env *Env) OrderItem() (item cocalctest.CartItem) {
	for _, i := range env.Account.Cart() {
		if strings.Contains(string(i.Description), "order ") {
			item = i
		}
	}
	return item
}

// BrokenItem returns the id of the item that breaks the cart.
func (env *Env) BrokenItem() int64 {
	env.T.Helper()
	item, err := env.Client.FindBrokenItem(context.Background())
	if err != nil {
		env.T.Fatal(err)
	}
	return item.ID
}

// MakeItemDearer replaces the newest item of the cart with a more expensive one, as a person with access to the account
// can.
func (env *Env) MakeItemDearer(a *cocalctest.Account) {
	body := fmt.Sprintf(
		`{"id":%d,"description":{"type":"quota","ram":16,"cpu":3,"disk":20,"member":true,"uptime":"day","user":"business",`+
			`"boost":false,"period":"yearly","run_limit":9,"title":"bigger","description":%q}}`, a.Cart()[0].ID,
		env.OpenOrder().Tag())
	env.Post(a, "shopping/cart/edit", body)
}

// Post sends a request to CoCalc, as a person with access to the account can, and returns the answer.
func (env *Env) Post(a *cocalctest.Account, endpoint, body string) string {
	env.T.Helper()
	r, err := http.NewRequest(http.MethodPost, "http://cocalc.test/api/v2/"+endpoint, strings.NewReader(body))
	if err != nil {
		env.T.Fatal(err)
	}
	r.SetBasicAuth(a.Key(), "")
	r.Header.Set("Content-Type", "application/json")
	response, err := env.Server.Transport().RoundTrip(r)
	if err != nil {
		env.T.Fatal(err)
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		env.T.Fatal(err)
	}
	return string(answer)
}

// CartDescription returns the description of an item of the standard specification, without a tag.
func (env *Env) CartDescription() []byte { return Spec().CartDescription(time.Now()) }

// AddForeignItem adds another person's item to the cart.
func AddForeignItem(env *Env) {
	env.Account.AddToCart("site-license",
		`{"ram":2,"cpu":1,"disk":3,"member":true,"uptime":"short","type":"quota","user":"academic",`+
			`"boost":false,"period":"monthly","run_limit":1,"title":"of another person"}`)
}

// BuyForeignItem buys another person's item on the account.
func (env *Env) BuyForeignItem() {
	env.T.Helper()
	AddForeignItem(env)
	if err := env.Account.Checkout(); err != nil {
		env.T.Fatal(err)
	}
}

// Sales reads from CoCalc what it sold to the account.
func (env *Env) Sales() reconcile.Account {
	env.T.Helper()
	sold, err := reconcile.ReadAccount(context.Background(), env.Client)
	if err != nil {
		env.T.Fatal(err)
	}
	return sold
}

// SpendingRequests returns the number of requests that could spend money or prepare that.
func (env *Env) SpendingRequests() (n int) {
	for endpoint, times := range env.Server.Counts() {
		if strings.HasPrefix(endpoint, "shopping/cart/") && endpoint != "shopping/cart/get" ||
			strings.HasSuffix(endpoint, "checkout") {
			n += times
		}
	}
	return n
}
