package page_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"licensebot/slacksim"
	"licensebot/slacksim/page"
)

func TestPage_ServeHTTP_OtherSites(t *testing.T) {
	ws := slacksim.New(slacksim.Options{})
	t.Cleanup(ws.Close)
	p := page.New(ws, page.Options{})
	say := `{"as":"U0ALICE","at":"C0GENERAL","text":"hi"}`
	for _, c := range []struct {
		name, method, path, host, body string
		header                         map[string]string
		want                           int
	}{
		{"loopback address", "GET", "/", "127.0.0.1:3000", "", nil, 200},
		{"another loopback address", "GET", "/", "127.9.9.9", "", nil, 200},
		{"IPv6", "GET", "/", "[::1]:3000", "", nil, 200},
		{"localhost", "GET", "/", "localhost:3000", "", nil, 200},
		{"a name that leads here", "GET", "/", "evil.example", "", nil, 403},
		{"a name that looks like loopback", "GET", "/", "127.0.0.1.evil.example", "", nil, 403},
		{"no name", "GET", "/", "", "", nil, 403},
		{"the machine's other address", "GET", "/", "192.168.1.5:3000", "", nil, 403},
		{
			"said on the page", "POST", "/-/do/say", "127.0.0.1", say,
			map[string]string{"Content-Type": "application/json", "Origin": "http://127.0.0.1", "Sec-Fetch-Site": "same-origin"},
			200,
		},
		{
			"said by another site", "POST", "/-/do/say", "127.0.0.1", say,
			map[string]string{"Content-Type": "application/json", "Sec-Fetch-Site": "cross-site"},
			403,
		},
		{
			"said by a page on another port", "POST", "/-/do/say", "127.0.0.1:3000", say,
			map[string]string{"Content-Type": "application/json", "Origin": "http://127.0.0.1:4000"},
			403,
		},
		{
			"a form of another site", "POST", "/-/do/say", "127.0.0.1", say,
			map[string]string{"Content-Type": "text/plain"},
			415,
		},
		{"no JSON", "POST", "/-/do/say", "127.0.0.1", "hi", map[string]string{"Content-Type": "application/json"}, 400},
		{
			"no such action", "POST", "/-/do/destroy", "127.0.0.1", say,
			map[string]string{"Content-Type": "application/json"},
			404,
		},
		{"events of an unknown person", "GET", "/-/events?as=U9", "127.0.0.1", "", nil, 404},
		{"an unknown person", "GET", "/?as=U9", "127.0.0.1", "", nil, 303},
		{"no way out of the assets", "GET", "/-/..%2fpage.go", "127.0.0.1", "", nil, 400},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := httptest.NewRequest(c.method, "http://127.0.0.1"+c.path, strings.NewReader(c.body))
			r.Host = c.host
			for k, v := range c.header {
				r.Header.Set(k, v)
			}
			w := httptest.NewRecorder()
			p.ServeHTTP(w, r)
			if w.Code != c.want {
				t.Errorf("got status %d, want %d: %s", w.Code, c.want, w.Body)
			}
		})
	}
	if got := len(ws.Messages(slacksim.General)); got != 1 {
		t.Errorf("got %d messages, want 1", got)
	}
}

// The files of the page have no address of another host, and no inline script or style, which the content security
// policy forbids.
func TestPage_ServeHTTP_NoOtherHosts(t *testing.T) {
	ws := slacksim.New(slacksim.Options{})
	t.Cleanup(ws.Close)
	srv := httptest.NewServer(page.New(ws, page.Options{}))
	t.Cleanup(srv.Close)
	read := func(path string) (string, http.Header) {
		resp, err := http.Get(srv.URL + path)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		if err != nil || resp.StatusCode != 200 {
			t.Fatalf("%s: got %s, %v; want 200", path, resp.Status, err)
		}
		return string(body), resp.Header
	}
	body, header := read("/")
	csp := header.Get("Content-Security-Policy")
	if !strings.HasPrefix(csp, "default-src 'none';") || strings.Contains(csp, "unsafe") ||
		!strings.Contains(csp, "frame-ancestors 'none'") {
		t.Errorf("got the policy %s, want default-src 'none', frame-ancestors 'none' and nothing unsafe", csp)
	}
	if found := regexp.MustCompile(`(?i)<[^>]*\s(on\w+|style)=|<script>|<style`).FindString(body); found != "" {
		t.Errorf("got %s in the page, want no inline script or style", found)
	}
	paths := regexp.MustCompile(`(?:src|href)="(/-/[^"]+)"`).FindAllStringSubmatch(body, -1)
	if len(paths) < 5 {
		t.Fatalf("got the files %v, want at least 5", paths)
	}
	for _, path := range append(
		paths, []string{"", "/-/morph.js"}, []string{"", "/-/dates.js"}, []string{"", "/-/composer.js"},
	) {
		body, _ := read(path[1])
		for _, address := range regexp.MustCompile(`https?://[^"' )]+`).FindAllString(body, -1) {
			if address != "http://www.w3.org/2000/svg" {
				t.Errorf("addresses in %s: got %s, want none of another host", path[1], address)
			}
		}
	}
	http.DefaultClient.CloseIdleConnections()
}
