package cocalctest

import (
	"cmp"
	"compress/gzip"
	"errors"
	"html"
	"io"
	"mime"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf16"
)

const (
	apiRoot = "/api/v2/"
	maxBody = 1 << 20
	// gzipFrom is the size in bytes from which answers are compressed for clients that accept it.
	gzipFrom = 1024
)

// notFoundPage stands for the HTML page of an unknown path.
const notFoundPage = `<!DOCTYPE html><html lang="en-US"><head><title>404: This page could not be found</title></head>` +
	`<body><h1>404</h1><h2>This page could not be found.</h2></body></html>`

// answer is the response to a request.
type answer struct {
	status int
	body   []byte
	html   bool
	json   bool // JSON with any status; otherwise JSON if the status is 200, and plain text if not
}

var slashes = regexp.MustCompile(`//+`)

// ServeHTTP answers a request as the recorded server did. The handler continues if the caller hangs up.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.running.Add(1)
	defer s.running.Done()
	if s.renewals {
		s.catchUp()
	}
	path, isAPI := strings.CutPrefix(r.URL.Path, apiRoot)
	if generation, to := s.generationFor(path); generation == Moved || generation == Successor {
		entry, faults := s.arrive(r.Method, path)
		page, failing := failingProxy(faults)
		switch {
		case failing:
			s.recordStrikes(&call{endpoint: path, faults: faults})
			s.send(w, r, entry, page)
		case generation == Moved:
			s.recordStrikes(&call{endpoint: path, faults: faults})
			s.redirectAway(w, r, entry, to)
		default:
			s.serveSuccessor(w, r, entry, faults)
		}
		return
	}
	if clean := cleanPath(r.URL.Path); clean != r.URL.Path {
		s.redirect(w, clean)
		return
	}
	entry, faults := s.arrive(r.Method, path)
	e, found := s.route(path, faults)
	if !isAPI || !found {
		s.send(w, r, entry, answer{status: http.StatusNotFound, body: []byte(notFoundPage), html: true})
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		s.send(w, r, entry, answer{status: http.StatusRequestEntityTooLarge, body: []byte("Body exceeded 1mb limit")})
		return
	case err != nil: // the caller disconnected within the body: nothing happens
		panic(http.ErrAbortHandler)
	}
	c := &call{endpoint: path, faults: faults}
	if c.params, err = parseParams(r.Method, r.Header.Get("Content-Type"), body); err != nil {
		s.send(w, r, entry, answer{status: http.StatusBadRequest, body: []byte("Invalid JSON")})
		return
	}
	s.note(entry, func(entry *Request) { entry.Body = clip(body) })
	s.recordStrikes(c)
	authorization := r.Header.Get("Authorization")
	s.respond(w, r, entry, c, authorization, func() (any, error) { return s.carryOut(e, c, authorization) })
}

// respond carries out a call and sends its answer, or drops the connection if a fault requires it.
func (s *Server) respond(w http.ResponseWriter, r *http.Request, entry *Request, c *call, authorization string,
	do func() (any, error),
) {
	a, err := s.act(c, authorization, do)
	if c.account != nil {
		s.note(entry, func(entry *Request) { entry.AccountID = c.account.id })
	}
	if err != nil {
		s.note(entry, func(entry *Request) { entry.Dropped = true })
		panic(http.ErrAbortHandler)
	}
	s.send(w, r, entry, a)
}

// cleanPath returns the path that the server redirects to: without double slashes, and without one at the end.
func cleanPath(path string) string {
	clean := slashes.ReplaceAllString(path, "/")
	if len(clean) > 1 {
		clean = strings.TrimSuffix(clean, "/")
	}
	return clean
}

func (s *Server) redirect(w http.ResponseWriter, to string) {
	h := w.Header()
	h["Content-Type"] = nil // the server sends none
	h.Set("Location", to)
	h.Set("Refresh", "0;url="+to)
	w.WriteHeader(http.StatusPermanentRedirect)
	_, _ = io.WriteString(w, to)
}

// parseParams returns the parameters for the handler: only a POST has parameters, and only JSON and forms are
// understood. It returns an error for invalid JSON.
func parseParams(method, contentType string, body []byte) (object, error) {
	media, _, err := mime.ParseMediaType(contentType)
	if err != nil {
		media = ""
	}
	switch {
	case len(body) == 0:
		return nil, nil
	case media == "application/json" || media == "application/ld+json":
		v, err := parseJSON(body)
		if err != nil {
			return nil, err
		}
		params, ok := v.(object)
		if !ok || method != http.MethodPost {
			return nil, nil
		}
		if hasLoneSurrogate(body) {
			params = append(params, member{loneSurrogate, true})
		}
		return params, nil
	case media == "application/x-www-form-urlencoded" && method == http.MethodPost:
		form, _ := url.ParseQuery(string(body))
		params := object{}
		for name, values := range form {
			params = append(params, member{name, values[len(values)-1]})
		}
		return params, nil
	}
	return nil, nil
}

// loneSurrogate stands for a parameter that no client can send, since it is not valid UTF-8: the body had half of a
// surrogate pair, which Go's strings can't hold and PostgreSQL refuses.
const loneSurrogate = "\xff"

var unicodeEscape = regexp.MustCompile(`\\\\|\\u[0-9a-fA-F]{4}`)

// hasLoneSurrogate reports whether a text contains an escape of one half of a surrogate pair without the other.
func hasLoneSurrogate(body []byte) bool {
	high, highEnd := false, -1
	for _, at := range unicodeEscape.FindAllIndex(body, -1) {
		if body[at[0]+1] == '\\' {
			continue
		}
		unit, _ := strconv.ParseUint(string(body[at[0]+2:at[1]]), 16, 16)
		if high && (at[0] != highEnd || unit < 0xdc00 || unit > 0xdfff) {
			return true
		}
		switch {
		case unit >= 0xd800 && unit < 0xdc00:
			high, highEnd = true, at[1]
			continue
		case unit >= 0xdc00 && unit <= 0xdfff && !high:
			return true
		}
		high = false
	}
	return high
}

// send writes the answer and completes the log.
func (s *Server) send(w http.ResponseWriter, r *http.Request, entry *Request, a answer) {
	s.note(entry, func(entry *Request) { entry.Status, entry.Answer = a.status, clip(a.body) })
	h := w.Header()
	h.Set("Date", s.now().Format(http.TimeFormat)) // the server's own clock, on any machine
	switch {
	case a.html:
		h.Set("Content-Type", "text/html; charset=utf-8")
		h.Set("Cache-Control", "private, no-cache, no-store, max-age=0, must-revalidate")
	case a.json:
		h.Set("Content-Type", "application/json; charset=utf-8")
	case a.status == http.StatusOK:
		h.Set("Content-Type", "application/json; charset=utf-8")
		tag := etag(a.body)
		h.Set("Etag", tag)
		if r.Header.Get("If-None-Match") == tag {
			w.WriteHeader(http.StatusNotModified)
			return
		}
	default:
		h["Content-Type"] = nil
	}
	if len(a.body) >= gzipFrom {
		h.Set("Vary", "Accept-Encoding")
		if strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
			h.Set("Content-Encoding", "gzip")
			w.WriteHeader(a.status)
			zip, ok := s.zippers.Get().(*gzip.Writer)
			if !ok {
				zip = gzip.NewWriter(w)
			}
			defer s.zippers.Put(zip)
			zip.Reset(w)
			_, _ = zip.Write(a.body)
			_ = zip.Close()
			return
		}
	}
	if a.html || a.json || a.status == http.StatusOK {
		h.Set("Content-Length", strconv.Itoa(len(a.body)))
	}
	w.WriteHeader(a.status)
	if r.Method != http.MethodHead {
		_, _ = w.Write(a.body)
	}
}

// etag returns the tag that Next.js computes: a 64-bit FNV-1a hash of the body's UTF-16 units, folded to 52 bits, and
// the length.
func etag(body []byte) string {
	hash := uint64(0xcbf29ce484222325)
	units := utf16.Encode([]rune(string(body)))
	for _, unit := range units {
		hash = (hash ^ uint64(unit)) * 0x100000001b3
	}
	folded := hash&(1<<52-1) ^ hash>>52
	return `"` + strconv.FormatUint(folded, 36) + strconv.FormatInt(int64(len(units)), 36) + `"`
}

// movedTo is the default address to which a server that has moved redirects.
const movedTo = "https://cocalc.ai"

// redirectAway redirects to another host, with path and query preserved, as a server that has moved does. It ignores
// the rest of the request, and does nothing.
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
