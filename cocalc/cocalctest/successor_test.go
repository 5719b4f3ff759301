package cocalctest_test

import (
	"encoding/base64"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"licensebot/cocalc"
	"licensebot/cocalc/cocalctest"
)

// request sends a request, with the headers as name and value in turn.
func request(t *testing.T, s *cocalctest.Server, method, path, body string, headers ...string) (status int,
	header http.Header, answer string,
) {
	t.Helper()
	r, err := http.NewRequest(method, "http://cocalc.test"+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	response, err := s.Transport().RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, response.Header, string(text)
}

func bearing(key string) []string { return []string{"Authorization", "Bearer " + key} }

// The successor's HTTP layer differs from the older CoCalc's.
func TestSuccessor_Routes(t *testing.T) {
	s := cocalctest.New(cocalctest.Config{Generation: cocalctest.Successor})
	key := s.Add(cocalctest.NewAccount{}).Key()
	for _, test := range []struct {
		name, method, path, body string
		status                   int
		says                     string
	}{
		{"a slash at the end", http.MethodPost, "/api/v2/user-query/", "{}", 200, "not allowed to use user-query"},
		{"capitals", http.MethodPost, "/API/v2/User-Query", "{}", 200, "not allowed to use user-query"},
		{"a double slash", http.MethodPost, "/api/v2//user-query", "{}", 404, "<pre>Cannot POST /api/v2//user-query</pre>"},
		{"another path", http.MethodGet, "/x?<script>", "", 404, "<pre>Cannot GET /x</pre>"},
		{
			"another method, where one is wanted", http.MethodGet, "/api/v2/accounts/profile", "", 405,
			`{"error":"method_not_allowed"}`,
		},
		{
			"another method, where none is wanted", http.MethodGet, "/api/v2/purchases/get-balance", "", 200,
			"billing account details",
		},
		{"broken JSON", http.MethodPost, "/api/v2/user-query", "{", 400, "<pre>"},
		{
			"a large body", http.MethodPost, "/api/v2/user-query", `{"a":"` + strings.Repeat("x", 2<<20) + `"}`, 200,
			"not allowed",
		},
		{
			"a body that is too large", http.MethodPost, "/api/v2/user-query", `{"a":"` + strings.Repeat("x", 11<<20) + `"}`,
			413, "<pre>",
		},
	} {
		status, header, answer := request(t, s, test.method, test.path, test.body, bearing(key)...)
		if status != test.status || !strings.Contains(answer, test.says) {
			t.Errorf("%s: got %d %s, want %d with %q", test.name, status, answer, test.status, test.says)
		}
		if isPage := strings.HasPrefix(header.Get("Content-Type"), "text/html"); isPage != strings.Contains(answer, "<pre>") {
			t.Errorf("%s: got content type %q, want text/html only for a page", test.name, header.Get("Content-Type"))
		}
	}
	s.Close()
}

// Only the profile distinguishes a valid key from others.
func TestSuccessor_Keys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := cocalctest.New(cocalctest.Config{Generation: cocalctest.Successor})
		account := s.Add(cocalctest.NewAccount{Email: "team@example.com", Key: "sk-abcdefghijklmnop000001"})
		good := account.NewSuccessorKey("good", cocalctest.AccountRead)
		expired, revoked := account.NewSuccessorKey("expired", cocalctest.AccountRead),
			account.NewSuccessorKey("revoked", cocalctest.AccountRead)
		account.ExpireKey(expired, time.Now().Add(-time.Second))
		account.RevokeKey(revoked)
		const nobody = `{"profile":{}}`
		for name, test := range map[string]struct{ authorization, says string }{
			"a valid key": {"Bearer " + good, `"account_id":"` + account.ID() + `"`},
			"a valid key, Basic": {
				"Basic " + base64.StdEncoding.EncodeToString([]byte(good+":")),
				`"email_address":"team@example.com"`,
			},
			"one of the older form": {"Bearer " + account.Key(), nobody},
			"a wrong one":           {"Bearer " + good[:len(good)-1], nobody},
			"an expired one":        {"Bearer " + expired, nobody},
			"a revoked one":         {"Bearer " + revoked, nobody},
			"none":                  {"", nobody},
			"one without rights": {
				"Bearer " + account.NewSuccessorKey("none"),
				`{"error":"API key lacks required capability 'account:read'"}`,
			},
			"one with another right": {
				"Bearer " + account.NewSuccessorKey("list", "project:list"),
				"lacks required capability 'account:read'",
			},
			"another scheme": {"basic x", `{"error":"Unknown authorization type 'basic'"}`},
		} {
			var headers []string
			if test.authorization != "" {
				headers = []string{"Authorization", test.authorization}
			}
			if _, _, answer := request(t, s, http.MethodPost, "/api/v2/accounts/profile", "{}", headers...); !strings.Contains(
				answer, test.says) {
				t.Errorf("%s: got %s, want %s", name, answer, test.says)
			}
		}
		// An older server refuses the successor's keys.
		older := cocalctest.New(cocalctest.Config{})
		key := older.Add(cocalctest.NewAccount{}).NewSuccessorKey("bot", cocalctest.AccountRead)
		if _, _, answer := request(t, older, http.MethodPost, "/api/v2/purchases/get-balance", "{}",
			bearing(key)...); answer != `{"error":"must be signed in"}` {
			t.Errorf("got %s from an older server, want that it requires to be signed in", answer)
		}
	})
}

// The page of the account lists a key as cocalc.RedactKey shows it.
func TestSuccessor_APIKeys_Redacted(t *testing.T) {
	s := cocalctest.New(cocalctest.Config{Generation: cocalctest.Successor})
	account := s.Add(cocalctest.NewAccount{})
	session := []string{"Cookie", account.SignIn()}
	_, _, answer := request(t, s, http.MethodPost, "/api/v2/api-keys", `{"action":"get"}`, session...)
	if shown := cocalc.RedactKey(account.Key()); !strings.Contains(answer, `"trunc":"`+shown+`"`) ||
		len(account.Key()) != 69 {
		t.Errorf("got %s, want %s in it", answer, shown)
	}
	if _, _, answer := request(t, s, http.MethodPost, "/api/v2/api-keys", `{"action":"get"}`,
		bearing(account.Key())...); strings.Contains(answer, "trunc") {
		t.Errorf("got %s with a key, want no keys", answer)
	}
}

// A key can't spend, and neither can a session that is not fresh.
func TestSuccessor_Spending_Refused(t *testing.T) {
	s := cocalctest.New(cocalctest.Config{Generation: cocalctest.Successor})
	account := s.Add(cocalctest.NewAccount{Credit: 100_00})
	for _, path := range []string{
		"membership-change", "cancel-subscription", "renew-subscription",
		"resume-subscription",
	} {
		for who, test := range map[string]struct {
			headers []string
			want    string
		}{
			"a key":       {bearing(account.Key()), `{"error":"browser sign-in is required"}`},
			"a wrong key": {bearing("sk-x"), `{"error":"must be signed in"}`},
			"a session": {
				[]string{"Cookie", account.SignIn()},
				`{"error":"fresh auth is required","code":"fresh_auth_required"}`,
			},
			"nobody": {nil, `{"error":"must be signed in"}`},
		} {
			if _, _, answer := request(t, s, http.MethodPost, "/api/v2/purchases/"+path,
				`{"class":"standard","interval":"month","subscription_id":1}`, test.headers...); answer != test.want {
				t.Errorf("%s by %s: got %s, want %s", path, who, answer, test.want)
			}
		}
	}
	if account.Balance() != 100_00 || len(account.Purchases()) != 1 || len(account.Subscriptions()) != 0 {
		t.Errorf("got %d cents, %d purchases, want $100.00 and one", account.Balance(), len(account.Purchases()))
	}
}

// A person who is signed in also sees the tiers that the store does not show, but no disabled ones.
func TestSuccessor_MembershipTiers_Visible(t *testing.T) {
	s := cocalctest.New(cocalctest.Config{Generation: cocalctest.Successor})
	key := s.Add(cocalctest.NewAccount{}).Key()
	s.SetMembershipTiers(
		cocalctest.MembershipTier{ID: "shown", Monthly: "24.0000000000", InStore: true},
		cocalctest.MembershipTier{ID: "hidden"},
		cocalctest.MembershipTier{ID: "disabled", InStore: true, Disabled: true})
	for who, test := range map[string]struct {
		headers []string
		want    int
	}{"a key": {bearing(key), 2}, "a wrong key": {bearing("sk-x"), 1}, "nobody": {nil, 1}} {
		_, _, answer := request(t, s, http.MethodPost, "/api/v2/purchases/get-membership-tiers", "{}", test.headers...)
		if got := strings.Count(answer, `"id":`); got != test.want ||
			!strings.Contains(answer, `"price_monthly":"24.0000000000"`) || strings.Contains(answer, "disabled\",") {
			t.Errorf("%s: got %s, want %d tiers", who, answer, test.want)
		}
	}
}

// The keys of both forms exist after a restart.
func TestServer_Restore_SuccessorKeys(t *testing.T) {
	s := cocalctest.New(cocalctest.Config{})
	account := s.Add(cocalctest.NewAccount{})
	account.NewSuccessorKey("bot", cocalctest.AccountRead)
	next := cocalctest.New(cocalctest.Config{Generation: cocalctest.Successor})
	if err := next.Restore(s.Snapshot()); err != nil {
		t.Fatal(err)
	}
	again, ok := next.Account(account.ID())
	if !ok || again.Key() != account.Key() || again.SuccessorKey() != account.SuccessorKey() ||
		again.SuccessorKey() == "" {
		t.Fatalf("got the keys %q and %q, want %q and %q", again.Key(), again.SuccessorKey(), account.Key(),
			account.SuccessorKey())
	}
	if _, _, answer := request(t, next, http.MethodPost, "/api/v2/accounts/profile", "{}",
		bearing(again.SuccessorKey())...); !strings.Contains(answer, account.ID()) {
		t.Errorf("got the profile %s, want the account's id", answer)
	}
}

// A server that has moved redirects every request, with path and query, and does nothing.
func TestServer_Moved(t *testing.T) {
	s := cocalctest.New(cocalctest.Config{Generation: cocalctest.Moved, MovedTo: "https://elsewhere.example/"})
	account := s.Add(cocalctest.NewAccount{Credit: 100_00})
	account.AddToCart("site-license", cheap)
	for _, path := range []string{"/api/v2/" + checkout, "/api/v2/" + add + "?a=1&b=%20", "/", "/x//y/"} {
		for _, method := range []string{http.MethodPost, http.MethodGet} {
			status, header, _ := request(t, s, method, path, "{}", bearing(account.Key())...)
			if status != http.StatusFound || header.Get("Location") != "https://elsewhere.example"+path {
				t.Errorf("%s %s: got %d, %q, want a redirect to https://elsewhere.example", method, path, status,
					header.Get("Location"))
			}
		}
	}
	if log := s.Requests(); len(log) != 8 || log[0].Endpoint != checkout || log[0].Status != http.StatusFound {
		t.Errorf("got the log %+v, want 8 redirects", log)
	}
	if account.Balance() != 100_00 || len(account.Licenses()) != 0 || len(account.Cart()) != 1 {
		t.Error("got a changed account, want it unchanged")
	}
	if _, header, _ := request(t, cocalctest.New(cocalctest.Config{Generation: cocalctest.Moved}), http.MethodPost,
		"/api/v2/user-query", "{}"); header.Get("Location") != "https://cocalc.ai/api/v2/user-query" {
		t.Errorf("got the location %q, want https://cocalc.ai", header.Get("Location"))
	}
}
