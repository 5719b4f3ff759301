package slacksim

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

// Server is a workspace that listens.
type Server struct {
	// APIURL is what the app takes as the address of the Web API, with its final slash:
	// slack.OptionAPIURL in slack-go, clientOptions.slackApiUrl in Bolt.
	APIURL string
	// URL is the address without a path and without a final slash.
	URL string
	// Addr is host:port.
	Addr string

	ws     *Workspace
	http   *http.Server
	served sync.WaitGroup
}

// Listen serves the workspace on addr (127.0.0.1:0 for any free port). What is not
// Slack's own goes to rest, if given: the place for a web page. Only one server per
// workspace: response URLs lead to the last one.
func (ws *Workspace) Listen(addr string, rest http.Handler) (*Server, error) {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("listen for the Slack workspace: %w", err)
	}
	s := &Server{ws: ws, Addr: l.Addr().String()}
	s.URL = "http://" + s.Addr
	s.APIURL = s.URL + "/api/"
	ws.SetBaseURL(s.URL)
	s.http = &http.Server{Handler: ws.Handler(rest), ReadHeaderTimeout: 10 * time.Second}
	s.served.Add(1)
	go func() {
		defer s.served.Done()
		if err := s.http.Serve(l); err != nil && !errors.Is(err, http.ErrServerClosed) {
			ws.log.Error().Err(err).Msg("stop listening for the Slack workspace")
		}
	}()
	return s, nil
}

// Start serves the workspace on a free loopback port until the test ends.
func (ws *Workspace) Start(tb testing.TB) *Server {
	tb.Helper()
	s, err := ws.Listen("127.0.0.1:0", nil)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(s.Close)
	return s
}

// Close ends the workspace and the server and returns when nothing of them runs any more.
// Answers under way get two seconds.
func (s *Server) Close() {
	s.ws.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	if s.http.Shutdown(ctx) != nil {
		s.http.Close()
	}
	s.served.Wait()
}

// SetBaseURL tells where the workspace is reached, without a final slash, when it is not
// Listen that serves it: response URLs and upload URLs begin with it.
func (ws *Workspace) SetBaseURL(url string) {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	ws.baseURL = strings.TrimSuffix(url, "/")
}

// Handler serves the Web API under /api/, Socket Mode under /link/, response URLs under
// /commands/, /actions/ and /app/, and uploads under /upload/; everything else is rest's,
// or not found.
func (ws *Workspace) Handler(rest http.Handler) http.Handler {
	if rest == nil {
		rest = http.NotFoundHandler()
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/api/{method}", ws.serveAPI)
	mux.HandleFunc("/link/", ws.serveSocket)
	for _, kind := range hookKinds {
		mux.HandleFunc("POST /"+kind+"/{team}/{id}/{secret}", ws.serveHook)
	}
	mux.HandleFunc("POST /upload/v1/{id}", ws.serveUpload)
	mux.Handle("/", rest)
	return mux
}
