package control

import (
	"context"
	"errors"
	"fmt"
	"io"
	"syscall"
	"time"

	"licensebot/internal/records"
	"licensebot/purchase"
)

// ErrStopped means that the bot stopped, or was started again, between two requests of one reader. Nothing is wrong
// with what was read before, but the rest is missing.
var ErrStopped = errors.New("the running bot stopped while its records were read; run this again")

// Records are the records of the bot at a socket. They implement records.Source. Each request is a connection of its
// own, so a reader that pauses keeps nothing of the bot. It is not safe for concurrent use.
//
// The first request of a reader returns an error that wraps [ErrNotRunning] if no bot listens, or [ErrUnknownRequest]
// if the bot is an older version. Later ones return [ErrStopped] if the bot that responded first no longer does.
type Records struct {
	socket string
	run    string // of the bot that responded first
}

// NewRecords returns the records of the bot at the socket.
func NewRecords(socket string) *Records { return &Records{socket: socket} }

// PurchaseRange implements records.Source.
func (c *Records) PurchaseRange(ctx context.Context, since, before time.Time) (records.Range, error) {
	return ask[records.Range](ctx, c, "purchases/range", purchaseRangeRequest{since, before})
}

// Purchases implements records.Source.
func (c *Records) Purchases(ctx context.Context, r records.Range) ([]purchase.Purchase, error) {
	return ask[[]purchase.Purchase](ctx, c, "purchases", r)
}

// EventRange implements records.Source.
func (c *Records) EventRange(ctx context.Context, since time.Time) (records.Range, error) {
	return ask[records.Range](ctx, c, "events/range", eventRangeRequest{since})
}

// Events implements records.Source.
func (c *Records) Events(ctx context.Context, r records.Range, f records.Filter) (records.EventPage, error) {
	return ask[records.EventPage](ctx, c, "events", eventsRequest{r, f})
}

// Summary implements records.Source.
func (c *Records) Summary(ctx context.Context) (records.Summary, error) {
	return ask[records.Summary](ctx, c, "summary", struct{}{})
}

// ask sends one request. Reading changes nothing, so an answer that was cut off is the same as none.
func ask[T any](ctx context.Context, c *Records, endpoint string, request any) (answer T, err error) {
	run, err := post(ctx, c.socket, endpoint, pageTimeout, maxPage, request, &answer)
	switch {
	case ctx.Err() != nil:
		return answer, ctx.Err()
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET),
		errors.Is(err, syscall.EPIPE):
		err = fmt.Errorf("%w at %s", ErrNotRunning, c.socket)
	}
	switch {
	case c.run != "" && (errors.Is(err, ErrNotRunning) || err == nil && run != c.run):
		return answer, ErrStopped
	case err != nil:
		return answer, err
	}
	c.run = run
	return answer, nil
}
