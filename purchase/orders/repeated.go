package orders

import (
	"context"
	"sync"
	"time"

	"licensebot/purchase"
)

const (
	// repeatWindow is how long after an order was made Slack may deliver its command, click or form once more.
	repeatWindow = time.Hour
	// maxTrigger is the longest trigger that is kept, in bytes; Slack's have about fifty.
	maxTrigger = 200
	// maxRepeated is how many orders of the time before this run are read.
	maxRepeated = 5000
)

// earlierTriggers holds which triggers made an order before this run of the program. Package bot remembers those of
// this run.
type earlierTriggers struct {
	mu     sync.Mutex
	loaded bool
	orders map[string]purchase.OrderID
}

// order returns the order that a trigger has made before this run and within the hour; ok is false if there is none. It
// reads the ledger for the first trigger of a run only.
func (p *earlierTriggers) order(ctx context.Context, ledger purchase.Ledger, trigger string,
	began time.Time) (id purchase.OrderID, ok bool,
	err error,
) {
	if trigger == "" {
		return "", false, nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.loaded {
		orders := map[string]purchase.OrderID{}
		err := ledger.View(ctx, func(r purchase.Reader) error {
			clear(orders)
			before := purchase.OrderID("")
			for range maxRepeated / 100 {
				some, err := r.Orders(before, 100)
				if err != nil {
					return err
				}
				for _, o := range some {
					if began.Sub(o.Created) > repeatWindow {
						return nil
					}
					if before = o.ID; o.Trigger != "" && orders[o.Trigger] == "" {
						orders[o.Trigger] = o.ID
					}
				}
				if len(some) < 100 {
					return nil
				}
			}
			return nil
		})
		if err != nil {
			return "", false, err
		}
		p.orders, p.loaded = orders, true
	}
	id, ok = p.orders[trigger]
	return id, ok, nil
}

// proposedBefore returns the order that the same command, click or form has made before this run, as it is now.
func (svc *Service) proposedBefore(ctx context.Context, ask purchase.Request) (v View, ok bool, err error) {
	id, ok, err := svc.earlier.order(ctx, svc.ledger, ask.Trigger, svc.now())
	if err != nil || !ok {
		return View{}, false, err
	}
	if v, err = svc.View(ctx, id); err != nil || !v.Order.Requester.Is(ask.Requester) {
		return View{}, false, err
	}
	svc.log.Info().Str("order", string(id)).
		Msg("find a command, click or form that Slack delivered again after a restart; it makes one card")
	return v, true, nil
}
