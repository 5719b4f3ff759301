package control

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/rs/zerolog"
	"golang.org/x/net/netutil"

	"licensebot/internal/records"
	"licensebot/purchase"
	"licensebot/storage"
)

const (
	readTimeout   = 10 * time.Second // for a whole request to arrive
	resumeTimeout = 20 * time.Second
	pageTimeout   = 20 * time.Second // for a page of records
	backupTimeout = 10 * time.Minute
	stopTimeout   = time.Second // for requests in flight when the bot stops
	maxBody       = 64 << 10    // bytes of a request, and of a response without records
	maxPage       = 32 << 20    // bytes of a page of records
	maxClients    = 16          // connections at the same time

	// runHeader names the run of the bot that answered, so that a client notices if another one continues.
	runHeader = "Licensebot-Run"
)

// Bot has the methods of a running bot that the program's own commands call. Its methods may run at the same time,
// except that Backup is never called twice at once. They return errors in words for people.
type Bot interface {
	// Backup copies the ledger to the new file to, an absolute path.
	Backup(ctx context.Context, to string) (storage.Report, error)
	// Resume ends a pause of buying and returns that pause; nil if buying was not paused.
	Resume(ctx context.Context, by, reason string) (*purchase.Pause, error)
	// Records returns the records of the bot's ledger. Each call of its methods takes milliseconds.
	Records() records.Source
}

// Server serves requests of the program's own commands. [Listen] makes one.
type Server struct {
	bot      Bot
	log      zerolog.Logger
	path     string
	run      string // see runHeader
	listener *net.UnixListener
	created  fs.FileInfo // the socket file, as Listen created it
	backup   sync.Mutex  // allows one backup at a time

	inFlight sync.RWMutex // held for reading while a request is handled
	stopped  bool         // guarded by inFlight
}

type backupRequest struct {
	To string `json:"to"`
}

type resumeRequest struct {
	By     string `json:"by"`
	Reason string `json:"reason"`
}

// purchaseRangeRequest selects log entries by time; eventRangeRequest selects audit records.
type (
	purchaseRangeRequest struct {
		Since  time.Time `json:"since,omitzero"`
		Before time.Time `json:"before,omitzero"`
	}
	eventRangeRequest struct {
		Since time.Time `json:"since,omitzero"`
	}
	eventsRequest struct {
		Range  records.Range  `json:"range"`
		Filter records.Filter `json:"filter"`
	}
)

type errorResponse struct {
	Error string `json:"error"`
}

// Listen creates the socket at path, and replaces one that a killed bot has left behind. The caller must hold the
// ledger's lock, so that no other bot listens there. It returns an error if path exists and is not a socket, or if its
// folder can't be written.
func Listen(path string, bot Bot, log zerolog.Logger) (*Server, error) {
	if old, err := os.Lstat(path); err == nil && old.Mode().Type() != fs.ModeSocket {
		return nil, fmt.Errorf("%s is not a socket, so it was left alone", path)
	}
	// The socket is created in a private folder and then renamed, so that it already has mode 0600 when other users can
	// see it.
	private, err := os.MkdirTemp(filepath.Dir(path), ".licensebot-sock-*")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(private)
	s := &Server{bot: bot, log: log, path: path}
	temporary := filepath.Join(private, "s")
	err = withShortPath(temporary, func(name string) (err error) {
		s.listener, err = net.ListenUnix("unix", &net.UnixAddr{Name: name, Net: "unix"})
		return err
	})
	if err != nil {
		return nil, err
	}
	s.listener.SetUnlinkOnClose(false) // it would remove the temporary name
	if err = os.Chmod(temporary, 0o600); err == nil {
		if s.created, err = os.Lstat(temporary); err == nil {
			s.run = fmt.Sprintf("%d-%d", os.Getpid(), s.created.ModTime().UnixNano())
			err = os.Rename(temporary, path)
		}
	}
	if err != nil {
		s.listener.Close()
		return nil, err
	}
	return s, nil
}

// Run serves requests until ctx is done. Requests in flight then have a second to finish, and the socket is removed.
// Once Run has returned, the server no longer calls the bot. The error is nil after a stop through ctx.
func (s *Server) Run(ctx context.Context) error {
	requests, cancelRequests := context.WithCancelCause(context.WithoutCancel(ctx))
	defer cancelRequests(errStopping)
	server := &http.Server{
		Handler:     s.routes(),
		ReadTimeout: readTimeout, WriteTimeout: backupTimeout + time.Minute, IdleTimeout: readTimeout,
		MaxHeaderBytes: 8 << 10,
		BaseContext:    func(net.Listener) context.Context { return requests },
	}
	done := make(chan error, 1)
	go func() { done <- server.Serve(netutil.LimitListener(s.listener, maxClients)) }()
	var err error
	select {
	case err = <-done:
	case <-ctx.Done():
		stopping, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTimeout)
		_ = server.Shutdown(stopping) // Close ends what is left
		cancel()
		err = <-done
	}
	cancelRequests(errStopping)
	server.Close()
	s.inFlight.Lock() // waits for requests in flight
	s.stopped = true
	s.inFlight.Unlock()
	s.removeSocket()
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}

// removeSocket removes the socket file, unless another one has replaced it.
func (s *Server) removeSocket() {
	s.listener.Close()
	if current, err := os.Lstat(s.path); err == nil && os.SameFile(current, s.created) {
		os.Remove(s.path)
	}
}

func (s *Server) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /backup", func(w http.ResponseWriter, r *http.Request) {
		handle(s, w, r, backupTimeout, func(ctx context.Context, q backupRequest) (any, error) {
			if !filepath.IsAbs(q.To) {
				return nil, errors.New("a backup needs an absolute path")
			}
			if !s.backup.TryLock() {
				return nil, errors.New("another backup is in progress; try again when it's done")
			}
			defer s.backup.Unlock()
			report, err := s.bot.Backup(ctx, q.To)
			if err == nil && report.Unproven != "" {
				s.log.Error().Str("file", q.To+storage.UnprovenEnding).Str("wrong", report.Unproven).
					Msg("back up a ledger whose audit chain is broken")
			} else if err == nil {
				s.log.Info().Str("file", q.To).Uint64("records", report.Head.Number).Str("hash", report.Head.Hash).
					Msg("back up the ledger")
			}
			return report, err
		})
	})
	mux.HandleFunc("POST /purchases/range", func(w http.ResponseWriter, r *http.Request) {
		handle(s, w, r, pageTimeout, func(ctx context.Context, q purchaseRangeRequest) (any, error) {
			return s.bot.Records().PurchaseRange(ctx, q.Since, q.Before)
		})
	})
	mux.HandleFunc("POST /purchases", func(w http.ResponseWriter, r *http.Request) {
		handle(s, w, r, pageTimeout, func(ctx context.Context, q records.Range) (any, error) {
			return s.bot.Records().Purchases(ctx, q)
		})
	})
	mux.HandleFunc("POST /events/range", func(w http.ResponseWriter, r *http.Request) {
		handle(s, w, r, pageTimeout, func(ctx context.Context, q eventRangeRequest) (any, error) {
			return s.bot.Records().EventRange(ctx, q.Since)
		})
	})
	mux.HandleFunc("POST /events", func(w http.ResponseWriter, r *http.Request) {
		handle(s, w, r, pageTimeout, func(ctx context.Context, q eventsRequest) (any, error) {
			return s.bot.Records().Events(ctx, q.Range, q.Filter)
		})
	})
	mux.HandleFunc("POST /summary", func(w http.ResponseWriter, r *http.Request) {
		handle(s, w, r, pageTimeout, func(ctx context.Context, _ struct{}) (any, error) {
			return s.bot.Records().Summary(ctx)
		})
	})
	mux.HandleFunc("POST /resume", func(w http.ResponseWriter, r *http.Request) {
		handle(s, w, r, resumeTimeout, func(ctx context.Context, q resumeRequest) (any, error) {
			if q.By == "" || q.Reason == "" {
				return nil, errors.New("resuming needs a person and a reason")
			}
			return s.bot.Resume(ctx, q.By, q.Reason)
		})
	})
	return mux
}

// errStopping is the cause with which requests in flight are canceled when the bot stops.
var errStopping = errors.New("the bot is stopping")

// handle decodes a request, calls do with its time limit, and writes the result or the error.
func handle[Q any](
	s *Server, w http.ResponseWriter, r *http.Request, timeout time.Duration, do func(context.Context, Q) (any, error),
) {
	s.inFlight.RLock()
	defer s.inFlight.RUnlock()
	if s.stopped {
		return
	}
	w.Header().Set(runHeader, s.run)
	var request Q
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBody)).Decode(&request); err != nil {
		writeJSON(w, http.StatusBadRequest, errorResponse{"can't read the request: " + err.Error()})
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), timeout)
	defer cancel()
	result, err := do(ctx, request)
	if err != nil {
		message := err.Error()
		switch {
		case errors.Is(ctx.Err(), context.DeadlineExceeded):
			message = fmt.Sprintf("it took more than %s and was stopped: %s", timeout, message)
		case errors.Is(context.Cause(ctx), errStopping):
			message = "the bot is stopping: " + message
		case ctx.Err() != nil:
			s.log.Debug().Str("endpoint", r.URL.Path).Msg("end a request whose command has ended")
			return
		}
		s.log.Warn().Str("endpoint", r.URL.Path).Str("error", message).Msg("refuse a command of this machine")
		writeJSON(w, http.StatusConflict, errorResponse{message})
		return
	}
	writeJSON(w, http.StatusOK, result)
}

func writeJSON(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // fails only if the client has hung up
}
