package slacksim_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/slack-go/slack"
	"github.com/slack-go/slack/socketmode"
	"go.uber.org/goleak"

	"licensebot/slacksim"
	"licensebot/slacksim/slacktest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience returns the context for every wait of a test. Only a failing test waits until it ends.
func patience(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// start serves a workspace. Unless the test sets a deadline, apps get 20 s to acknowledge: a busy machine must not fail
// the test.
func start(t *testing.T, opts slacksim.Options) (*slacksim.Workspace, *slacksim.Server) {
	t.Helper()
	if opts.AckTimeout == 0 {
		opts.AckTimeout = 20 * time.Second
	}
	ws := slacksim.New(opts)
	return ws, slacktest.Serve(t, ws)
}

// frame is a message from the server over a socket.
type frame struct {
	Type       string          `json:"type"`
	EnvelopeID string          `json:"envelope_id"`
	Accepts    bool            `json:"accepts_response_payload"`
	Attempt    int             `json:"retry_attempt"`
	Reason     string          `json:"reason"`
	Sockets    int             `json:"num_connections"`
	Payload    json.RawMessage `json:"payload"`
	ConnInfo   struct {
		AppID string `json:"app_id"`
	} `json:"connection_info"`
}

func (f frame) field(t *testing.T, name string) string {
	t.Helper()
	var m map[string]any
	if err := json.Unmarshal(f.Payload, &m); err != nil {
		t.Fatal(err)
	}
	s, _ := m[name].(string)
	return s
}

// socket is a Socket Mode connection without a client: the test decides when and whether to acknowledge.
type socket struct {
	t      *testing.T
	conn   *websocket.Conn
	frames chan frame // closed when the connection is over
	pings  chan struct{}
}

// dial opens a connection and reads its hello.
func dial(t *testing.T, ws *slacksim.Workspace, srv *slacksim.Server) *socket {
	t.Helper()
	s := dialURL(t, socketURL(t, ws, srv))
	if f := s.next(); f.Type != "hello" {
		t.Fatalf("first frame: got %q, want hello", f.Type)
	}
	return s
}

func socketURL(t *testing.T, ws *slacksim.Workspace, srv *slacksim.Server) string {
	t.Helper()
	answer := call(t, srv, ws.AppToken(), "apps.connections.open", nil)
	url, _ := answer["url"].(string)
	if url == "" {
		t.Fatalf("apps.connections.open: got %v, want a url", answer)
	}
	return url
}

func dialURL(t *testing.T, url string) *socket {
	t.Helper()
	conn, resp, err := websocket.DefaultDialer.DialContext(t.Context(), url, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	s := &socket{t: t, conn: conn, frames: make(chan frame, 100), pings: make(chan struct{}, 100)}
	pong := conn.PingHandler()
	conn.SetPingHandler(func(data string) error {
		s.pings <- struct{}{}
		return pong(data)
	})
	var done sync.WaitGroup
	done.Add(1)
	go func() {
		defer done.Done()
		defer close(s.frames)
		for {
			var f frame
			if conn.ReadJSON(&f) != nil {
				return
			}
			s.frames <- f
		}
	}()
	t.Cleanup(func() {
		conn.Close()
		done.Wait()
	})
	return s
}

// next frame, or the zero frame when the connection is over.
func (s *socket) next() frame {
	s.t.Helper()
	select {
	case f := <-s.frames:
		return f
	case <-patience(s.t).Done():
		s.t.Fatal("got no frame, want one")
		return frame{}
	}
}

func (s *socket) ack(f frame, payload any) {
	s.t.Helper()
	answer := map[string]any{"envelope_id": f.EnvelopeID}
	if payload != nil {
		answer["payload"] = payload
	}
	if err := s.conn.WriteJSON(answer); err != nil {
		s.t.Error(err)
	}
}

// call posts JSON to a method of the Web API.
func call(t *testing.T, srv *slacksim.Server, token, method string, args map[string]any) map[string]any {
	t.Helper()
	answer, _ := callHTTP(t, srv, token, method, args)
	return answer
}

func callHTTP(
	t *testing.T, srv *slacksim.Server, token, method string, args map[string]any,
) (map[string]any, *http.Response) {
	t.Helper()
	body, err := json.Marshal(args)
	if err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, srv.APIURL+method, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json; charset=utf-8")
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	resp := do(t, req)
	var answer map[string]any
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil {
		t.Fatalf("%s: got %v, want JSON", method, err)
	}
	return answer, resp
}

// do sends a request; its body is read and closed by the end of the test.
func do(t *testing.T, req *http.Request) *http.Response {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(resp.Body)
	resp.Body.Close()
	if err != nil {
		t.Fatal(err)
	}
	resp.Body = io.NopCloser(bytes.NewReader(body))
	return resp
}

// client is slack-go, pointed at the workspace.
func client(ws *slacksim.Workspace, srv *slacksim.Server) *slack.Client {
	return slack.New(ws.BotToken(), slack.OptionAPIURL(srv.APIURL), slack.OptionAppLevelToken(ws.AppToken()),
		slack.OptionHTTPClient(&http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}))
}

// runApp connects a slack-go socketmode client and hands it every command and
// interaction until the test ends; handle acknowledges.
func runApp(
	t *testing.T, ws *slacksim.Workspace, srv *slacksim.Server, handle func(*socketmode.Client, socketmode.Event),
) *slack.Client {
	t.Helper()
	api := client(ws, srv)
	sm := socketmode.New(api)
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { _ = sm.RunContext(ctx) })
	running.Go(func() {
		for {
			select {
			case <-ctx.Done():
				return
			case e := <-sm.Events:
				handle(sm, e)
			}
		}
	})
	t.Cleanup(func() {
		cancel()
		running.Wait()
	})
	if err := ws.WaitForSocket(patience(t)); err != nil {
		t.Fatal(err)
	}
	return api
}

func decode(t *testing.T, f frame, into any) {
	t.Helper()
	if err := json.Unmarshal(f.Payload, into); err != nil {
		t.Fatal(err)
	}
}
