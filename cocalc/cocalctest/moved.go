package cocalctest

import (
	"cmp"
	"html"
	"net/http"
	"strings"
)

// movedTo is where a server that has moved leads, where nothing else is said.
const movedTo = "https://cocalc.ai"

// leadAway answers what a server answers that has moved: a redirect to another host, with path and query preserved.
// It looks at nothing else of the request, and does nothing.
func (s *Server) leadAway(w http.ResponseWriter, r *http.Request, entry *Request, to string) {
	location := strings.TrimRight(cmp.Or(to, s.movedTo, movedTo), "/") + r.URL.RequestURI()
	w.Header().Set("Location", location)
	s.send(w, r, entry, answer{
		status: http.StatusFound, html: true,
		body: []byte(
			"<html>\r\n<head><title>302 Found</title></head>\r\n<body>\r\n<center><h1>302 Found</h1></center>\r\n<!-- " +
				html.EscapeString(location) + " -->\r\n</body>\r\n</html>\r\n"),
	})
}
