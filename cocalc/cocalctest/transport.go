package cocalctest

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
)

// Transport serves requests in-process, without sockets, for an http.Client; host and port of the URL do not matter. If
// the caller's context ends, the caller gets its error at once and the handler continues, as behind a dropped
// connection. It works with testing/synctest if the server was created inside the bubble.
func (s *Server) Transport() http.RoundTripper { return transport{s} }

type transport struct{ s *Server }

func (t transport) RoundTrip(r *http.Request) (*http.Response, error) {
	ctx := r.Context()
	var body []byte
	if r.Body != nil {
		var err error
		body, err = io.ReadAll(r.Body)
		_ = r.Body.Close()
		if err != nil {
			return nil, fmt.Errorf("send the request: %w", err)
		}
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	inner := r.Clone(context.WithoutCancel(ctx))
	inner.Body = io.NopCloser(bytes.NewReader(body))
	answered := make(chan *http.Response, 1)
	t.s.running.Add(1)
	go func() {
		defer t.s.running.Done()
		w := &recorder{header: http.Header{}}
		defer func() {
			if p := recover(); p != nil && p != any(http.ErrAbortHandler) {
				panic(p)
			} else if p != nil {
				answered <- nil
				return
			}
			answered <- w.response(r)
		}()
		t.s.ServeHTTP(w, inner)
	}()
	select {
	case response := <-answered:
		if response == nil {
			return nil, io.ErrUnexpectedEOF
		}
		return response, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// recorder holds an answer until it is complete.
type recorder struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (w *recorder) Header() http.Header { return w.header }

func (w *recorder) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
	}
}

func (w *recorder) Write(b []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	return w.body.Write(b)
}

func (w *recorder) response(r *http.Request) *http.Response {
	w.WriteHeader(http.StatusOK)
	for name, values := range w.header {
		if len(values) == 0 {
			delete(w.header, name)
		}
	}
	return &http.Response{
		Status: fmt.Sprintf("%d %s", w.status, http.StatusText(w.status)), StatusCode: w.status,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: w.header,
		Body: io.NopCloser(&w.body), ContentLength: int64(w.body.Len()), Request: r,
	}
}
