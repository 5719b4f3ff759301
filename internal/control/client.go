package control

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"syscall"
	"time"

	"licensebot/purchase"
	"licensebot/storage"
)

// ErrNobody says that no bot listens there: none runs with that ledger, or one has just begun or is about to end.
var ErrNobody = errors.New("no running bot answers")

// Backup has the bot at the socket copy its ledger to a new file, whose path is absolute.
func Backup(ctx context.Context, socket, to string) (report storage.Report, err error) {
	err = ask(ctx, socket, "backup", backupWithin, backupQuestion{to}, &report)
	return report, err
}

// Resume has the bot at the socket end a pause of buying. It answers the pause; nil when there was none.
func Resume(ctx context.Context, socket, by, reason string) (was *purchase.Pause, err error) {
	err = ask(ctx, socket, "resume", resumeWithin, resumeQuestion{by, reason}, &was)
	return was, err
}

// ask sends a question and reads the answer. What the bot says in an error is the error's text.
func ask(ctx context.Context, socket, what string, within time.Duration, question, answer any) error {
	body, err := json.Marshal(question)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, within+askWithin)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://bot/"+what, bytes.NewReader(body))
	if err != nil {
		return err
	}
	transport := &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (conn net.Conn, err error) {
			err = shortened(socket, func(name string) (err error) {
				conn, err = new(net.Dialer).DialContext(ctx, "unix", name)
				return err
			})
			return conn, err
		},
	}
	response, err := transport.RoundTrip(request)
	switch {
	case errors.Is(err, syscall.ENOENT), errors.Is(err, syscall.ECONNREFUSED), errors.Is(err, syscall.ENOTSOCK):
		return fmt.Errorf("%w at %s", ErrNobody, socket)
	case errors.Is(err, syscall.EACCES), errors.Is(err, syscall.EPERM):
		return fmt.Errorf("the running bot belongs to another user and answers only that user (%s)", socket)
	case err != nil:
		return fmt.Errorf("ask the running bot at %s: %w", socket, err)
	}
	defer response.Body.Close()
	said, err := io.ReadAll(io.LimitReader(response.Body, mostQuestion))
	if err != nil {
		return fmt.Errorf("ask the running bot at %s: %w", socket, err)
	}
	if response.StatusCode == http.StatusOK {
		err = json.Unmarshal(said, answer)
	} else {
		var p problem
		if err = json.Unmarshal(said, &p); err == nil && p.Error != "" {
			return errors.New(p.Error)
		}
		err = fmt.Errorf("HTTP status %d", response.StatusCode)
	}
	if err != nil {
		return fmt.Errorf("the running bot at %s gave an unexpected answer. Is it a different version? %w", socket, err)
	}
	return nil
}
