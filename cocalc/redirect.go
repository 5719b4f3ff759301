package cocalc

import (
	"net/netip"
	"net/url"
	"regexp"
	"strconv"
	"strings"

	"golang.org/x/net/idna"
)

// Redirect is the target of a server's redirect. The client reads it but never follows it: a POST would become a GET,
// and the key would be sent to a server that is not the configured one.
//
// The texts are safe to show and to log: of the Location header, only the host and, in Address, the path are kept, in
// ASCII, and never a user, a query or the key.
type Redirect struct {
	Status int
	// Host is the target's host in its ASCII form ("xn--…"), with the port if that is not the scheme's default. It is
	// empty if the header is missing or names no host that HTTP can reach.
	Host string
	// Elsewhere reports whether Host differs from the client's. Another scheme with the same name is the same host.
	Elsewhere bool
	// KeepsPath reports whether the target is the same endpoint, as for a server that has moved or requires another
	// scheme, in contrast to a sign-in page.
	KeepsPath bool
	// Address is the address to configure for the same server: "https://cocalc.example". It is empty if the redirect
	// names none, or a worse one: from https to http.
	Address string
}

// words returns the end of a sentence that begins with "the server redirects (302)".
func (r Redirect) words() string {
	switch {
	case r.Host == "":
		return " to an address that cannot be read"
	case r.Address != "":
		return " to " + r.Address
	}
	return " to " + r.Host
}

// reason returns the kind of the redirect.
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

// redirect returns the target of an answer.
func (c *Client) redirect(endpoint string, a answer) Redirect {
	r := readRedirect(c.base, endpoint, a.header.Get("Location"))
	r.Status = a.status
	// If a server repeats the key in the host or the path, that part is left out.
	if idempotent := strings.ToLower(c.key); strings.Contains(r.Host, idempotent) {
		r.Host = ""
	}
	if c.redactKey(r.Address) != r.Address {
		r.Address = ""
	}
	return r
}

// plainPath matches a path that a configured address can have.
var plainPath = regexp.MustCompile(`^(/[A-Za-z0-9._~-]+)*$`)

// readRedirect parses the Location header in an answer to a request for an endpoint below base, which ends with
// "/api/v2/".
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

// cleanPath returns a path without double slashes and without a slash at its end.
func cleanPath(path string) string {
	return strings.TrimSuffix(slashes.ReplaceAllString(path, "/"), "/")
}

// hostNames converts host names to ASCII and refuses invalid ones. It accepts underscores, which private networks use.
var hostNames = idna.New(idna.MapForLookup(), idna.BidiRule(), idna.StrictDomainName(false))

// asciiName matches a host name in ASCII.
var asciiName = regexp.MustCompile(`^[a-z0-9_]([a-z0-9._-]*[a-z0-9_])?$`)

// asciiHost returns the host of an address in ASCII and its port, which is the scheme's default if the address has
// none.
func asciiHost(u *url.URL) (name, port string, ok bool) {
	if port = u.Port(); port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	n, err := strconv.Atoi(port)
	if err != nil || n < 1 || n > 65535 {
		return "", "", false
	}
	port = strconv.Itoa(n)
	text := u.Hostname()
	if ip, err := netip.ParseAddr(text); err == nil {
		if ip = ip.WithZone(""); ip.Is6() {
			return "[" + ip.String() + "]", port, true
		}
		return ip.String(), port, true
	}
	name, err = hostNames.ToASCII(strings.TrimSuffix(text, "."))
	if err != nil || len(name) > 253 || !asciiName.MatchString(name) || strings.Contains(name, "..") {
		return "", "", false
	}
	return name, port, true
}

// withPort adds the port to a host name, unless it is the scheme's default.
func withPort(name, port, scheme string) string {
	if scheme == "https" && port == "443" || scheme == "http" && port == "80" {
		return name
	}
	return name + ":" + port
}
