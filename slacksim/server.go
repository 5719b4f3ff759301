package slacksim

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"
)

// Server serves a workspace over HTTP. Close it when it is no longer needed.
type Server struct {
	// APIURL is the address of the Web API with a final slash, such as http://127.0.0.1:41234/api/. Apps take it as
	// slack.OptionAPIURL (slack-go) or clientOptions.slackApiUrl (Bolt for JavaScript).
	APIURL string
	// URL is the address without a path and without a final slash.
	URL string
	// Addr is host:port.
	Addr string

	ws     *Workspace
	http   *http.Server
	served sync.WaitGroup
}

// Listen serves the workspace on addr, a TCP address such as 127.0.0.1:3000; port 0 takes a free port. Requests that
// are not for Slack's own paths go to rest, such as a web page; nil answers them with 404. The error is that of
// net.Listen. A workspace has one server at a time: its response URLs lead to the one that was started last.
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
			ws.log.Error("stop listening for the Slack workspace", "error", err)
		}
	}()
	return s, nil
}

// Workspace returns the workspace that the server serves.
func (s *Server) Workspace() *Workspace { return s.ws }

// Close closes the workspace and the server, and returns when both have stopped. Requests that are being answered get
// up to two seconds.
func (s *Server) Close() {
	s.ws.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	if s.http.Shutdown(ctx) != nil {
		s.http.Close()
	}
	s.served.Wait()
}

// SetBaseURL sets the address with which response URLs and upload URLs begin, such as http://127.0.0.1:3000. It is
// needed only by callers that serve Handler themselves; Listen sets it.
func (ws *Workspace) SetBaseURL(url string) {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	ws.baseURL = strings.TrimSuffix(url, "/")
}

// Handler serves the Web API under /api/, Socket Mode under /link/, response URLs under /commands/, /actions/ and
// /app/, and uploads under /upload/. All other requests go to rest; nil answers them with 404. Use Listen, unless the
// server needs something of its own.
func (ws *Workspace) Handler(rest http.Handler) http.Handler {
	if rest == nil {
		rest = http.NotFoundHandler()
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/api/{method}", ws.serveAPI)
	mux.HandleFunc("/link/", ws.serveSocket)
	for _, kind := range responseURLKinds {
		mux.HandleFunc("POST /"+kind+"/{team}/{id}/{secret}", ws.serveResponseURL)
	}
	mux.HandleFunc("POST /upload/v1/{id}", ws.serveUpload)
	mux.Handle("/", rest)
	return mux
}
