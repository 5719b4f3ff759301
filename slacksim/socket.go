package slacksim

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/gorilla/websocket"
)

// MaxSockets is how many Socket Mode connections an app can have. Slack disconnects the next one with TooManySockets.
const MaxSockets = 10

// maxAck is the size in bytes from which Slack ignores an acknowledgement, without an error.
const maxAck = 20 * 1024

// Reasons of Disconnect.
const (
	Warning          = "warning"             // the socket ends after Options.WarnAhead
	RefreshRequested = "refresh_requested"   // Slack replaces connections every few hours
	TooManySockets   = "too_many_websockets" // the app has MaxSockets already
	LinkDisabled     = "link_disabled"       // Socket Mode was turned off for the app
)

// conn is one Socket Mode connection. Only its writeLoop writes to the socket.
type conn struct {
	number   int
	socket   *websocket.Conn
	out      chan []byte
	gone     chan struct{} // closed when the connection is over
	once     sync.Once
	probes   chan int64
	draining bool  // warned: gets no envelopes while another socket is open; guarded by Workspace.mu
	probed   int64 // the newest probe sent; Workspace.mu
	answered int64 // the newest probe answered; Workspace.mu
}

// send queues a frame. It returns false if the connection is over or its queue is full.
func (c *conn) send(raw []byte) bool {
	select {
	case <-c.gone:
		return false
	default:
	}
	select {
	case c.out <- raw:
		return true
	default:
		return false
	}
}

// end closes the connection without a close frame, as a network does.
func (c *conn) end() {
	c.once.Do(func() {
		close(c.gone)
		c.socket.Close()
	})
}

var upgrader = websocket.Upgrader{CheckOrigin: func(*http.Request) bool { return true }}

// serveSocket serves the single-use URL of apps.connections.open.
func (ws *Workspace) serveSocket(w http.ResponseWriter, r *http.Request) {
	ticket := r.URL.Query().Get("ticket")
	ws.mu.Lock()
	valid := ws.tickets[ticket] && !ws.closed
	delete(ws.tickets, ticket)
	ws.mu.Unlock()
	if !valid {
		http.Error(w, "the ticket is unknown or was used", http.StatusNotFound)
		return
	}
	socket, err := upgrader.Upgrade(w, r, nil)
	if err != nil {
		return // the upgrader has answered
	}
	c := &conn{socket: socket, out: make(chan []byte, 4096), probes: make(chan int64, 16), gone: make(chan struct{})}
	socket.SetPongHandler(func(data string) error {
		ws.handlePong(c, data)
		return nil
	})
	defer c.end()
	defer context.AfterFunc(ws.ctx, c.end)()
	full, closed := ws.addConn(c)
	if closed {
		return
	}
	defer ws.removeConn(c)
	if full {
		c.send(disconnectFrame(TooManySockets))
		c.send(nil)
	}
	ws.spawn(func() { ws.writeLoop(c) })
	ws.readLoop(c)
}

// addConn adds a connection and greets it. full: there are MaxSockets already. closed: the workspace is closed.
func (ws *Workspace) addConn(c *conn) (full, closed bool) {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	if ws.closed {
		return false, true
	}
	ws.background.Add(1)
	if len(ws.conns) >= MaxSockets {
		return true, false
	}
	ws.nextConn++
	c.number = ws.nextConn
	ws.conns = append(ws.conns, c)
	hello, err := toJSON(obj{
		"type": "hello", "num_connections": len(ws.conns),
		"debug_info":      obj{"host": "applink-sim", "build_number": 1, "approximate_connection_time": 18060},
		"connection_info": obj{"app_id": ws.opts.App.ID},
	})
	if err == nil {
		c.send(hello)
	}
	ws.touch()
	return false, false
}

func (ws *Workspace) removeConn(c *conn) {
	defer ws.background.Done()
	c.end()
	ws.mu.Lock()
	defer ws.mu.Unlock()
	ws.conns = slices.DeleteFunc(slices.Clone(ws.conns), func(x *conn) bool { return x == c })
	ws.touch()
}

// writeLoop sends a ping at once and then every Options.PingEvery, and all queued frames. A nil frame closes the
// connection with a close frame.
func (ws *Workspace) writeLoop(c *conn) {
	defer c.end()
	ping := time.NewTicker(ws.opts.PingEvery)
	defer ping.Stop()
	const writeWait = 5 * time.Second
	pinged := func(data string) bool {
		return c.socket.WriteControl(websocket.PingMessage, []byte(data), time.Now().Add(writeWait)) == nil
	}
	if !pinged("0") {
		return
	}
	for {
		select {
		case <-c.gone:
			return
		case <-ping.C:
			if !pinged("0") {
				return
			}
		case probe := <-c.probes:
			if !pinged(strconv.FormatInt(probe, 10)) {
				return
			}
		case raw := <-c.out:
			if raw == nil {
				bye := websocket.FormatCloseMessage(websocket.CloseNormalClosure, "")
				_ = c.socket.WriteControl(websocket.CloseMessage, bye, time.Now().Add(writeWait))
				return
			}
			_ = c.socket.SetWriteDeadline(time.Now().Add(writeWait))
			if c.socket.WriteMessage(websocket.TextMessage, raw) != nil {
				return
			}
		}
	}
}

// readLoop reads acknowledgements until the connection is over.
func (ws *Workspace) readLoop(c *conn) {
	var frame bytes.Buffer
	for {
		_, r, err := c.socket.NextReader()
		if err != nil {
			return
		}
		frame.Reset()
		if _, err := frame.ReadFrom(r); err != nil {
			return
		}
		raw := frame.Bytes()
		if len(raw) >= maxAck {
			ws.log.Debug("drop an acknowledgement: too large", "bytes", len(raw))
			continue
		}
		var ack struct {
			EnvelopeID string          `json:"envelope_id"`
			Payload    json.RawMessage `json:"payload"`
		}
		if json.Unmarshal(raw, &ack) != nil || ack.EnvelopeID == "" {
			continue
		}
		ws.acknowledge(ack.EnvelopeID, ack.Payload)
	}
}

// nextOpen returns the next connection in turn: a draining one only if there is no other, and nil if there is none.
// ws.mu is held.
func (ws *Workspace) nextOpen() *conn {
	var warned *conn
	for range ws.conns {
		ws.turn++
		c := ws.conns[ws.turn%len(ws.conns)]
		select {
		case <-c.gone:
			continue
		default:
		}
		if !c.draining {
			return c
		}
		warned = c
	}
	return warned
}

// Sockets returns the number of open Socket Mode connections.
func (ws *Workspace) Sockets() int {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	return len(ws.conns)
}

// WaitForSockets waits until at least n Socket Mode connections are open and have answered a ping. The socket of an app
// that has just ended doesn't count, also if it still seems to be open. The error is that of ctx, or ErrClosed.
func (ws *Workspace) WaitForSockets(ctx context.Context, n int) error {
	probe := ws.ids.Add(1)
	return ws.Wait(ctx, func() bool { return ws.probeSockets(probe) >= n })
}

// probeSockets returns the number of connections that answered the probe, and sends it to the others.
func (ws *Workspace) probeSockets(probe int64) int {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	n := 0
	for _, c := range ws.conns {
		if c.answered >= probe {
			n++
		} else if c.probed < probe {
			select {
			case c.probes <- probe:
				c.probed = probe
			default: // the queue of probes is full: the next change tries again
			}
		}
	}
	return n
}

// handlePong notes which probe a connection answered.
func (ws *Workspace) handlePong(c *conn, data string) {
	probe, err := strconv.ParseInt(data, 10, 64)
	if err != nil {
		return
	}
	ws.mu.Lock()
	defer ws.mu.Unlock()
	if probe > c.answered {
		c.answered = probe
		ws.touch()
	}
}

// WaitForSocket waits until the app is connected: see WaitForSockets.
func (ws *Workspace) WaitForSocket(ctx context.Context) error { return ws.WaitForSockets(ctx, 1) }

// WaitForReconnect waits until the app has made more than before connections and has one open. before is the result of
// Connected before the app was disconnected. (WaitForSocket also accepts the old socket, which answers until it ends.)
// The error is that of ctx, or ErrClosed.
func (ws *Workspace) WaitForReconnect(ctx context.Context, before int) error {
	return ws.Wait(ctx, func() bool {
		ws.mu.Lock()
		defer ws.mu.Unlock()
		return ws.nextConn > before && len(ws.conns) > 0
	})
}

// Connected returns the number of connections since the start, also those that have ended.
func (ws *Workspace) Connected() int {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	return ws.nextConn
}

// Disconnect sends a "disconnect" frame to every connection, as Slack does every few hours, and returns the number of
// connections. After a Warning they stay open for Options.WarnAhead; with any other reason they are closed at once. The
// app may connect again.
func (ws *Workspace) Disconnect(reason string) int {
	ws.mu.Lock()
	conns := slices.Clone(ws.conns)
	for _, c := range conns {
		c.draining = true
		c.send(disconnectFrame(reason))
		if reason != Warning {
			c.send(nil)
		}
	}
	ws.mu.Unlock()
	if reason == Warning && len(conns) > 0 {
		ws.spawn(func() {
			timer := time.NewTimer(ws.opts.WarnAhead)
			defer timer.Stop()
			select {
			case <-timer.C:
			case <-ws.ctx.Done():
				return
			}
			for _, c := range conns {
				c.send(disconnectFrame(RefreshRequested))
				c.send(nil)
			}
		})
	}
	return len(conns)
}

// DropSockets cuts all connections without a close frame, as a network does, and returns their number.
func (ws *Workspace) DropSockets() int {
	ws.mu.Lock()
	conns := slices.Clone(ws.conns)
	ws.mu.Unlock()
	for _, c := range conns {
		c.end()
	}
	return len(conns)
}

func disconnectFrame(reason string) []byte {
	raw, err := toJSON(obj{"type": "disconnect", "reason": reason, "debug_info": obj{"host": "applink-sim"}})
	if err != nil {
		return nil
	}
	return raw
}
