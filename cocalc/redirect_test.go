package cocalc

import (
	"net/url"
	"regexp"
	"strings"
	"testing"
)

func TestReadRedirect(t *testing.T) {
	const base, secure = "http://cocalc.example/api/v2/", "https://cocalc.example/api/v2/"
	away := func(host string, keeps bool) Redirect { return Redirect{Host: host, Elsewhere: true, KeepsPath: keeps} }
	here := func(host, address string) Redirect { return Redirect{Host: host, KeepsPath: true, Address: address} }
	for _, test := range []struct {
		name, base, location string
		want                 Redirect
	}{
		{
			"another host, path and query preserved", secure, "https://cocalc.ai/api/v2/user-query?a=1",
			away("cocalc.ai", true),
		},
		{"another host, below another path", secure, "https://cocalc.ai/legacy/api/v2/user-query", away("cocalc.ai", true)},
		{"another host, front page", secure, "https://cocalc.ai/", away("cocalc.ai", false)},
		{"another host without a scheme", secure, "//cocalc.ai/api/v2/user-query", away("cocalc.ai", true)},
		{
			"user and query are left out", secure, "https://user:secret@cocalc.ai/?token=secret#secret",
			away("cocalc.ai", false),
		},
		{
			"the name within another name", secure, "https://cocalc.example.evil.example/api/v2/user-query",
			away("cocalc.example.evil.example", true),
		},
		{"www in front", secure, "https://www.cocalc.example/api/v2/user-query", away("www.cocalc.example", true)},
		{"letters that look like others", secure, "https://cocalc.\u0430i/", away("cocalc.xn--i-7sb", false)},
		{"capitals and a dot at the end", secure, "https://COCALC.AI./", away("cocalc.ai", false)},
		{"a port of its own", secure, "https://cocalc.ai:8443/", away("cocalc.ai:8443", false)},
		{"the scheme's own port", secure, "https://cocalc.ai:443/", away("cocalc.ai", false)},
		{
			"another port of the same machine", "http://127.0.0.1:5000/api/v2/", "http://127.0.0.1:5001/api/v2/user-query",
			away("127.0.0.1:5001", true),
		},
		{"an address of IPv6", secure, "https://[::1%25eth0]:8443/", away("[::1]:8443", false)},

		{"https", base, "https://cocalc.example/api/v2/user-query", here("cocalc.example", "https://cocalc.example")},
		{
			"https, with a slash at the end", base, "https://cocalc.example/api/v2/user-query/",
			here("cocalc.example", "https://cocalc.example"),
		},
		{
			"https on a port", "http://cocalc.example:5000/api/v2/", "https://cocalc.example:5443/api/v2/user-query",
			here("cocalc.example:5443", "https://cocalc.example:5443"),
		},
		{
			"https, in capitals", base, "HTTPS://COCALC.example/api/v2/user-query",
			here("cocalc.example", "https://cocalc.example"),
		},
		{
			"a clean path", "https://cocalc.example//base/api/v2/", "/base/api/v2/user-query",
			here("cocalc.example", "https://cocalc.example/base"),
		},
		{"a folder", secure, "/base/api/v2/user-query", here("cocalc.example", "https://cocalc.example/base")},
		{"a slash at the end", secure, "/api/v2/user-query/", here("cocalc.example", "")},
		{"the same address again", secure, secure + "user-query?again=1", here("cocalc.example", "")},
		{"no secure connection any more", secure, "http://cocalc.example/api/v2/user-query", here("cocalc.example", "")},
		{"a folder that is no plain text", secure, "/%3Cscript%3E/api/v2/user-query", here("cocalc.example", "")},

		{"a page to sign in", secure, "/auth/sign-in?target=%2Fapi", Redirect{Host: "cocalc.example"}},
		{"nowhere", secure, "", Redirect{}},
		{"no URL", secure, "https://%zz", Redirect{}},
		{"no host", secure, "https:///x", Redirect{}},
		{"another kind of address", secure, "javascript:alert(1)", Redirect{}},
		{"a file", secure, "file:///etc/passwd", Redirect{}},
		{"a host of blanks", secure, "https://a b/", Redirect{}},
		{"a host that writes backwards", secure, "https://cocalc.\u202eexample/", Redirect{}},
		{"a host that formats", secure, "https://*cocalc*.example/", Redirect{}},
		{"a port that is none", secure, "https://cocalc.ai:99999/", Redirect{}},
		{"a host that is too long", secure, "https://" + strings.Repeat("a.", 200) + "example/", Redirect{}},
	} {
		if got := readRedirect(test.base, userQuery, test.location); got != test.want {
			t.Errorf("%s: %q gave %+v, want %+v", test.name, test.location, got, test.want)
		}
	}
}

// A server that repeats the key in its answer gets no part of it shown.
func TestClient_Redirect_HidesKey(t *testing.T) {
	for _, location := range []string{"https://" + testKey + ".example/", "https://cocalc.ai/" + testKey, "/" + testKey +
		"/api/v2/" + checkoutParams} {
		c, _ := serve(t, map[string][]reply{anyEndpoint: {{status: 302, header: map[string]string{"Location": location}}}})
		d := c.Diagnose(t.Context())
		if e := asError(t, d.Err); strings.Contains(strings.ToLower(e.Error()+d.Redirect.Host+d.Redirect.Address),
			strings.ToLower(testKey)) {
			t.Errorf("%s: got the key in %v, %+v, want it redacted", location, e, d.Redirect)
		}
	}
}

// For any Location header, the texts that are shown contain at most a plain host and a path.
func FuzzRedirect(f *testing.F) {
	for _, seed := range []string{
		"https://cocalc.ai/api/v2/user-query?x=1", "//user@evil.example:1", "/auth",
		"https://cocalc.example/base/api/v2/user-query", "\x00", "https://[::1]",
		"https://xn--/", "https://a..b/", "https://\u2488com/", "https://cocalc.example:0443/api/v2/user-query",
		"http://<!channel>/", "https://cocalc.example/a|b/api/v2/user-query",
	} {
		f.Add(seed)
	}
	host := regexp.MustCompile(`^([a-z0-9._-]+|\[[0-9a-f:.]+\])(:[1-9][0-9]*)?$`)
	address := regexp.MustCompile(`^https://[a-z0-9.:\[\]_-]+[A-Za-z0-9/._~-]*$`)
	f.Fuzz(func(t *testing.T, location string) {
		for _, base := range []string{"https://cocalc.example/api/v2/", "http://127.0.0.1:5000/base/api/v2/"} {
			r := readRedirect(base, userQuery, location)
			if r.Host != "" && (!host.MatchString(r.Host) || len(r.Host) > 260) || r.Host == "" && r != (Redirect{}) {
				t.Errorf("%q: got %+v, want a host that is safe to show", location, r)
			}
			if r.Address == "" {
				continue
			}
			if !address.MatchString(r.Address) && strings.HasPrefix(base, "https") || r.Elsewhere || !r.KeepsPath || r.Address+
				"/api/v2/" == base {
				t.Errorf("%q: got the address %q of %+v, want a better one of the same host", location, r.Address, r)
			}
			if u, err := url.Parse(r.Address); err != nil || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
				t.Errorf("%q: got the address %q, want a plain one", location, r.Address)
			}
			if _, err := apiBase(r.Address); err != nil {
				t.Errorf("%q: got an address that New refuses: %v", location, err)
			}
		}
	})
}
