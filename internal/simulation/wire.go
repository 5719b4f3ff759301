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
type wire struct{ process *process }

func (x *wire) RoundTrip(req *http.Request) (*http.Response, error) {
	w, l := x.process.w, x.process
	endpoint := strings.TrimPrefix(req.URL.Path, "/api/v2/")
	var body []byte
	if req.Body != nil {
		body, _ = io.ReadAll(req.Body) // from memory
		_ = req.Body.Close()
	}
	ctx, done := l.until(req.Context())
	defer done()
	n, rng := w.count(endpoint), w.faultRNG(endpoint, body)
	if err := l.sleep(ctx, rng.latency(40)); err != nil {
		return nil, err
	}
	if err := l.meet("before " + endpoint); err != nil {
		return nil, err
	}
	fault, wait := w.fault(endpoint, rng)
	pays := endpoint == checkout || endpoint == olderCheckout
	if pays {
		w.checkoutSent(l)
	}
	w.trigger(endpoint, n, false)
	if fault != "" {
		w.trace.Log("the request %s %s%s", endpoint, fault, after(wait))
		w.tally(func(s *Summary) { s.Faults++ })
	}
	resp, err := x.carry(ctx, req, body, endpoint, fault, wait)
	w.trigger(endpoint, n, true)
	if err := l.sleep(ctx, rng.latency(20)); err != nil {
		return nil, err
	}
	if endpoint == cartAdd || endpoint == cartChecked || endpoint == cartRemove || pays {
		w.trace.Log("licensebot: %s → %s", asked(endpoint, string(body)), answered(resp, err))
	}
	if dead := l.meet("after " + endpoint); dead != nil {
		return nil, dead
	}
	return resp, err
}

// faultRNG decides about one request. It follows from the seed, the endpoint and the body, whatever else is sent in the
// same instant.
type faultRNG struct{ *rand.Rand }

func (w *world) faultRNG(endpoint string, body []byte) faultRNG {
	h := fnv.New64a()
	_, _ = h.Write(body)
	thing := fmt.Sprintf("%s %x", endpoint, h.Sum64())
	return faultRNG{dice(w.plan.Seed, thing, w.count(thing))}
}

// latency is a time from 1 to most milliseconds, to the nanosecond, so that hardly any two things happen at once.
func (r faultRNG) latency(most int) time.Duration {
	return time.Millisecond + time.Duration(r.Int64N(int64(most)*int64(time.Millisecond)))
}

// carry sends one request to the server, unless its fault prevents that. As behind a real connection, the server goes
// on with a request when the caller hangs up.
func (x *wire) carry(ctx context.Context, req *http.Request, body []byte, endpoint string, fault Fault,
	wait time.Duration,
) (*http.Response, error) {
	w := x.process.w
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
	switch fault {
	case LostBefore:
		return nil, io.ErrUnexpectedEOF
	case LostAfter, Late:
		if fault == Late || endpoint == checkout || endpoint == olderCheckout {
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

// lastLook returns the price that CoCalc said last, in percent of the usual one.
func (w *world) lastLook() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.lookedPercent
}

// atPrice lets CoCalc's price move. Between the last look, which showed so many percent, and a checkout it rises only
// when CoCalc carries that out late: the few milliseconds between them otherwise can't be guarded.
func (w *world) atPrice(endpoint string, shown int, late time.Duration) {
	now := w.sinceBegun()
	w.mu.Lock()
	percent := 100
	for _, each := range w.plan.FaultWindows {
		if (each.Fault == Dearer || each.Fault == Cheaper) && each.From <= now && now < each.To &&
			now < w.plan.Latest {
			percent = map[Fault]int{Dearer: 110, Cheaper: 90}[each.Fault]
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

// asked describes a request for the trace.
func asked(endpoint, body string) string {
	if i := strings.Index(body, "order "); endpoint == cartAdd && i >= 0 && len(body) >= i+32 {
		return "adds the item of order …" + body[i+28:i+32]
	}
	if endpoint == checkout || endpoint == olderCheckout {
		return "checks out"
	}
	return strings.TrimPrefix(endpoint, "shopping/") + " " + body
}

// answered describes a response for the trace.
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
