package cocalc

import (
	"slices"
	"strings"
	"testing"
)

const (
	keyMayNot    = `{"error":"API keys are not allowed to use user-query"}`
	moneyMayNot  = `{"error":"API keys are not allowed to access billing account details"}`
	emptyProfile = `{"profile":{}}`
	fullProfile  = `{"profile":{"account_id":"u","display_name":"Bot","email_address":"bot@example.com",` +
		`"is_admin":false}}`
	noDatabase   = `{"error":"connect ENOENT /run/postgresql/.s.PGSQL.5432"}`
	anonymous    = `{"error":"FATAL: anonymous get queries not allowed for table 'accounts'"}`
	someParams   = `{"balance":1,"amountDue":0,"total":0,"cart":[]}`
	lacksAccount = `{"error":"API key lacks required capability 'account:read'"}`
	maintenance  = `<html><head><title>503</title></head><body>We are back soon.</body></html>`
	someTiers    = `{"tiers":[{"id":"basic","price_monthly":"24.0000000000"}]}`
	tooMany      = `{"error":"too many requests to user-query; try again in 1 second (rule: at most 3 requests per ` +
		`second)"}`
	missingOnHere = `<!DOCTYPE html><pre>Cannot POST /api/v2/x</pre>`
)

func htmlReply(status int, body string) reply {
	return reply{status: status, body: body, header: map[string]string{"Content-Type": "text/html; charset=utf-8"}}
}

func redirectReply(status int, to string) []reply {
	return []reply{{status: status, header: map[string]string{"Location": to}}}
}

// readingOnly are the requests that a diagnosis may send.
var readingOnly = []string{checkoutParams, cartGet, getManaged, userQuery, profile, getMembershipTiers}

// The replies of each kind of server, and the diagnosis.
func TestClient_Diagnose(t *testing.T) {
	older := map[string][]reply{cartGet: always(`[]`), getManaged: always(`[]`), userQuery: always(whoami)}
	current := func(more map[string][]reply) map[string][]reply {
		answers := map[string][]reply{
			checkoutParams: always(someParams), getManaged: always(`[]`),
			userQuery: always(whoami),
		}
		for endpoint, said := range more {
			answers[endpoint] = said
		}
		return answers
	}
	successor := func(profileSays, user string) map[string][]reply {
		return map[string][]reply{
			userQuery: always(user), profile: always(profileSays), getMembershipTiers: always(someTiers),
			getBalance: always(moneyMayNot), anyEndpoint: {htmlReply(404, missingOnHere)},
		}
	}
	for _, test := range []struct {
		name    string
		answers map[string][]reply
		want    Diagnosis // without errors, and with the account's id alone
		asks    string    // endpoints, where the test is about them
	}{
		{
			"a current store", current(nil),
			Diagnosis{Condition: SellsLicenses, Store: StoreCurrent, Key: KeyValid},
			checkoutParams + " " + getManaged + " " + userQuery,
		},
		{
			"a current store with a broken cart",
			current(map[string][]reply{checkoutParams: always(`{"error":"Invalid time value"}`)}),
			Diagnosis{Condition: SellsLicenses, Store: StoreCurrent, Key: KeyValid},
			"",
		},
		{
			"a current store, whose database is down or whose key is wrong",
			current(map[string][]reply{
				checkoutParams: always(`{"error":"must be signed in"}`),
				userQuery:      always(anonymous),
			}),
			Diagnosis{Condition: SellsLicenses, Store: StoreCurrent, Key: KeyRefused},
			"",
		},
		{
			"a current store that lost its database in between", current(map[string][]reply{userQuery: {{status: 502}}}),
			Diagnosis{Condition: SellsLicenses, Store: StoreCurrent},
			"",
		},
		{
			"a current store with words that nobody has heard",
			current(map[string][]reply{checkoutParams: always(`{"error":"something new"}`)}),
			Diagnosis{Condition: SellsLicenses, Store: StoreCurrent, Key: KeyValid},
			"",
		},
		{
			"a current store that limits the rate",
			current(map[string][]reply{checkoutParams: always(tooMany), getManaged: always(tooMany)}),
			Diagnosis{Condition: SellsLicenses, Store: StoreCurrent, Key: KeyValid},
			"",
		},
		{
			"missing routes, and a limited rate",
			map[string][]reply{userQuery: always(tooMany)},
			Diagnosis{Condition: IsDown, Reason: Busy, Status: 200},
			"",
		},
		{"an older store", older, Diagnosis{Condition: SellsLicenses, Store: StoreOlder, Key: KeyValid}, checkoutParams +
			" " + cartGet + " " + getManaged + " " + userQuery},
		{
			"a store that lets keys read the profile alone",
			current(map[string][]reply{userQuery: always(keyMayNot), profile: always(fullProfile)}),
			Diagnosis{Condition: SellsLicenses, Store: StoreCurrent, Key: KeyValid},
			"",
		},

		{
			"the successor", successor(fullProfile, keyMayNot),
			Diagnosis{Condition: SellsMemberships, Status: 404, Key: KeyValid},
			checkoutParams + " " + cartGet +
				" " + userQuery + " " + profile,
		},
		{
			"the successor, with a key of the older form", successor(emptyProfile, keyMayNot),
			Diagnosis{Condition: SellsMemberships, Status: 404, Key: KeyRefused, OlderKey: true},
			"",
		},
		{
			"the successor, with a key that lacks a right", successor(lacksAccount, keyMayNot),
			Diagnosis{Condition: SellsMemberships, Status: 404, Key: KeyLimited, Capability: "account:read", OlderKey: true},
			"",
		},
		{
			"the successor without its database", successor(noDatabase, keyMayNot),
			Diagnosis{Condition: SellsMemberships, Status: 404, OlderKey: true},
			"",
		},
		{
			"the successor, with an odd profile", successor(`{"profile":{"account_id":7}}`, keyMayNot),
			Diagnosis{Condition: SellsMemberships, Status: 404, OlderKey: true},
			"",
		},
		{
			"a successor that answers user-query with a missing route",
			map[string][]reply{getMembershipTiers: always(someTiers), profile: always(fullProfile)},
			Diagnosis{Condition: SellsMemberships, Status: 404, Key: KeyValid},
			"",
		},
		{
			"a CoCalc without licenses, to a good key",
			map[string][]reply{userQuery: always(whoami)},
			Diagnosis{Condition: SellsMemberships, Status: 404, Key: KeyValid},
			"",
		},
		{
			"a CoCalc without licenses, to a wrong key",
			map[string][]reply{userQuery: always(anonymous)},
			Diagnosis{Condition: SellsMemberships, Status: 404, Key: KeyRefused},
			"",
		},
		{
			"a CoCalc with a cart and no licenses",
			map[string][]reply{checkoutParams: always(someParams), userQuery: always(whoami)},
			Diagnosis{Condition: SellsMemberships, Status: 404, Key: KeyValid},
			"",
		},

		{
			"moved, path and query preserved",
			map[string][]reply{anyEndpoint: redirectReply(302, "https://cocalc.ai/api/v2/"+checkoutParams+"?a=b")},
			Diagnosis{
				Condition: HasMoved, Reason: RedirectsAway, Status: 302,
				Redirect: Redirect{302, "cocalc.ai", true, true, ""},
			},
			checkoutParams,
		},
		{
			"moved, for good",
			map[string][]reply{anyEndpoint: redirectReply(301, "https://cocalc.ai/legacy/api/v2/"+checkoutParams)},
			Diagnosis{
				Condition: HasMoved, Reason: RedirectsAway, Status: 301,
				Redirect: Redirect{301, "cocalc.ai", true, true, ""},
			},
			"",
		},
		{
			"moved, to a front page",
			map[string][]reply{anyEndpoint: redirectReply(307, "//user:secret@cocalc.ai/?secret")},
			Diagnosis{
				Condition: HasMoved, Reason: RedirectsAway, Status: 307,
				Redirect: Redirect{307, "cocalc.ai", true, false, ""},
			},
			"",
		},
		{
			"https instead of http",
			map[string][]reply{anyEndpoint: redirectReply(301, "https://HOST/api/v2/"+checkoutParams)},
			Diagnosis{
				Condition: Misaddressed, Reason: RedirectsHere, Status: 301,
				Redirect: Redirect{301, "HOST", false, true, "https://HOST"},
			},
			checkoutParams,
		},
		{
			"a slash at the end",
			map[string][]reply{anyEndpoint: redirectReply(308, "/api/v2/"+checkoutParams+"/")},
			Diagnosis{
				Condition: Misaddressed, Reason: RedirectsHere, Status: 308,
				Redirect: Redirect{308, "HOST", false, true, ""},
			},
			"",
		},
		{
			"a page to sign in on the same host",
			map[string][]reply{anyEndpoint: redirectReply(302, "/auth/sign-in?next=%2Fapi")},
			Diagnosis{
				Condition: IsForeign, Reason: RedirectsPage, Status: 302,
				Redirect: Redirect{302, "HOST", false, false, ""},
			},
			"",
		},
		{
			"a redirect to nowhere",
			map[string][]reply{anyEndpoint: {{status: 302}}},
			Diagnosis{Condition: IsForeign, Reason: RedirectsOdd, Status: 302, Redirect: Redirect{Status: 302}},
			"",
		},
		{
			"a redirect that is no URL",
			map[string][]reply{anyEndpoint: redirectReply(302, "https://%zz/"+testKey)},
			Diagnosis{Condition: IsForeign, Reason: RedirectsOdd, Status: 302, Redirect: Redirect{Status: 302}},
			"",
		},

		{
			"maintenance, 502",
			map[string][]reply{anyEndpoint: {htmlReply(502, maintenance)}},
			Diagnosis{Condition: IsDown, Reason: ServerError, Status: 502},
			"",
		},
		{
			"maintenance, 503",
			map[string][]reply{anyEndpoint: {htmlReply(503, maintenance)}},
			Diagnosis{Condition: IsDown, Reason: ServerError, Status: 503},
			"",
		},
		{
			"a fault",
			map[string][]reply{anyEndpoint: {{status: 500, body: `{"error":"api_v2_error"}`}}},
			Diagnosis{Condition: IsDown, Reason: ServerError, Status: 500},
			"",
		},
		{
			"too many requests",
			map[string][]reply{anyEndpoint: {{status: 429}}},
			Diagnosis{Condition: IsDown, Reason: Busy, Status: 429},
			"",
		},
		{
			"a database that is down, said plainly",
			map[string][]reply{anyEndpoint: always(noDatabase)},
			Diagnosis{Condition: IsDown, Reason: DatabaseDown, Status: 200},
			"",
		},
		{
			"an answer that ends early",
			map[string][]reply{anyEndpoint: {{body: `{}`, header: map[string]string{"Content-Length": "50"}}}},
			Diagnosis{Condition: IsDown, Reason: CutOff, Status: 200},
			"",
		},
		{
			"down behind missing routes",
			map[string][]reply{userQuery: {{status: 503}}},
			Diagnosis{Condition: IsDown, Reason: ServerError, Status: 503},
			"",
		},

		{
			"a captive network's page",
			map[string][]reply{anyEndpoint: {htmlReply(200, "<html>Welcome to the hotel's network</html>")}},
			Diagnosis{Condition: IsForeign, Reason: Page, Status: 200},
			"",
		},
		{
			"the page of a missing route on everything", nil,
			Diagnosis{Condition: IsForeign, Reason: NoEndpoint, Status: 404},
			"",
		},
		{
			"a missing route that is no page",
			map[string][]reply{anyEndpoint: {{status: 404, body: `{"message":"Not Found"}`}}},
			Diagnosis{Condition: IsForeign, Reason: OtherStatus, Status: 404},
			"",
		},
		{
			"a guard in front",
			map[string][]reply{anyEndpoint: {htmlReply(403, "<html>Forbidden</html>")}},
			Diagnosis{Condition: IsForeign, Reason: OtherStatus, Status: 403},
			"",
		},
		{
			"JSON of another program",
			map[string][]reply{anyEndpoint: always(`{"status":"ok"}`)},
			Diagnosis{Condition: IsForeign, Reason: OtherJSON, Status: 200},
			"",
		},
		{
			"lists of another program",
			map[string][]reply{anyEndpoint: always(`[]`)},
			Diagnosis{Condition: IsForeign, Reason: OtherJSON, Status: 200},
			"",
		},
		{
			"errors of another program",
			map[string][]reply{anyEndpoint: always(`{"error":"unknown method"}`)},
			Diagnosis{Condition: IsForeign, Reason: OtherJSON, Status: 200},
			"",
		},
		{
			"text of another program",
			map[string][]reply{anyEndpoint: {{body: "hello", header: map[string]string{"Content-Type": "text/plain"}}}},
			Diagnosis{Condition: IsForeign, Reason: NotJSON, Status: 200},
			"",
		},
		{
			"another program behind missing routes",
			map[string][]reply{userQuery: always(`{"error":"unknown method"}`)},
			Diagnosis{Condition: IsForeign, Reason: OtherJSON, Status: 200},
			"",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			for _, known := range []Store{storeUnknown, StoreCurrent, StoreOlder} { // earlier knowledge does not count
				answers := map[string][]reply{}
				c, s := serve(t, answers)
				host := strings.TrimPrefix(string(c.Site()), "http://")
				for endpoint, list := range test.answers {
					list = slices.Clone(list)
					for i := range list {
						if to, ok := list[i].header["Location"]; ok {
							list[i].header = map[string]string{"Location": strings.ReplaceAll(to, "HOST", host)}
						}
					}
					answers[endpoint] = list
				}
				want := test.want
				want.Redirect.Host = strings.ReplaceAll(want.Redirect.Host, "HOST", host)
				want.Redirect.Address = strings.ReplaceAll(want.Redirect.Address, "HOST", host)
				c.store = known
				got := c.Diagnose(t.Context())
				checkDiagnosis(t, got, want)
				var asked []string
				for _, request := range s.requests() {
					endpoint, _, _ := strings.Cut(request, " ")
					if !slices.Contains(readingOnly, endpoint) {
						t.Errorf("got the request %q of a diagnosis, want reads alone", request)
					}
					asked = append(asked, endpoint)
				}
				if test.asks != "" && strings.Join(asked, " ") != test.asks {
					t.Errorf("got the requests %q, want %q", asked, test.asks)
				}
				keeps := want.Store
				switch {
				case want.Condition == IsDown:
					keeps = known
				case known != storeUnknown && known != want.Store:
					keeps = storeUnknown // Store looks a second time
				}
				if c.store != keeps && (want.Condition != IsDown || c.store != storeUnknown) {
					t.Errorf("got the store %v after %v was known, want %v", c.store, known, keeps)
				}
			}
		})
	}
}

// checkDiagnosis compares, and looks at the errors that go with each condition.
func checkDiagnosis(t *testing.T, got, want Diagnosis) {
	t.Helper()
	if (got.Err == nil) != (want.Condition == SellsLicenses) ||
		(got.KeyErr == nil) != (want.Key == KeyValid || got.Condition != SellsLicenses && got.Condition != SellsMemberships) {
		t.Errorf("got the errors %v and %v of the key with %+v, want %+v", got.Err, got.KeyErr, got, want)
	}
	if (got.Account.ID == "u") != (want.Key == KeyValid) {
		t.Errorf("got the account %+v, want it only with a valid key: %+v", got.Account, want)
	}
	got.Err, got.KeyErr, got.Account, want.Account = nil, nil, Account{}, Account{}
	if got != want {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}
