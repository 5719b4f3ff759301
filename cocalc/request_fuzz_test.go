package cocalc

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// A pipeServer answers each request with the same bytes, whatever they are. Its connections are pipes, so that it runs
// on the clock of a synctest bubble.
type pipeServer struct {
	answer []byte
	drip   time.Duration // between two bytes; 0: all at once
	hangs  bool          // sends nothing more and does not close
	dials  int

	mu      sync.Mutex
	asked   []string
	written int
	running sync.WaitGroup
}

func (s *pipeServer) dial(context.Context, string, string) (net.Conn, error) {
	here, there := net.Pipe()
	s.dials++
	s.running.Go(func() {
		defer there.Close()
		request, err := http.ReadRequest(bufio.NewReader(there))
		if err != nil {
			return
		}
		s.mu.Lock()
		s.asked = append(s.asked, request.Host+request.URL.Path)
		s.mu.Unlock()
		// A caller that hangs up ends the reading.
		gone := make(chan struct{})
		s.running.Go(func() {
			defer close(gone)
			_, _ = io.Copy(io.Discard, there)
		})
		answer := s.answer
		step := len(answer)
		if s.drip > 0 {
			step = 1
		}
		for len(answer) > 0 {
			n, err := there.Write(answer[:min(step, len(answer))])
			s.mu.Lock()
			s.written += n
			s.mu.Unlock()
			if err != nil {
				return
			}
			answer = answer[n:]
			if s.drip > 0 {
				select {
				case <-time.After(s.drip):
				case <-gone:
					return
				}
			}
		}
		if s.hangs {
			<-gone
		}
	})
	return here, nil
}

func (s *pipeServer) client(t *testing.T, o Options) *Client {
	o.BaseURL, o.Key, o.Retries = "http://cocalc.test", testKey, -1
	o.Transport = &http.Transport{DialContext: s.dial, DisableKeepAlives: true}
	c, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	c.store = StoreCurrent
	return c
}

// response is an answer on the wire.
func response(status int, body string, headers ...string) []byte {
	head := fmt.Sprintf("HTTP/1.1 %d %s\r\nContent-Type: application/json\r\n", status, http.StatusText(status))
	for _, h := range headers {
		head += h + "\r\n"
	}
	if !strings.Contains(head, "Content-Length") && !strings.Contains(head, "Transfer-Encoding") {
		head += fmt.Sprintf("Content-Length: %d\r\n", len(body))
	}
	return []byte(head + "\r\n" + body)
}

func gzipText(text string) string {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = io.WriteString(w, text) // into memory: cannot fail
	_ = w.Close()
	return b.String()
}

// For any bytes that a server sends: a checkout counts as done only if the server reported success, as refused only
// after a clear refusal, and never as unsent, since the request was read. A list is empty only if the server sent an
// empty list. Only the configured server gets the key, once. Every call ends within its timeout, and no error contains
// the key.
func FuzzWire(f *testing.F) {
	for _, seed := range [][]byte{
		response(200, `{"success":true}`),
		response(200, `{"success":true,"error":null}`),
		response(200, `{"success":true,"error":"insufficient credit (you need $1.00)"}`),
		response(200, `{"success":"true"}`),
		response(200, `{"Success":true}`),
		response(200, `{"success":true`),
		response(200, `{"success":true}{"error":"no"}`),
		response(200, `[]`), response(200, `{}`), response(200, `null`), response(200, `1`), response(200, ` [ ] `),
		response(200, `{"purchases":[]}`), response(200, `{"purchases":null}`), response(200, `{"purchases":{}}`),
		response(200, `{"error":"must be signed in"}`),
		response(200, `{"error":"Connection terminated unexpectedly"}`),
		response(200, `{"error":{"key":"{KEY}"}}`),
		response(200, `{"error":"{KEY} and {AUTH}"}`),
		response(200, `<html>{KEY}</html>`, "Content-Type: text/html"),
		response(200, `{"success":true}`, "Content-Length: 5"),
		response(200, `{"success":true}`, "Content-Length: 500"),
		response(200, `{"success":true}`, "Content-Length: -1"),
		response(200, "10\r\n{\"success\":true}\r\n0\r\n\r\n", "Transfer-Encoding: chunked"),
		response(200, "ffffffffff\r\n{\"success\":true}\r\n", "Transfer-Encoding: chunked"),
		response(200, "10\r\n{\"success\":true}\r\n", "Transfer-Encoding: chunked"),
		response(200, gzipText(`{"success":true}`), "Content-Encoding: gzip"),
		response(200, gzipText(`{"success":true}`)[:20], "Content-Encoding: gzip"),
		response(200, `{"success":true}`, "Content-Encoding: gzip"),
		response(200, gzipText(strings.Repeat(" ", 200_000)), "Content-Encoding: gzip"),
		response(204, ``), response(206, `{"success":true}`, "Content-Range: bytes 0-15/16"),
		response(301, ``, "Location: http://evil.example/api/v2/"), response(302, ``, "Location: /api/v2/user-query"),
		response(307, ``, "Location: https://evil.example/{KEY}"),
		response(302, ``, "Location: https://{KEY}@{KEY}.example:x/?{AUTH}"), response(308, ``, "Location: //evil.example"),
		response(304, ``, "Content-Length: 0"), response(300, `{"success":true}`),
		response(400, `{"error":"bad"}`), response(401, `{KEY}`), response(403, `<html>`), response(404, `<html>`),
		response(404, `{"error":"no"}`),
		response(413, ``), response(418, ``), response(429, ``, "Retry-After: 5"),
		response(429, ``, "Retry-After: Fri, 31 Dec 9999 23:59:59 GMT"),
		response(500, `{"success":true}`), response(502, `<html>`), response(503, ``, "Retry-After: -1"), response(504, ``),
		response(599, ``), response(999, ``),
		[]byte("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 16\r\n\r\n{\"success\":true}"),
		[]byte("HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n"),
		[]byte("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n{\"success\":true}"),
		[]byte("HTTP/1.0 200 OK\r\n\r\n{\"success\":true}"), []byte("HTTP/1.1 200 OK\r\n\r\n"),
		[]byte("HTTP/2.0 200 OK\r\n\r\n{}"),
		[]byte("200"), []byte("{\"success\":true}"), []byte("\x16\x03\x01\x02"), []byte(""),
		[]byte(strings.Repeat("X: y\r\n", 1000)),
		[]byte("HTTP/1.1 200 OK\r\nX: " + strings.Repeat("y", 100_000)),
	} {
		f.Add(seed, uint8(0), false)
	}
	f.Add(response(200, `{"success":true}`), uint8(30), true)
	f.Add(response(200, `[]`), uint8(1), true)
	f.Add([]byte("HTTP/1.1 200 OK\r\nContent-Length: 9"), uint8(0), true)
	f.Fuzz(func(t *testing.T, raw []byte, drip uint8, hangs bool) {
		raw = bytes.ReplaceAll(raw, []byte("{KEY}"), []byte(testKey))
		secret := base64.StdEncoding.EncodeToString([]byte(testKey + ":"))
		raw = bytes.ReplaceAll(raw, []byte("{AUTH}"), []byte(secret))
		said := parseAnswer(raw)
		ask := func(what string, timeout time.Duration, call func(c *Client) error) {
			synctest.Test(t, func(t *testing.T) {
				s := &pipeServer{answer: raw, drip: time.Duration(drip) * time.Second, hangs: hangs}
				c := s.client(t, Options{MaxAnswer: 64 << 10})
				began := time.Now()
				err := call(c)
				if took := time.Since(began); took > timeout {
					t.Errorf("%s: got it done after %s, want at most %s", what, took, timeout)
				}
				c.Close()
				s.running.Wait()
				if len(s.asked) != 1 || !strings.HasPrefix(s.asked[0], "cocalc.test/api/v2/") ||
					strings.HasSuffix(s.asked[0], userQuery) || s.dials != 1 {
					t.Errorf("%s: got the requests %q on %d connections, want one on one", what, s.asked, s.dials)
				}
				if err == nil {
					return
				}
				e := asError(t, err)
				if text := err.Error(); strings.Contains(text, testKey) || strings.Contains(text, secret) || len(text) > 2000 {
					t.Errorf("%s: got the error %q, want a short one without secrets", what, text)
				}
				if what == "reading" && e.Outcome == Unknown {
					t.Errorf("got the outcome unknown of a read, want another: %v", err)
				}
				if what != "reading" && e.Outcome == Transient && e.Kind != Throttled {
					t.Errorf("%s: got %v after the request arrived, want another outcome than transient", what, err)
				}
				if what != "reading" && e.Outcome == Rejected && !said.refuses {
					t.Errorf("%s: got %v, want no rejection after %q", what, err, raw)
				}
				if e.Wait < 0 {
					t.Errorf("%s: got the wait %s, want none below 0", what, e.Wait)
				}
			})
		}
		ask("checkout", 2*time.Minute, func(c *Client) error {
			err := c.Checkout(context.Background())
			if err == nil && !said.succeeds {
				t.Errorf("%q: got a successful checkout, want an error", raw)
			}
			return err
		})
		ask("adding", 30*time.Second, func(c *Client) error { return c.AddToCart(context.Background(), []byte(`{}`), "") })
		ask("reading", 30*time.Second, func(c *Client) error {
			items, err := c.Cart(context.Background(), InCart)
			if err == nil && len(items) == 0 && said.body != "[]" {
				t.Errorf("%q: got an empty cart, want an error", raw)
			}
			return err
		})
		ask("reading", 30*time.Second, func(c *Client) error {
			rows, err := c.Purchases(context.Background(), PurchaseFilter{})
			if err == nil && len(rows) == 0 && !said.noPurchases {
				t.Errorf("%q: got no purchases, want an error", raw)
			}
			return err
		})
	})
}

// parsedAnswer is the content of a raw answer for a reader of its text. An answer that was cut off has none.
type parsedAnswer struct {
	succeeds, refuses, noPurchases bool
	body                           string // without blanks
}

func parseAnswer(raw []byte) (u parsedAnswer) {
	in := bufio.NewReader(bytes.NewReader(raw))
	var r *http.Response
	for {
		var err error
		if r, err = http.ReadResponse(in, &http.Request{Method: http.MethodPost}); err != nil {
			return u
		}
		if r.StatusCode >= 200 || r.StatusCode == http.StatusSwitchingProtocols {
			break
		}
	}
	var from io.Reader = r.Body
	if strings.EqualFold(r.Header.Get("Content-Encoding"), "gzip") {
		from, _ = gzip.NewReader(r.Body)
		if from == (*gzip.Reader)(nil) {
			return u
		}
	}
	body, err := io.ReadAll(io.LimitReader(from, 64<<10+1))
	whole := err == nil && len(body) <= 64<<10
	page := bytes.HasPrefix(bytes.TrimSpace(body), []byte("<")) ||
		strings.HasPrefix(r.Header.Get("Content-Type"), "text/html")
	switch s := r.StatusCode; {
	case s == 400, s == 401, s == 403, s == 405, s == 413, s == 415, s == 404 && page:
		u.refuses = true // before any handler runs
	case s != 200 || !whole:
		return u
	}
	var compact bytes.Buffer
	if json.Compact(&compact, body) != nil {
		return u
	}
	u.body = compact.String()
	var object map[string]any
	if json.Unmarshal(body, &object) != nil {
		return u
	}
	for key, value := range object { // encoding/json does not mind how a key is spelled
		switch strings.ToLower(key) {
		case "success":
			u.succeeds = u.succeeds || value == true
		case "error":
			u.refuses = u.refuses || value != nil
		case "purchases":
			list, isList := value.([]any)
			u.noPurchases = u.noPurchases || isList && len(list) == 0
		}
	}
	return u
}
