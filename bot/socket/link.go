package socket

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gorilla/websocket"
	"github.com/slack-go/slack"
)

const (
	// pingWithin is how long Slack may be silent on a socket before it counts as dead. Slack pings every few seconds.
	pingWithin = 30 * time.Second
	// greetWithin is how long the way to Slack's greeting may take.
	greetWithin = 20 * time.Second
	// writeWithin is how long a write may wait for a socket that does not take it.
	writeWithin = 2 * time.Second
	// lingerFor is how long a socket is read on after Slack asked to leave it. Slack closes it 10 s after a warning.
	lingerFor = 30 * time.Second
	// maxAck is the size in bytes from which Slack drops an acknowledgement without a word.
	maxAck = 20 * 1024
	// maxEnvelope bounds what is read at once, in bytes. A view of 250 KB is the largest thing that Slack sends.
	maxEnvelope = 8 << 20
)

// link is one WebSocket to Slack, from its greeting to its end.
type link struct {
	ws     *websocket.Conn
	first  []byte // the greeting
	opened time.Time

	asked   chan struct{} // closed when Slack asked to leave it: another should be opened
	askOnce sync.Once
	closing atomic.Bool // Slack closes it right now, or it is over: what is written may be lost
	over    chan struct{}
	endOnce sync.Once

	write sync.Mutex // a WebSocket takes one writer at a time
}

// open asks Slack for an address, which is good for one connection, goes there and waits to be greeted.
func open(ctx context.Context, api *slack.Client) (*link, error) {
	ctx, cancel := context.WithTimeout(ctx, greetWithin)
	defer cancel()
	_, address, err := api.StartSocketModeContext(ctx)
	if err != nil {
		return nil, fmt.Errorf("ask Slack for a socket: %w", err)
	}
	dialer := websocket.Dialer{
		Proxy: http.ProxyFromEnvironment,
		// An acknowledgement must fit the buffer: Slack does not put the pieces of a split one together again.
		WriteBufferSize: maxAck + 1024,
	}
	ws, _, err := dialer.DialContext(ctx, address, nil)
	if err != nil {
		var parts *url.Error
		if errors.As(err, &parts) { // it holds the address, and with it the ticket
			err = parts.Err
		}
		return nil, fmt.Errorf("open the socket: %w", err)
	}
	l := &link{ws: ws, opened: time.Now(), asked: make(chan struct{}), over: make(chan struct{})}
	ws.SetReadLimit(maxEnvelope)
	stop := context.AfterFunc(ctx, l.end)
	_, l.first, err = ws.ReadMessage()
	if !stop() {
		err = ctx.Err()
	}
	if err == nil {
		err = unwelcome(l.first)
	}
	if err != nil {
		l.end()
		return nil, fmt.Errorf("wait for Slack's greeting: %w", err)
	}
	return l, nil
}

// unwelcome is the error of a socket that Slack closes instead of greeting.
func unwelcome(first []byte) error {
	var said envelope
	if err := json.Unmarshal(first, &said); err == nil && said.Type == typeDisconnect {
		return fmt.Errorf("turned away: %s", said.Reason)
	}
	return nil
}

// read hands every frame to take, until the socket is over.
func (l *link) read(take func([]byte)) error {
	defer l.end()
	alive := func() {
		select {
		case <-l.asked: // it has to end by itself now
		default:
			_ = l.ws.SetReadDeadline(time.Now().Add(pingWithin)) // fails on a closed socket only, which the next read tells
		}
	}
	l.ws.SetPingHandler(func(data string) error {
		alive()
		err := l.ws.WriteControl(websocket.PongMessage, []byte(data), time.Now().Add(writeWithin))
		var timeout interface{ Timeout() bool }
		if errors.Is(err, websocket.ErrCloseSent) || errors.As(err, &timeout) && timeout.Timeout() {
			return nil
		}
		return err
	})
	alive()
	take(l.first)
	l.first = nil
	for {
		_, frame, err := l.ws.ReadMessage()
		if err != nil {
			return err
		}
		alive()
		take(frame)
	}
}

// leave notes that Slack asked to leave the socket. After a warning it stays good for some seconds; with any other
// reason it is being closed. Only the goroutine that reads calls it.
func (l *link) leave(reason string) {
	if reason != reasonWarning {
		l.closing.Store(true)
	}
	_ = l.ws.SetReadDeadline(time.Now().Add(lingerFor))
	l.askOnce.Do(func() { close(l.asked) })
}

// send writes a frame. An error means that the socket is over, and that Slack did not get the frame.
func (l *link) send(frame []byte) error {
	l.write.Lock()
	defer l.write.Unlock()
	err := l.ws.SetWriteDeadline(time.Now().Add(writeWithin))
	if err == nil {
		err = l.ws.WriteMessage(websocket.TextMessage, frame)
	}
	if err != nil {
		l.end()
	}
	return err
}

// bid says goodbye and closes. Slack's own goodbye is not waited for, since Slack does not close the connection after it.
func (l *link) bid() {
	_ = l.ws.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(websocket.CloseNormalClosure, ""), time.Now().Add(writeWithin))
	l.end()
}

// end closes the connection.
func (l *link) end() {
	l.endOnce.Do(func() {
		l.closing.Store(true)
		close(l.over)
		l.ws.Close()
	})
}
