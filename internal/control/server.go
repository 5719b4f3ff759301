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

	"licensebot/purchase"
	"licensebot/storage"
)

const (
	askWithin    = 10 * time.Second // for a whole question to arrive
	resumeWithin = 20 * time.Second
	backupWithin = 10 * time.Minute
	endWithin    = time.Second // for what is under way when the bot stops
	mostQuestion = 64 << 10    // bytes
	mostClients  = 16          // at once
)

// Bot is what can be asked of a bot that runs.
type Bot interface {
	// Backup copies the ledger to a new file.
	Backup(ctx context.Context, to string) (storage.Report, error)
	// Resume ends a pause of buying and answers it; nil when there was none.
	Resume(ctx context.Context, by, reason string) (*purchase.Pause, error)
}

// Server answers the program's own commands.
type Server struct {
	bot      Bot
	log      zerolog.Logger
	path     string
	listener *net.UnixListener
	made     fs.FileInfo // the socket, as it was made
	copying  sync.Mutex  // one backup at a time

	under sync.RWMutex // held for reading while a question is being answered
	ended bool
}

type backupQuestion struct {
	To string `json:"to"`
}

type resumeQuestion struct {
	By     string `json:"by"`
	Reason string `json:"reason"`
}

type problem struct {
	Error string `json:"error"`
}

// Listen makes the socket, in place of one that a killed bot has left behind. The caller must hold the ledger's lock,
// so that no other bot listens there. If the path is not a socket, it is left alone, and is an error.
func Listen(path string, bot Bot, log zerolog.Logger) (*Server, error) {
	if old, err := os.Lstat(path); err == nil && old.Mode().Type() != fs.ModeSocket {
		return nil, fmt.Errorf("%s is not a socket, so it was left alone", path)
	}
	// It is made in a private folder and gets its name together with its mode, so that no other user can reach it at
	// any moment.
	private, err := os.MkdirTemp(filepath.Dir(path), ".licensebot-sock-*")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(private)
	s := &Server{bot: bot, log: log, path: path}
	made := filepath.Join(private, "s")
	err = shortened(made, func(name string) (err error) {
		s.listener, err = net.ListenUnix("unix", &net.UnixAddr{Name: name, Net: "unix"})
		return err
	})
	if err != nil {
		return nil, err
	}
	s.listener.SetUnlinkOnClose(false) // it knows the first name only
	if err = os.Chmod(made, 0o600); err == nil {
		if s.made, err = os.Lstat(made); err == nil {
			err = os.Rename(made, path)
		}
	}
	if err != nil {
		s.listener.Close()
		return nil, err
	}
	return s, nil
}

// Run answers until ctx is done. Then what is under way has a second to end, and the socket is taken away. When Run
// returns nothing of it uses the bot any more.
func (s *Server) Run(ctx context.Context) error {
	asked, stopAsked := context.WithCancel(context.WithoutCancel(ctx))
	defer stopAsked()
	server := &http.Server{
		Handler:     s.routes(),
		ReadTimeout: askWithin, WriteTimeout: backupWithin + time.Minute, IdleTimeout: askWithin, MaxHeaderBytes: 8 << 10,
		BaseContext: func(net.Listener) context.Context { return asked },
	}
	done := make(chan error, 1)
	go func() { done <- server.Serve(netutil.LimitListener(s.listener, mostClients)) }()
	var err error
	select {
	case err = <-done:
	case <-ctx.Done():
		ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), endWithin)
		server.Shutdown(ending)
		cancel()
		err = <-done
	}
	stopAsked()
	server.Close()
	s.under.Lock() // waits for what was under way
	s.ended = true
	s.under.Unlock()
	s.away()
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}

// away removes the socket, unless it is another one by now.
func (s *Server) away() {
	s.listener.Close()
	if there, err := os.Lstat(s.path); err == nil && os.SameFile(there, s.made) {
		os.Remove(s.path)
	}
}

func (s *Server) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /backup", func(w http.ResponseWriter, r *http.Request) {
		answer(s, w, r, backupWithin, func(ctx context.Context, q backupQuestion) (any, error) {
			if !filepath.IsAbs(q.To) {
				return nil, errors.New("a backup needs an absolute path")
			}
			if !s.copying.TryLock() {
				return nil, errors.New("another backup is in progress; try again when it's done")
			}
			defer s.copying.Unlock()
			report, err := s.bot.Backup(ctx, q.To)
			if err == nil && report.Unproven != "" {
				s.log.Error().Str("file", q.To+storage.UnprovenEnding).Str("wrong", report.Unproven).Msg("back up the ledger as it is, with a broken audit chain")
			} else if err == nil {
				s.log.Info().Str("file", q.To).Uint64("records", report.Head.Number).Str("hash", report.Head.Hash).Msg("back up the ledger")
			}
			return report, err
		})
	})
	mux.HandleFunc("POST /resume", func(w http.ResponseWriter, r *http.Request) {
		answer(s, w, r, resumeWithin, func(ctx context.Context, q resumeQuestion) (any, error) {
			if q.By == "" || q.Reason == "" {
				return nil, errors.New("resuming needs a person and a reason")
			}
			return s.bot.Resume(ctx, q.By, q.Reason)
		})
	})
	return mux
}

// answer reads a question, has it carried out within its time, and writes what came of it.
func answer[Q any](s *Server, w http.ResponseWriter, r *http.Request, within time.Duration, do func(context.Context, Q) (any, error)) {
	s.under.RLock()
	defer s.under.RUnlock()
	if s.ended {
		return
	}
	var q Q
	in := json.NewDecoder(http.MaxBytesReader(w, r.Body, mostQuestion))
	if err := in.Decode(&q); err != nil {
		say(w, http.StatusBadRequest, problem{"can't read the request: " + err.Error()})
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), within)
	defer cancel()
	said, err := do(ctx, q)
	if err != nil {
		words := err.Error()
		switch {
		case errors.Is(ctx.Err(), context.DeadlineExceeded):
			words = fmt.Sprintf("it took more than %s and was stopped: %s", within, words)
		case ctx.Err() != nil:
			words = "the bot is stopping: " + words
		}
		s.log.Warn().Str("question", r.URL.Path).Str("answer", words).Msg("refuse a command of this machine")
		say(w, http.StatusConflict, problem{words})
		return
	}
	say(w, http.StatusOK, said)
}

func say(w http.ResponseWriter, status int, what any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(what) // a client that has hung up does not need it
}
