package slacksim

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/gorilla/websocket"
)

// MaxSockets is how many Socket Mode connections Slack keeps per app.
const MaxSockets = 10

// maxAck is the size from which Slack drops an acknowledgement without a word, in bytes.
const maxAck = 20 * 1024

// Reasons of Disconnect.
const (
	Warning          = "warning" // the socket ends in Options.WarnAhead
	RefreshRequested = "refresh_requested"
	TooManySockets   = "too_many_websockets"
	LinkDisabled     = "link_disabled" // Socket Mode was switched off
)

// conn is one Socket Mode connection. Only its writer goroutine writes to the socket.
type conn struct {
	number   int
	socket   *websocket.Conn
	out      chan []byte
	gone     chan struct{} // closed when the connection is over
	once     sync.Once
	probes   chan int64
	draining bool  // warned: gets nothing new while another socket is open; Workspace.mu
	asked    int64 // the newest probe sent; Workspace.mu
	alive    int64 // the newest probe answered; Workspace.mu
}

// send queues a frame; false if the connection is over or hopelessly behind.
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

// end closes the connection abruptly, as a network does.
func (c *conn) end() {
	c.once.Do(func() {
		close(c.gone)
		c.socket.Close()
	})
}

var upgrader = websocket.Upgrader{CheckOrigin: func(*http.Request) bool { return true }}

// serveSocket is what the single-use URL of apps.connections.open leads to.
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
		ws.ponged(c, data)
		return nil
	})
	defer c.end()
	defer context.AfterFunc(ws.ctx, c.end)()
	full, closed := ws.admit(c)
	if closed {
		return
	}
	defer ws.forget(c)
	if full {
		c.send(disconnectFrame(TooManySockets))
		c.send(nil)
	}
	ws.spawn(func() { ws.writeLoop(c) })
	ws.readLoop(c)
}

// admit counts the connection in, unless there are too many already.
func (ws *Workspace) admit(c *conn) (full, closed bool) {
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

func (ws *Workspace) forget(c *conn) {
	defer ws.background.Done()
	c.end()
	ws.mu.Lock()
	defer ws.mu.Unlock()
	ws.conns = slices.DeleteFunc(slices.Clone(ws.conns), func(x *conn) bool { return x == c })
	ws.touch()
}

// writeLoop pings at once and then regularly, and writes what is queued. A nil frame
// asks for an orderly close.
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

// readLoop takes acknowledgements until the connection is over.
func (ws *Workspace) readLoop(c *conn) {
	for {
		_, raw, err := c.socket.ReadMessage()
		if err != nil {
			return
		}
		if len(raw) >= maxAck {
			ws.log.Debug().Int("bytes", len(raw)).Msg("drop an acknowledgement: too large")
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

// nextOpen picks the connection whose turn it is; one that was warned only if there is
// no other. ws.mu is held.
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

// Sockets counts the Socket Mode connections that are open.
func (ws *Workspace) Sockets() int {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	return len(ws.conns)
}

// WaitForSockets waits until at least n Socket Mode connections are open and answer a
// ping: the socket of an app that has just been stopped does not count, though its end may
// not have been noticed yet.
func (ws *Workspace) WaitForSockets(ctx context.Context, n int) error {
	probe := ws.ids.Add(1)
	return ws.Wait(ctx, func() bool { return ws.answering(probe) >= n })
}

// answering counts the connections that answered the probe, and sends it to the others.
func (ws *Workspace) answering(probe int64) int {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	n := 0
	for _, c := range ws.conns {
		if c.alive >= probe {
			n++
		} else if c.asked < probe {
			select {
			case c.probes <- probe:
				c.asked = probe
			default: // many wait at once: asked again after the next change
			}
		}
	}
	return n
}

// ponged notes which probe a connection answered.
func (ws *Workspace) ponged(c *conn, data string) {
	probe, err := strconv.ParseInt(data, 10, 64)
	if err != nil {
		return
	}
	ws.mu.Lock()
	defer ws.mu.Unlock()
	if probe > c.alive {
		c.alive = probe
		ws.touch()
	}
}

// WaitForSocket waits until the app has connected.
func (ws *Workspace) WaitForSocket(ctx context.Context) error { return ws.WaitForSockets(ctx, 1) }

// WaitForReconnect waits until the app has connected once more than before times, where
// before is Connected() from before it was disconnected. WaitForSocket would be content
// with the old socket, which answers until it ends.
func (ws *Workspace) WaitForReconnect(ctx context.Context, before int) error {
	return ws.Wait(ctx, func() bool {
		ws.mu.Lock()
		defer ws.mu.Unlock()
		return ws.nextConn > before && len(ws.conns) > 0
	})
}

// Connected counts the connections since the start, those that ended included.
func (ws *Workspace) Connected() int {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	return ws.nextConn
}

// Open counts the connections that are open now.
func (ws *Workspace) Open() int {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	return len(ws.conns)
}

// Disconnect asks every connection to go, as Slack does every few hours, and returns how
// many there were. After a Warning they stay open for Options.WarnAhead; with any other
// reason they are closed at once. The app is free to connect anew.
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

// DropSockets cuts every connection without a word, as a network does, and returns how
// many there were.
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
