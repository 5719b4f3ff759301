package cocalctest

import (
	"cmp"
	"html"
	"net/http"
	"strings"
)

// movedTo is the default address to which a server that has moved redirects.
const movedTo = "https://cocalc.ai"

// redirectAway redirects to another host, with path and query preserved, as a server that has moved does. It ignores the
// rest of the request, and does nothing.
func (s *Server) redirectAway(w http.ResponseWriter, r *http.Request, entry *Request, to string) {
	location := strings.TrimRight(cmp.Or(to, s.movedTo, movedTo), "/") + r.URL.RequestURI()
	w.Header().Set("Location", location)
	s.send(w, r, entry, answer{
		status: http.StatusFound, html: true,
		body: []byte(
			"<html>\r\n<head><title>302 Found</title></head>\r\n<body>\r\n<center><h1>302 Found</h1></center>\r\n<!-- " +
				html.EscapeString(location) + " -->\r\n</body>\r\n</html>\r\n"),
	})
}
