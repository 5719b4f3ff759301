package cocalc

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// rawServer is a server below HTTP: it reads requests from its connections, and the test decides what it does with
// each.
type rawServer struct {
	t        *testing.T
	listener net.Listener
	serve    func(conn net.Conn, request *http.Request) bool // false closes the connection
	mu       sync.Mutex
	asked    []string // endpoints of complete requests
	conns    []net.Conn
	running  sync.WaitGroup
}

func listen(t *testing.T, serve func(conn net.Conn, request *http.Request) bool) *rawServer {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := &rawServer{t: t, listener: l, serve: serve}
	w.running.Add(1)
	go w.accept()
	t.Cleanup(func() {
		_ = l.Close()
		w.mu.Lock()
		for _, conn := range w.conns {
			_ = conn.Close()
		}
		w.mu.Unlock()
		w.running.Wait()
	})
	return w
}

func (w *rawServer) accept() {
	defer w.running.Done()
	for {
		conn, err := w.listener.Accept()
		if err != nil {
			return
		}
		w.mu.Lock()
		w.conns = append(w.conns, conn)
		w.mu.Unlock()
		w.running.Add(1)
		go w.handle(conn)
	}
}

func (w *rawServer) handle(conn net.Conn) {
	defer w.running.Done()
	defer conn.Close()
	in := bufio.NewReader(conn)
	for {
		request, err := http.ReadRequest(in)
		if err != nil {
			return
		}
		if _, err := io.Copy(io.Discard, request.Body); err != nil {
			return
		}
		w.mu.Lock()
		w.asked = append(w.asked, request.URL.Path[len("/api/v2/"):])
		w.mu.Unlock()
		if !w.serve(conn, request) {
			return
		}
	}
}

func (w *rawServer) count(endpoint string) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := 0
	for _, each := range w.asked {
		if each == endpoint {
			n++
		}
	}
	return n
}

func (w *rawServer) client() *Client {
	c, err := New(Options{
		BaseURL: "http://" + w.listener.Addr().String(), Key: testKey, Timeout: 5 * time.Second,
		Retries: -1,
	})
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(c.Close)
	c.store = StoreCurrent
	return c
}

func answer200(conn net.Conn, body string) bool {
	_, err := fmt.Fprintf(conn,
		"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\nConnection: keep-alive\r\n\r\n%s",
		len(body), body)
	return err == nil
}

// The server closes kept connections after five seconds, and net/http repeats some requests by itself when that happens
// in the wrong moment. A call that spends must arrive once, whatever the connections do.
func TestClient_Spending_SentOnce(t *testing.T) {
	dropped := func(net.Conn, *http.Request) bool { return false }
	reset := func(conn net.Conn, _ *http.Request) bool {
		_ = conn.(*net.TCPConn).SetLinger(0)
		return false
	}
	half := func(conn net.Conn, _ *http.Request) bool {
		_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 16\r\n\r\n{\"succ")
		return false
	}
	garbage := func(conn net.Conn, _ *http.Request) bool {
		_, _ = io.WriteString(conn, "hello\r\n\r\n")
		return false
	}
	for name, then := range map[string]func(net.Conn, *http.Request) bool{
		"dropped without an answer": dropped, "reset": reset, "half an answer": half, "an answer that is no HTTP": garbage,
	} {
		for endpoint, call := range map[string]func(*Client) error{
			currentCheckout: func(c *Client) error { return c.Checkout(t.Context()) },
			cartAdd:         func(c *Client) error { return c.AddToCart(t.Context(), []byte(`{}`), "") },
		} {
			t.Run(name+" "+endpoint, func(t *testing.T) {
				w := listen(t, func(conn net.Conn, r *http.Request) bool {
					if r.URL.Path == "/api/v2/"+endpoint {
						return then(conn, r)
					}
					return answer200(conn, "1")
				})
				c := w.client()
				if _, err := c.Balance(t.Context()); err != nil { // leaves a kept connection behind
					t.Fatal(err)
				}
				if e := asError(t, call(c)); e.Outcome != Unknown {
					t.Errorf("got %v, want unknown", e)
				}
				if n := w.count(endpoint); n != 1 {
					t.Errorf("got %s %d times, want once", endpoint, n)
				}
			})
		}
	}
}

// Kept connections that the server has closed meanwhile are no trouble: spending calls do not use them.
func TestClient_Spending_NewConnection(t *testing.T) {
	var mu sync.Mutex
	from := map[string]string{}
	w := listen(t, func(conn net.Conn, r *http.Request) bool {
		mu.Lock()
		from[r.URL.Path[len("/api/v2/"):]] = conn.RemoteAddr().String()
		mu.Unlock()
		if r.URL.Path == "/api/v2/"+currentCheckout {
			return answer200(conn, `{"success":true}`)
		}
		return answer200(conn, "1")
	})
	c := w.client()
	ctx := t.Context()
	if err := errors.Join(errorOf(c.Balance(ctx)), errorOf(c.SetChecked(ctx, 1, true)), c.AddToCart(ctx, []byte(`{}`), ""),
		c.Checkout(ctx)); err != nil {
		t.Fatal(err)
	}
	if from[getBalance] != from[cartChecked] {
		t.Error("got two connections for reads, want one")
	}
	if from[cartAdd] == from[getBalance] || from[currentCheckout] == from[getBalance] ||
		from[currentCheckout] == from[cartAdd] {
		t.Errorf("got the connections %v, want a new one for each request that spends", from)
	}
}

func TestClient_Spending_Unsent(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nobody := l.Addr().String()
	_ = l.Close()
	notTLS := listen(t, func(net.Conn, *http.Request) bool { return false })
	for name, o := range map[string]Options{
		"nobody listens": {BaseURL: "http://" + nobody},
		"a server without TLS": {
			BaseURL: "https://" + notTLS.listener.Addr().String(), Timeout: time.Second,
			CheckoutTimeout: time.Second,
		},
		"a name that is no one": {BaseURL: "http://licensebot.invalid", Transport: &http.Transport{DialContext: noDNS}},
	} {
		o.Key, o.Retries = testKey, -1
		c, err := New(o)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(c.Close)
		c.store = StoreCurrent
		if e := asError(t, c.Checkout(t.Context())); e.Outcome != Transient || e.Status != 0 {
			t.Errorf("%s: got %v, want transient", name, e)
		}
		if e := asError(t, errorOf(c.RemoveFromCart(t.Context(), 1))); e.Outcome != Transient {
			t.Errorf("%s: got %v, want transient", name, e)
		}
	}
}

func noDNS(context.Context, string, string) (net.Conn, error) {
	return nil, &net.DNSError{Err: "no such host", IsNotFound: true}
}

func TestClient_Checkout_CutOff(t *testing.T) {
	hold := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-hold }))
	defer server.Close()
	defer close(hold)
	start := func(o Options) *Client {
		o.BaseURL, o.Key = server.URL, testKey
		c, err := New(o)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(c.Close)
		c.store = StoreCurrent
		return c
	}
	e := asError(t, start(Options{CheckoutTimeout: 50 * time.Millisecond}).Checkout(t.Context()))
	if e.Outcome != Unknown || !errors.Is(e, context.DeadlineExceeded) {
		t.Errorf("timeout: got %v, want the outcome unknown and DeadlineExceeded", e)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if e := asError(t, start(Options{}).Checkout(ctx)); e.Outcome != Unknown || !errors.Is(e, context.DeadlineExceeded) {
		t.Errorf("the caller's context: got %v, want the outcome unknown and DeadlineExceeded", e)
	}
	if e := asError(t, start(Options{}).Checkout(ctx)); e.Outcome != Transient {
		t.Errorf("a context that was over before: got %v, want transient", e)
	}
}

// A transport that reports no connections proves nothing about what was sent.
func TestClient_Checkout_OtherTransport(t *testing.T) {
	c, err := New(Options{BaseURL: "http://cocalc.test", Key: testKey, Transport: failingTransport{}, Retries: -1})
	if err != nil {
		t.Fatal(err)
	}
	c.store = StoreCurrent
	if e := asError(t, c.Checkout(t.Context())); e.Outcome != Unknown {
		t.Errorf("got %v, want the outcome unknown", e)
	}
	if e := asError(t, errorOf(c.Balance(t.Context()))); e.Outcome != Transient {
		t.Errorf("got %v, want the outcome transient", e)
	}
}

type failingTransport struct{}

func (failingTransport) RoundTrip(*http.Request) (*http.Response, error) {
	return nil, io.ErrUnexpectedEOF
}

// Two checkouts that overlap buy twice, so the client lets the second one wait.
func TestClient_Checkout_TakesTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := &slowTransport{}
		c, err := New(Options{BaseURL: "http://cocalc.test", Key: testKey, Transport: server})
		if err != nil {
			t.Fatal(err)
		}
		c.store = StoreCurrent
		var all sync.WaitGroup
		for range 20 {
			all.Go(func() {
				if err := c.Checkout(t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
		synctest.Wait() // all callers pay or wait
		if inside, _, _ := server.counts(); inside != 1 {
			t.Errorf("got %d checkouts at once, want 1", inside)
		}
		// Who stops waiting has sent nothing.
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if e := asError(t, c.Checkout(ctx)); e.Outcome != Transient {
			t.Errorf("gave up waiting: got %v, want transient", e)
		}
		all.Wait()
		if _, most, total := server.counts(); most != 1 || total != 20 {
			t.Errorf("got %d checkouts, %d at once, want 20, one at a time", total, most)
		}
	})
}

// slowTransport takes a second of fake time for a checkout, and counts how many run at once.
type slowTransport struct {
	mu                  sync.Mutex
	inside, most, total int
}

func (s *slowTransport) counts() (inside, most, total int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.inside, s.most, s.total
}

func (s *slowTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	s.count(1)
	defer s.count(-1)
	select {
	case <-time.After(time.Second):
	case <-r.Context().Done():
		return nil, r.Context().Err()
	}
	w := httptest.NewRecorder()
	_, _ = io.WriteString(w, `{"success":true}`)
	return w.Result(), nil
}

func (s *slowTransport) count(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.inside += n
	s.total += max(n, 0)
	s.most = max(s.most, s.inside)
}
