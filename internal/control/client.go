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

var (
	// ErrNotRunning means that no bot listens on the socket: none runs with that ledger, or it is starting or stopping.
	ErrNotRunning = errors.New("no running bot answers")
	// ErrUnknownRequest means that the running bot doesn't know the request, because it is an older version.
	ErrUnknownRequest = errors.New("the running bot is an older version")
	// ErrOtherUser means that the bot's socket belongs to another user.
	ErrOtherUser = errors.New("the running bot belongs to another user and answers only that user")
)

// Backup makes the bot at the socket copy its ledger to the new file to, an absolute path, and returns what
// [Bot].Backup returned. It waits up to 10 minutes. The error wraps [ErrNotRunning] if no bot listens; an error of the
// bot has the bot's words.
func Backup(ctx context.Context, socket, to string) (report storage.Report, err error) {
	err = call(ctx, socket, "backup", backupTimeout, backupRequest{to}, &report)
	return report, err
}

// Resume makes the bot at the socket end a pause of buying, and returns that pause; nil if buying was not paused. It
// waits up to 20 seconds. by and reason must not be empty. The errors are those of [Backup].
func Resume(ctx context.Context, socket, by, reason string) (was *purchase.Pause, err error) {
	err = call(ctx, socket, "resume", resumeTimeout, resumeRequest{by, reason}, &was)
	return was, err
}

// call sends a request to the endpoint and decodes the response. An error that the bot returned has the bot's words.
func call(ctx context.Context, socket, endpoint string, timeout time.Duration, request, response any) error {
	_, err := post(ctx, socket, endpoint, timeout, maxBody, request, response)
	return err
}

// post does the work of call. It reads at most limit bytes, and returns which run of the bot responded.
func post(ctx context.Context, socket, endpoint string, timeout time.Duration, limit int64, request, response any) (
	run string, err error,
) {
	body, err := json.Marshal(request)
	if err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(ctx, timeout+readTimeout)
	defer cancel()
	post, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://bot/"+endpoint, bytes.NewReader(body))
	if err != nil {
		return "", err
	}
	transport := &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (conn net.Conn, err error) {
			err = withShortPath(socket, func(name string) (err error) {
				conn, err = new(net.Dialer).DialContext(ctx, "unix", name)
				return err
			})
			return conn, err
		},
	}
	answer, err := transport.RoundTrip(post)
	switch {
	case errors.Is(err, syscall.ENOENT), errors.Is(err, syscall.ECONNREFUSED), errors.Is(err, syscall.ENOTSOCK):
		return "", fmt.Errorf("%w at %s", ErrNotRunning, socket)
	case errors.Is(err, syscall.EACCES), errors.Is(err, syscall.EPERM):
		return "", fmt.Errorf("%w (%s)", ErrOtherUser, socket)
	case err != nil:
		return "", fmt.Errorf("ask the running bot at %s: %w", socket, err)
	}
	defer answer.Body.Close()
	data, err := io.ReadAll(io.LimitReader(answer.Body, limit))
	if err != nil {
		return "", fmt.Errorf("ask the running bot at %s: %w", socket, err)
	}
	switch answer.StatusCode {
	case http.StatusOK:
		err = json.Unmarshal(data, response)
	case http.StatusNotFound:
		err = ErrUnknownRequest
	default:
		var e errorResponse
		if err = json.Unmarshal(data, &e); err == nil && e.Error != "" {
			return "", errors.New(e.Error)
		}
		err = fmt.Errorf("HTTP status %d", answer.StatusCode)
	}
	if err != nil {
		return "", fmt.Errorf("the running bot at %s gave an unexpected answer. Is it a different version? %w", socket, err)
	}
	return answer.Header.Get(runHeader), nil
}
