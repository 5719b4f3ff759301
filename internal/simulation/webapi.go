package simulation

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/slack-go/slack"
)

// webAPI is Slack's Web API as a program with a life meets it.
type webAPI struct{ life *life }

type actKey struct{}

// meet lets a call to Slack take its time and its chances. apply is what it does in the workspace, if it does.
func (x *webAPI) meet(ctx context.Context, method string, apply func() error) error {
	w, l := x.life.w, x.life
	method = "slack " + method
	if err := l.meet("before " + method); err != nil {
		return err
	}
	a, _ := ctx.Value(actKey{}).(*act)
	if a != nil && method != "slack conversations.open" {
		w.slack.mu.Lock()
		a.attempts++
		w.slack.mu.Unlock()
	}
	n := w.count(method)
	ill, wait := w.ill(method, n)
	delay := time.Duration(5+dice(w.plan.Seed, "latency "+method, n).IntN(200)) * time.Millisecond
	if ill == Slow {
		delay = wait
	}
	if ill != "" {
		w.story.Tell("the request %s %s", method, ill)
		w.tally(func(s *Summary) { s.Faults++ })
	}
	if err := l.sleep(ctx, delay); err != nil {
		return err
	}
	switch ill {
	case LostBefore, Fails, FailsAfter, Late, Throttles:
		return io.ErrUnexpectedEOF
	case Refused:
		return slack.SlackErrorResponse{Err: "not_in_channel"}
	case Limited:
		return &slack.RateLimitedError{RetryAfter: wait}
	}
	if err := apply(); err != nil {
		return err
	}
	if a != nil && method != "slack conversations.open" {
		w.slack.answered(a)
	}
	if ill == LostAfter {
		return io.ErrUnexpectedEOF
	}
	return l.meet("after " + method)
}

func (s *workspace) answered(a *act) {
	s.mu.Lock()
	defer s.mu.Unlock()
	a.answers++
}

// decode reads the blocks and the text of a message.
func decode(channel string, options []slack.MsgOption) ([]byte, string) {
	_, values, err := slack.UnsafeApplyMsgOptions("token", channel, "https://slack.test/", options...)
	if err != nil {
		return nil, ""
	}
	return []byte(values.Get("blocks")), values.Get("text")
}

// reader is who sees what is posted to a channel: everybody, or the one whose conversation it is.
func reader(channel string) string {
	if who, ok := strings.CutPrefix(channel, "D"); ok {
		return name("U" + who)
	}
	return ""
}

func (x *webAPI) PostMessageContext(ctx context.Context, channel string, options ...slack.MsgOption) (string, string, error) {
	ts := ""
	err := x.meet(ctx, "chat.postMessage", func() error {
		blocks, text := decode(channel, options)
		ts = x.life.w.slack.post(channel, reader(channel), blocks, text).ts
		x.life.w.story.Tell("%s reads: %s", whoReads(channel), headline(text))
		return nil
	})
	return channel, ts, err
}

func whoReads(channel string) string {
	if who := reader(channel); who != "" {
		return who
	}
	return "everybody"
}

func (x *webAPI) PostEphemeralContext(ctx context.Context, channel, user string, options ...slack.MsgOption) (string, error) {
	ts := ""
	err := x.meet(ctx, "chat.postEphemeral", func() error {
		blocks, text := decode(channel, options)
		ts = x.life.w.slack.post(channel, name(user), blocks, text).ts
		x.life.w.story.Tell("%s reads: %s", name(user), headline(text))
		return nil
	})
	return ts, err
}

func (x *webAPI) UpdateMessageContext(ctx context.Context, channel, ts string, options ...slack.MsgOption) (string, string, string, error) {
	err := x.meet(ctx, "chat.update", func() error {
		s := x.life.w.slack
		for _, m := range s.all() {
			if m.ts == ts && m.channel == channel {
				blocks, text := decode(channel, options)
				s.replace(m, blocks, text)
				x.life.w.story.Tell("%s reads, in place of an earlier message: %s", whoReads(channel), headline(text))
				return nil
			}
		}
		return slack.SlackErrorResponse{Err: "message_not_found"}
	})
	return channel, ts, "", err
}

func (s *workspace) all() []*message {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]*message(nil), s.messages...)
}

func (x *webAPI) OpenConversationContext(ctx context.Context, params *slack.OpenConversationParameters) (*slack.Channel, bool, bool, error) {
	if err := x.meet(ctx, "conversations.open", func() error { return nil }); err != nil {
		return nil, false, false, err
	}
	c := &slack.Channel{}
	c.ID = "D" + strings.TrimPrefix(params.Users[0], "U")
	return c, false, true, nil
}

func (x *webAPI) OpenViewContext(ctx context.Context, trigger string, view slack.ModalViewRequest) (*slack.ViewResponse, error) {
	err := x.meet(ctx, "views.open", func() error {
		s := x.life.w.slack
		s.mu.Lock()
		defer s.mu.Unlock()
		for _, a := range s.acts {
			if a.trigger == trigger && time.Since(a.at) <= 3*time.Second {
				s.forms[a.who] = view
				x.life.w.story.Tell("%s sees the form", a.who)
				return nil
			}
		}
		return slack.SlackErrorResponse{Err: "expired_trigger_id"}
	})
	return &slack.ViewResponse{}, err
}

func (x *webAPI) UpdateViewContext(context.Context, slack.ModalViewRequest, string, string, string) (*slack.ViewResponse, error) {
	return nil, errors.New("nobody types in the forms of the simulation")
}

func (x *webAPI) PublishViewContext(context.Context, slack.PublishViewContextRequest) (*slack.ViewResponse, error) {
	return nil, errors.New("nobody looks at the Home tab in the simulation")
}

// responseURLs carries posts to response URLs, of which Slack takes five in thirty minutes.
type responseURLs struct{ life *life }

func (x *responseURLs) RoundTrip(req *http.Request) (*http.Response, error) {
	raw, _ := io.ReadAll(req.Body)
	_ = req.Body.Close()
	var msg struct {
		Text    string          `json:"text"`
		Blocks  json.RawMessage `json:"blocks"`
		Replace bool            `json:"replace_original"`
	}
	if err := json.Unmarshal(raw, &msg); err != nil {
		return nil, err
	}
	w, s := x.life.w, x.life.w.slack
	ctx, done := x.life.until(req.Context())
	defer done()
	var gone error
	err := (&webAPI{x.life}).meet(ctx, "response_url", func() error {
		s.mu.Lock()
		u := s.urls[(&url.URL{Scheme: req.URL.Scheme, Host: req.URL.Host, Path: req.URL.Path}).String()]
		if u == nil || u.uses == 5 || time.Now().After(u.expires) {
			s.mu.Unlock()
			gone = errors.New("used_url")
			return gone
		}
		u.uses++
		a := u.act
		a.answers++
		s.mu.Unlock()
		if msg.Replace && u.message != nil {
			s.replace(u.message, msg.Blocks, msg.Text)
			w.story.Tell("%s's card now says: %s", a.who, headline(msg.Text))
		} else {
			s.post("CMATH", a.who, msg.Blocks, msg.Text)
			w.story.Tell("%s reads: %s", a.who, headline(msg.Text))
		}
		return nil
	})
	var limited *slack.RateLimitedError
	var refused slack.SlackErrorResponse
	switch {
	case gone != nil, errors.As(err, &refused):
		r := says(req, "used_url")
		r.StatusCode, r.Status = http.StatusNotFound, "404 Not Found"
		return r, nil
	case errors.As(err, &limited):
		r := says(req, "")
		r.StatusCode, r.Status = http.StatusTooManyRequests, "429 Too Many Requests"
		r.Header.Set("Retry-After", "30")
		return r, nil
	case err != nil:
		return nil, err
	}
	return says(req, "ok"), nil
}
