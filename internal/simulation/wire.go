package simulation

import (
	"context"
	"fmt"
	"hash/fnv"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"time"

	"licensebot/cocalc/cocalctest"
)

// wire carries the program's requests to CoCalc, with everything that can go wrong on the way.
type wire struct{ life *life }

func (x *wire) RoundTrip(req *http.Request) (*http.Response, error) {
	w, l := x.life.w, x.life
	endpoint := strings.TrimPrefix(req.URL.Path, "/api/v2/")
	var body []byte
	if req.Body != nil {
		body, _ = io.ReadAll(req.Body) // from memory
		_ = req.Body.Close()
	}
	ctx, done := l.until(req.Context())
	defer done()
	n, luck := w.count(endpoint), w.luck(endpoint, body)
	if err := l.sleep(ctx, luck.latency(40)); err != nil {
		return nil, err
	}
	if err := l.meet("before " + endpoint); err != nil {
		return nil, err
	}
	ill, wait := w.ill(endpoint, luck)
	pays := endpoint == checkout || endpoint == olderCheckout
	if pays {
		w.checkoutSent(l)
	}
	w.spring(endpoint, n, false)
	if ill != "" {
		w.story.Tell("the request %s %s%s", endpoint, ill, after(wait))
		w.tally(func(s *Summary) { s.Faults++ })
	}
	resp, err := x.carry(ctx, req, body, endpoint, ill, wait)
	w.spring(endpoint, n, true)
	if err := l.sleep(ctx, luck.latency(20)); err != nil {
		return nil, err
	}
	if endpoint == cartAdd || endpoint == cartChecked || endpoint == cartRemove || pays {
		w.story.Tell("licensebot: %s → %s", asked(endpoint, string(body)), answered(resp, err))
	}
	if dead := l.meet("after " + endpoint); dead != nil {
		return nil, dead
	}
	return resp, err
}

// luck is what the seed has in store for one request, whatever else is asked in the same instant.
type luck struct{ *rand.Rand }

func (w *world) luck(endpoint string, body []byte) luck {
	h := fnv.New64a()
	_, _ = h.Write(body)
	thing := fmt.Sprintf("%s %x", endpoint, h.Sum64())
	return luck{dice(w.plan.Seed, thing, w.count(thing))}
}

// latency is a time from 1 to most milliseconds, to the nanosecond, so that hardly any two things happen at once.
func (l luck) latency(most int) time.Duration {
	return time.Millisecond + time.Duration(l.Int64N(int64(most)*int64(time.Millisecond)))
}

// carry brings one request to the server, or does not. Like behind a real connection, the server goes on with what it
// has received when the caller hangs up.
func (x *wire) carry(ctx context.Context, req *http.Request, body []byte, endpoint string, ill Ill,
	wait time.Duration,
) (*http.Response, error) {
	w := x.life.w
	shown := w.lastLook()
	forward := func(delay time.Duration) (*http.Response, error) {
		came := make(chan *http.Response, 1)
		w.behind(delay, func() {
			again := req.Clone(context.WithoutCancel(ctx))
			again.Body = io.NopCloser(strings.NewReader(string(body)))
			if endpoint == checkout || endpoint == params {
				w.atPrice(endpoint, shown, delay)
			}
			if resp, err := w.server.Transport().RoundTrip(again); err == nil {
				came <- resp
			}
			close(came)
		})
		select {
		case resp, ok := <-came:
			if !ok {
				return nil, io.ErrUnexpectedEOF
			}
			return resp, nil
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	switch ill {
	case LostBefore:
		return nil, io.ErrUnexpectedEOF
	case LostAfter, Late:
		if ill == Late || endpoint == checkout || endpoint == olderCheckout {
			// the connection drops at once, the server goes on
			hungUp, cancel := context.WithCancel(ctx)
			cancel()
			ctx = hungUp
		}
		_, _ = forward(wait)
		return nil, io.ErrUnexpectedEOF
	case Slow:
		return forward(wait)
	case Fails:
		return page(req, http.StatusBadGateway), nil
	case FailsAfter:
		_, _ = forward(0)
		return page(req, http.StatusInternalServerError), nil
	case Throttles:
		return says(req,
			fmt.Sprintf(`{"error":"too many requests to %s; try again in %d seconds (rule: at most 15 requests per minute)"}`,
				endpoint, int((wait+time.Second-1)/time.Second))), nil
	default:
		return forward(0)
	}
}

// lastLook is the price that CoCalc said last, in percent of the usual one.
func (w *world) lastLook() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.lookedPercent
}

// atPrice lets CoCalc's price move. Between the last look, which showed so many percent, and a checkout it rises only
// when CoCalc carries that out late: the few milliseconds between them otherwise can't be guarded.
func (w *world) atPrice(endpoint string, shown int, late time.Duration) {
	w.mu.Lock()
	percent := 100
	for _, each := range w.plan.Weather {
		if now := w.sinceBegun(); (each.Ill == Dearer || each.Ill == Cheaper) && each.From <= now && now < each.To &&
			now < w.plan.Latest {
			percent = map[Ill]int{Dearer: 110, Cheaper: 90}[each.Ill]
		}
	}
	if endpoint == params {
		w.looked, w.lookedPercent = time.Now(), percent
	} else if late == 0 {
		percent = min(percent, shown)
	} else if percent > shown {
		w.dearer[time.Now().UnixMilli()] = true
	}
	w.mu.Unlock()
	if percent != 100 {
		w.server.Inject(cocalctest.Fault{Endpoint: endpoint, Effect: cocalctest.PriceMoved, Percent: percent, Times: 1})
	}
}

func page(req *http.Request, status int) *http.Response {
	r := says(req, "<html><body><h1>"+http.StatusText(status)+"</h1></body></html>")
	r.StatusCode, r.Status = status, fmt.Sprintf("%d %s", status, http.StatusText(status))
	r.Header.Set("Content-Type", "text/html")
	return r
}

func says(req *http.Request, body string) *http.Response {
	return &http.Response{
		StatusCode: http.StatusOK, Status: "200 OK", Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(body)),
		ContentLength: int64(len(body)), Request: req,
	}
}

func after(d time.Duration) string {
	if d == 0 {
		return ""
	}
	return fmt.Sprintf(" (%s)", d)
}

// asked is a request in the words of the story.
func asked(endpoint, body string) string {
	if i := strings.Index(body, "order "); endpoint == cartAdd && i >= 0 && len(body) >= i+32 {
		return "adds the item of order …" + body[i+28:i+32]
	}
	if endpoint == checkout || endpoint == olderCheckout {
		return "checks out"
	}
	return strings.TrimPrefix(endpoint, "shopping/") + " " + body
}

// answered is what came of a request, in the words of the story.
func answered(resp *http.Response, err error) string {
	switch {
	case err != nil:
		return "no answer"
	case resp.StatusCode != http.StatusOK:
		return resp.Status
	}
	raw, _ := io.ReadAll(resp.Body)
	_ = resp.Body.Close()
	resp.Body = io.NopCloser(strings.NewReader(string(raw)))
	if len(raw) > 120 {
		raw = append(raw[:120:120], "…"...)
	}
	return string(raw)
}
