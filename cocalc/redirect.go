package cocalc

import (
	"net/http"
	"net/netip"
	"net/url"
	"regexp"
	"strconv"
	"strings"

	"golang.org/x/net/idna"
)

// Redirect is where a server leads its callers. The client reads it and never follows it: a POST would become a GET,
// and the key would go to a server that the settings do not name.
//
// The texts are safe to show and to log: of the Location header only host and, in Address, path are kept, in ASCII, and
// never a user, a query or the key.
type Redirect struct {
	Status int
	// Host is the host that it leads to, in its ASCII form ("xn--…"), with the port where that is not the scheme's
	// own. Empty where the header is missing or names no host that HTTP can reach.
	Host string
	// Elsewhere means that Host is another one than the client's. Another scheme with the same name is the same host.
	Elsewhere bool
	// KeepsPath means that it leads to the same endpoint there, as a server that has moved, or wants another scheme,
	// does. A sign-in page does not.
	KeepsPath bool
	// Address is the address by which the same server wants to be called, for the settings: "https://cocalc.example".
	// Empty where the redirect tells none, or one that is worse: from https to http.
	Address string
}

// words follow "the server redirects (302)".
func (r Redirect) words() string {
	switch {
	case r.Host == "":
		return " to an address that cannot be read"
	case r.Address != "":
		return " to " + r.Address
	}
	return " to " + r.Host
}

// reason says what kind of redirect it is.
func (r Redirect) reason() Reason {
	switch {
	case r.Host == "":
		return RedirectsOdd
	case r.Elsewhere:
		return RedirectsAway
	case r.KeepsPath:
		return RedirectsHere
	}
	return RedirectsPage
}

// redirect reads where an answer leads.
func (c *Client) redirect(endpoint string, a answer) Redirect {
	r := readRedirect(c.base, endpoint, a.header.Get("Location"))
	r.Status = a.status
	// A server that repeats the key in its host's name or path gets neither shown.
	if repeats := strings.ToLower(c.key); strings.Contains(r.Host, repeats) {
		r.Host = ""
	}
	if c.scrub(r.Address) != r.Address {
		r.Address = ""
	}
	return r
}

// plainPath is a path that an address in the settings can have.
var plainPath = regexp.MustCompile(`^(/[A-Za-z0-9._~-]+)*$`)

// readRedirect reads a Location header that answered a request for an endpoint below base, which ends with "/api/v2/".
func readRedirect(base, endpoint, location string) (r Redirect) {
	from, err := url.Parse(base + endpoint)
	if err != nil || location == "" {
		return r
	}
	to, err := from.Parse(location)
	if err != nil || to.Scheme != "https" && to.Scheme != "http" {
		return r
	}
	name, port, ok := asciiHost(to)
	if !ok {
		return r
	}
	r.Host = withPort(name, port, to.Scheme)
	ownName, ownPort, _ := asciiHost(from)
	// A scheme has its own port, so another scheme means another port; a scheme's other port is another server.
	r.Elsewhere = name != ownName || to.Scheme == from.Scheme && port != ownPort
	path, keeps := strings.CutSuffix(cleanPath(to.EscapedPath()), "/api/v2/"+endpoint)
	r.KeepsPath = keeps
	switch {
	case r.Elsewhere || !keeps || !plainPath.MatchString(path) || from.Scheme == "https" && to.Scheme == "http":
	case to.Scheme+"://"+r.Host+path != strings.TrimSuffix(base, "/api/v2/"):
		r.Address = to.Scheme + "://" + r.Host + path
	}
	return r
}

var slashes = regexp.MustCompile(`//+`)

// cleanPath is a path without double slashes and without one at the end.
func cleanPath(path string) string {
	return strings.TrimSuffix(slashes.ReplaceAllString(path, "/"), "/")
}

// hostNames turns names into their ASCII form and refuses what is none. It takes underscores, which private networks
// use.
var hostNames = idna.New(idna.MapForLookup(), idna.BidiRule(), idna.StrictDomainName(false))

// asciiName is what is left of a name: letters, digits and what joins them.
var asciiName = regexp.MustCompile(`^[a-z0-9_]([a-z0-9._-]*[a-z0-9_])?$`)

// asciiHost reads the host and the port of an address, the latter by the scheme where it is not named.
func asciiHost(u *url.URL) (name, port string, ok bool) {
	if port = u.Port(); port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	if n, err := strconv.Atoi(port); err != nil || n < 1 || n > 65535 {
		return "", "", false
	} else {
		port = strconv.Itoa(n)
	}
	text := u.Hostname()
	if ip, err := netip.ParseAddr(text); err == nil {
		if ip = ip.WithZone(""); ip.Is6() {
			return "[" + ip.String() + "]", port, true
		}
		return ip.String(), port, true
	}
	name, err := hostNames.ToASCII(strings.TrimSuffix(text, "."))
	if err != nil || len(name) > 253 || !asciiName.MatchString(name) || strings.Contains(name, "..") {
		return "", "", false
	}
	return name, port, true
}

// withPort adds a port that is not the scheme's own.
func withPort(name, port, scheme string) string {
	if scheme == "https" && port == "443" || scheme == "http" && port == "80" {
		return name
	}
	return name + ":" + port
}

// legible keeps net/http from failing on a Location header that is no URL: the error would hide that there was an
// answer, and repeat what the header says.
type legible struct{ http.RoundTripper }

func (l legible) RoundTrip(request *http.Request) (*http.Response, error) {
	response, err := l.RoundTripper.RoundTrip(request)
	if err != nil {
		return response, err
	}
	if location := response.Header.Get("Location"); location != "" {
		if _, broken := request.URL.Parse(location); broken != nil {
			response.Header.Del("Location")
		}
	}
	return response, nil
}

// CloseIdleConnections lets http.Client.CloseIdleConnections reach the transport.
func (l legible) CloseIdleConnections() {
	if t, ok := l.RoundTripper.(interface{ CloseIdleConnections() }); ok {
		t.CloseIdleConnections()
	}
}
