package socket

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/slack-go/slack"
)

// slackServer is the part of Slack that a socket needs. The test sends every frame. (slacksim is a whole workspace, and
// sends only what Slack would.)
type slackServer struct {
	t      testing.TB
	server *httptest.Server
	http   *http.Client

	// opening, if set, answers apps.connections.open for the nth time instead, from 1; it
	// returns false to let it succeed.
	opening func(n int, w http.ResponseWriter, r *http.Request) bool
	// greeted, if set, is called with each connection after its hello.
	greeted func(c *slackConn)

	mu      sync.Mutex
	changed chan struct{}
	opens   int
	open    []*slackConn
	dialed  int
	next    int
	acks    map[string][]receivedAck
	loops   sync.WaitGroup
}

type receivedAck struct {
	at      time.Time
	payload string
	conn    int
}

// slackConn is one socket; number counts from 1.
type slackConn struct {
	number int
	ws     *websocket.Conn
	write  sync.Mutex
	leave  bool // nothing is sent there any more; guarded by plainSlack.mu
	done   chan struct{}
}

func newSlackServer(t testing.TB) *slackServer {
	s := &slackServer{t: t, changed: make(chan struct{}), acks: map[string][]receivedAck{}, http: HTTPClient()}
	mux := http.NewServeMux()
	mux.HandleFunc("/api/apps.connections.open", s.serveOpen)
	mux.HandleFunc("/link", s.serveLink)
	s.server = httptest.NewServer(mux)
	t.Cleanup(func() {
		s.mu.Lock()
		for _, c := range s.open {
			c.ws.Close()
		}
		s.mu.Unlock()
		s.server.Close()
		s.loops.Wait()
		s.http.CloseIdleConnections()
	})
	return s
}

func (s *slackServer) api(log *logBuffer) *slack.Client {
	return NewAPI(s.server.URL+"/api", "xoxb-1-secretbot", "xapp-1-secretapp", s.http, log.logger())
}

func (s *slackServer) serveOpen(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	s.opens++
	n := s.opens
	opening := s.opening
	s.mu.Unlock()
	if opening != nil && opening(n, w, r) {
		return
	}
	w.Header().Set("Content-Type", "application/json")
	if r.Header.Get("Authorization") != "Bearer xapp-1-secretapp" {
		fmt.Fprint(w, `{"ok":false,"error":"not_allowed_token_type"}`)
		return
	}
	fmt.Fprintf(w, `{"ok":true,"url":"ws%s/link?ticket=secretticket%d"}`, strings.TrimPrefix(s.server.URL, "http"), n)
}

func (s *slackServer) serveLink(w http.ResponseWriter, r *http.Request) {
	s.loops.Add(1)
	defer s.loops.Done()
	up := websocket.Upgrader{CheckOrigin: func(*http.Request) bool { return true }}
	ws, err := up.Upgrade(w, r, nil)
	if err != nil {
		return
	}
	c := &slackConn{ws: ws, done: make(chan struct{})}
	s.update(func() {
		s.dialed++
		c.number = s.dialed
	})
	defer ws.Close()
	c.send(fmt.Sprintf(
		`{"type":"hello","num_connections":%d,"debug_info":{"host":"applink-%d","approximate_connection_time":18060}}`,
		c.number, c.number))
	ping := func() { _ = ws.WriteControl(websocket.PingMessage, nil, time.Now().Add(time.Second)) }
	ping()
	s.loops.Go(func() {
		tick := time.NewTicker(5 * time.Second)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				ping()
			case <-c.done:
				return
			}
		}
	})
	defer close(c.done)
	if s.greeted != nil {
		s.greeted(c)
	}
	s.update(func() { s.open = append(s.open, c) })
	defer s.update(func() {
		for i, other := range s.open {
			if other == c {
				s.open = append(s.open[:i:i], s.open[i+1:]...)
			}
		}
	})
	for {
		_, raw, err := ws.ReadMessage()
		if err != nil {
			return
		}
		now := time.Now()
		var ack struct {
			ID      string          `json:"envelope_id"`
			Payload json.RawMessage `json:"payload"`
		}
		if err := json.Unmarshal(raw, &ack); err != nil {
			s.t.Errorf("got the ack %s (%v), want JSON", raw, err)
			continue
		}
		s.update(func() { s.acks[ack.ID] = append(s.acks[ack.ID], receivedAck{now, string(ack.Payload), c.number}) })
	}
}

func (s *slackServer) update(change func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change()
	close(s.changed)
	s.changed = make(chan struct{})
}

// wait waits until is reports true. It calls is with mu held.
func (s *slackServer) wait(what string, is func() bool) {
	s.t.Helper()
	limit := time.After(20 * time.Second)
	for {
		s.mu.Lock()
		done, changed := is(), s.changed
		s.mu.Unlock()
		if done {
			return
		}
		select {
		case <-changed:
		case <-limit:
			s.t.Fatalf("got no %s in time, want it", what)
		}
	}
}

func (s *slackServer) waitForSockets(n int) {
	s.t.Helper()
	s.wait(fmt.Sprintf("%d sockets", n), func() bool { return len(s.usable()) == n })
}

// usable returns the open sockets that Slack still sends to.
func (s *slackServer) usable() []*slackConn {
	var list []*slackConn
	for _, c := range s.open {
		if !c.leave {
			list = append(list, c)
		}
	}
	return list
}

// send writes a text frame; on a closed socket it does nothing.
func (c *slackConn) send(frame string) {
	c.write.Lock()
	defer c.write.Unlock()
	_ = c.ws.WriteMessage(websocket.TextMessage, []byte(frame))
}

// deliver sends a frame on the next usable socket, and waits for one if there is none.
func (s *slackServer) deliver(frame string) *slackConn {
	s.t.Helper()
	var c *slackConn
	s.wait("a socket to send on", func() bool {
		list := s.usable()
		if len(list) == 0 {
			return false
		}
		s.next++
		c = list[s.next%len(list)]
		return true
	})
	c.send(frame)
	return c
}

// disconnect sends Slack's farewell on a socket, and nothing more.
func (s *slackServer) disconnect(c *slackConn, reason string) {
	s.update(func() { c.leave = true })
	c.send(fmt.Sprintf(`{"type":"disconnect","reason":%q,"debug_info":{"host":"applink"}}`, reason))
}

func (s *slackServer) acksOf(id string) []receivedAck {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.acks[id]
}

func (s *slackServer) waitForAck(id string) receivedAck {
	s.t.Helper()
	s.wait("the ack of "+id, func() bool { return len(s.acks[id]) > 0 })
	return s.acksOf(id)[0]
}

func commandFrame(id, text string) string {
	return fmt.Sprintf(`{"envelope_id":%q,"type":"slash_commands","accepts_response_payload":true,`+
		`"payload":{"command":"/license","text":%q,"user_id":"U1","channel_id":"C1",`+
		`"response_url":"http://127.0.0.1:1/commands/T1/2/secretpath","trigger_id":"1.2.3","is_enterprise_install":"false"}}`,
		id, text)
}

func clickFrame(id, trigger string) string {
	return fmt.Sprintf(`{"envelope_id":%q,"type":"interactive","accepts_response_payload":false,`+
		`"payload":{"type":"block_actions","trigger_id":%q,"user":{"id":"U1"},"channel":{"id":"C1"},`+
		`"actions":[{"type":"button","block_id":"b","action_id":"a","value":"v","action_ts":"1.1"}]}}`, id, trigger)
}
