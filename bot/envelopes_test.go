package bot_test

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
	"github.com/rs/zerolog"

	"licensebot/bot/socket"
)

// socketServer is the part of Slack that sends any bytes through a socket, and sees what is acknowledged.
type socketServer struct {
	server *httptest.Server
	loops  sync.WaitGroup

	mu      sync.Mutex
	changed chan struct{}
	open    []*websocket.Conn // oldest first
	acks    map[string]int
}

func newSocketServer(tb testing.TB) *socketServer {
	p := &socketServer{changed: make(chan struct{}), acks: map[string]int{}}
	mux := http.NewServeMux()
	mux.HandleFunc("/api/apps.connections.open", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"ok":true,"url":"ws%s/link"}`, strings.TrimPrefix(p.server.URL, "http"))
	})
	mux.HandleFunc("/link", p.serve)
	p.server = httptest.NewServer(mux)
	tb.Cleanup(func() {
		p.mu.Lock()
		for _, c := range p.open {
			c.Close()
		}
		p.mu.Unlock()
		p.server.Close()
		p.loops.Wait()
	})
	return p
}

func (p *socketServer) serve(w http.ResponseWriter, r *http.Request) {
	p.loops.Add(1)
	defer p.loops.Done()
	up := websocket.Upgrader{CheckOrigin: func(*http.Request) bool { return true }}
	c, err := up.Upgrade(w, r, nil)
	if err != nil {
		return
	}
	defer c.Close()
	_ = c.WriteMessage(websocket.TextMessage, []byte(`{"type":"hello"}`))
	_ = c.WriteControl(websocket.PingMessage, nil, time.Now().Add(time.Second))
	p.update(func() { p.open = append(p.open, c) })
	for {
		_, raw, err := c.ReadMessage()
		if err != nil {
			break
		}
		var ack struct {
			ID string `json:"envelope_id"`
		}
		if json.Unmarshal(raw, &ack) == nil {
			p.update(func() { p.acks[ack.ID]++ })
		}
	}
	p.update(func() {
		for i, other := range p.open {
			if other == c {
				p.open = append(p.open[:i:i], p.open[i+1:]...)
			}
		}
	})
}

func (p *socketServer) update(change func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	change()
	close(p.changed)
	p.changed = make(chan struct{})
}

// wait waits until something is true, with mu held, and reports whether it came to be.
func (p *socketServer) wait(limit time.Duration, is func() bool) bool {
	over := time.After(limit)
	for {
		p.mu.Lock()
		done, changed := is(), p.changed
		p.mu.Unlock()
		if done {
			return true
		}
		select {
		case <-changed:
		case <-over:
			return false
		}
	}
}

// send writes a frame to the newest socket, and returns that socket; nil if none opens within 20 s.
func (p *socketServer) send(frame []byte) *websocket.Conn {
	var c *websocket.Conn
	if !p.wait(20*time.Second, func() bool {
		if len(p.open) > 0 {
			c = p.open[len(p.open)-1]
		}
		return c != nil
	}) {
		return nil
	}
	_ = c.WriteMessage(websocket.TextMessage, frame)
	return c
}

// deliver brings one frame through a socket to the handler, as Slack would, and waits until everything that follows
// from it has been done. It returns the log. id is the envelope that has to be acknowledged; empty if none has to be.
//
// A command follows the frame: whatever the frame was, the loop that reads the socket must go on.
func (p *socketServer) deliver(t *testing.T, c *handlerEnv, frame []byte, id string) string {
	t.Helper()
	log := &strings.Builder{}
	logger := zerolog.New(zerolog.SyncWriter(log))
	client := socket.HTTPClient()
	defer client.CloseIdleConnections()
	bot, err := socket.New(socket.Config{
		API: socket.NewAPI(p.server.URL+"/api", "xoxb-x", "xapp-x", client, zerolog.Nop()), Handler: c.handler, Log: logger,
		Sockets: 1, Linger: time.Millisecond, FirstRetry: time.Millisecond, MaxRetry: 5 * time.Millisecond,
		MinUptime: time.Nanosecond,
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := withStop(t)
	done := make(chan error, 1)
	go func() { done <- bot.Run(ctx) }()
	p.update(func() { clear(p.acks) })
	first := p.send(frame)
	if first == nil {
		t.Fatal("socket of the bot: got none, want one")
	}
	if id != "" && !p.wait(20*time.Second, func() bool { return p.acks[id] > 0 }) {
		t.Errorf("got no ack of the envelope %q, want one", id)
	}
	alive := false
	for try := 0; try < 5 && !alive; try++ { // the frame may have ended its connection; then the next carries on
		name := fmt.Sprintf("still-there-%d", try)
		on := p.send(fmt.Appendf(nil, `{"envelope_id":%q,"type":"slash_commands","accepts_response_payload":true,`+
			`"payload":{"command":"/license","text":"help","user_id":"UBOB","team_id":"T1","channel_id":"CMATH"}}`, name))
		p.wait(20*time.Second, func() bool {
			alive = p.acks[name] > 0
			gone := true
			for _, c := range p.open {
				gone = gone && c != on
			}
			return alive || gone
		})
	}
	if !alive {
		t.Error("got no answer after the frame, want one")
	}
	stop()
	if err := <-done; err != nil {
		t.Error(err)
	}
	p.wait(20*time.Second, func() bool { return len(p.open) == 0 })
	return log.String()
}
