package simulation

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/slack-go/slack"
)

// slackWire carries the program's requests to Slack: the Web API and the response URLs, with everything that can go
// wrong.
type slackWire struct{ process *process }

const (
	slackAPI = "https://slack.test/api/"
	// respondMethod is how response URLs are called among the methods of the Web API.
	respondMethod = "response_url"
)

// actKey is the key under which a context has what is being answered.
type actKey struct{}

func (x *slackWire) RoundTrip(req *http.Request) (*http.Response, error) {
	w, l := x.process.w, x.process
	raw, _ := io.ReadAll(req.Body)
	_ = req.Body.Close()
	method, isAPI := strings.CutPrefix(req.URL.Path, "/api/")
	if !isAPI {
		method = respondMethod
	}
	rng := w.faultRNG("slack "+method+req.URL.Path, raw)
	if err := l.sleep(req.Context(), rng.latency(200)); err != nil {
		return nil, err
	}
	if err := l.meet("before slack " + method); err != nil {
		return nil, err
	}
	a := answering(req.Context()).act
	form, _ := url.ParseQuery(string(raw))
	about := whatOf(method, form)
	if strings.HasPrefix(method, "conversations.") || method == "auth.test" || about != "" {
		a = nil // these show nothing to people
	}
	if about != "" {
		w.slack.people.note(lookup{at: time.Now(), process: l.number, id: about, lost: true})
	}
	if a != nil {
		w.slack.note(func() { a.attempts++ })
	}
	fault, wait := w.fault("slack "+method, rng)
	if fault != "" {
		w.trace.Log("the request to Slack's %s %s", method, fault)
		w.tally(func(s *Summary) { s.Faults++ })
	}
	switch fault {
	case Slow:
		if err := l.sleep(req.Context(), wait); err != nil {
			return nil, err
		}
	case LostBefore:
		return nil, io.ErrUnexpectedEOF
	case Refused:
		return refusal(req, method, "not_in_channel"), nil
	case Limited:
		if about != "" {
			w.slack.people.note(lookup{
				at: time.Now(), process: l.number, id: about, lost: true, rests: wait.Truncate(time.Second),
			})
		}
		r := says(req, "")
		r.StatusCode, r.Status = http.StatusTooManyRequests, "429 Too Many Requests"
		r.Header.Set("Retry-After", fmt.Sprint(int(wait/time.Second)))
		return r, nil
	default: // it is carried out
	}
	var resp *http.Response
	if method == respondMethod {
		resp = w.respond(req, raw)
	} else {
		resp = w.act(req, method, form, raw, a)
	}
	if fault == LostAfter {
		return nil, io.ErrUnexpectedEOF
	}
	if dead := l.meet("after slack " + method); dead != nil {
		return nil, dead
	}
	if about != "" {
		_, says := w.slack.people.answer(about)
		w.slack.people.note(lookup{at: time.Now(), process: l.number, id: about, says: says})
	}
	return resp, nil
}

func (s *workspace) note(set func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	set()
}

// refusal is a definite answer of no.
func refusal(req *http.Request, method, why string) *http.Response {
	if method != respondMethod {
		return says(req, fmt.Sprintf(`{"ok":false,"error":%q}`, why))
	}
	r := says(req, why)
	r.StatusCode, r.Status = http.StatusNotFound, "404 Not Found"
	return r
}

// act does what a method of the Web API does.
func (w *world) act(req *http.Request, method string, form url.Values, raw []byte, a *act) *http.Response {
	reads, blocks, text := "", []byte(form.Get("blocks")), form.Get("text")
	to := form.Get("channel")
	ok := map[string]any{"ok": true, "channel": to}
	if to == approvals && w.shutOut(time.Now()) {
		w.trace.Log("the approvers' channel does not let licensebot in")
		return refusal(req, method, "not_in_channel")
	}
	switch method {
	case "auth.test":
		ok["team_id"], ok["user_id"] = team, "UBOT"
	case "users.info", "usergroups.users.list":
		answer, _ := w.slack.people.answer(whatOf(method, form))
		maps.Copy(ok, answer)
	case "conversations.info":
		ok["channel"] = map[string]any{"id": to, "is_channel": true, "is_member": true}
	case "conversations.members":
		ok["members"] = []string{}
	case "conversations.open":
		ok["channel"] = map[string]string{"id": "D" + strings.TrimPrefix(form.Get("users"), "U")}
	case "chat.postMessage":
		reads = reader(to)
		ok["ts"] = w.slack.post(to, reads, blocks, text).ts
	case "chat.postEphemeral":
		reads = name(form.Get("user"))
		ok["message_ts"] = w.slack.post(to, reads, blocks, text).ts
	case "chat.update":
		m := w.slack.find(to, form.Get("ts"))
		if m == nil {
			return refusal(req, method, "message_not_found")
		}
		reads = m.reader
		w.slack.replace(m, blocks, text)
		ok["ts"] = m.ts
	case "views.open":
		var body struct {
			Trigger string                 `json:"trigger_id"`
			View    slack.ModalViewRequest `json:"view"`
		}
		if err := json.Unmarshal(raw, &body); err != nil || !w.slack.open(body.Trigger, body.View) {
			return refusal(req, method, "expired_trigger_id")
		}
	default:
		return refusal(req, method, "unknown_method")
	}
	if strings.HasPrefix(method, "chat.") {
		if reads == "" {
			reads = "everyone in " + to
		}
		w.trace.Log("%s reads: %s", reads, headline(text))
	}
	if a != nil {
		w.slack.note(func() { a.hears(text) })
	}
	body, _ := json.Marshal(ok)
	return says(req, string(body))
}

// reader returns who alone sees a channel: the person of a direct message; empty for everyone.
func reader(channel string) string {
	if who, ok := strings.CutPrefix(channel, "D"); ok {
		return name("U" + who)
	}
	return ""
}

// respond takes a post to a response URL: five in thirty minutes.
func (w *world) respond(req *http.Request, raw []byte) *http.Response {
	var msg struct {
		Text    string          `json:"text"`
		Blocks  json.RawMessage `json:"blocks"`
		Replace bool            `json:"replace_original"`
	}
	u := w.slack.use(req.URL.String())
	if u == nil || json.Unmarshal(raw, &msg) != nil {
		return refusal(req, respondMethod, "used_url")
	}
	w.slack.note(func() { u.act.hears(msg.Text) })
	if msg.Replace && u.message != nil {
		w.slack.replace(u.message, msg.Blocks, msg.Text)
		w.trace.Log("%s's card now says: %s", u.act.who, headline(msg.Text))
	} else {
		w.slack.post(channel, u.act.who, msg.Blocks, msg.Text)
		w.trace.Log("%s reads: %s", u.act.who, headline(msg.Text))
	}
	return says(req, "ok")
}

// use takes one of a response URL's posts; nil if none is left.
func (s *workspace) use(address string) *answerURL {
	s.mu.Lock()
	defer s.mu.Unlock()
	u := s.urls[address]
	if u == nil || u.uses == 5 || time.Now().After(u.expires) {
		return nil
	}
	u.uses++
	return u
}

func (s *workspace) find(channel, ts string) *message {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, m := range s.messages {
		if m.ts == ts && m.channel == channel {
			return m
		}
	}
	return nil
}

// open shows a form, within three seconds of the click.
func (s *workspace) open(trigger string, view slack.ModalViewRequest) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, a := range s.acts {
		if a.trigger == trigger && time.Since(a.at) <= 3*time.Second {
			s.forms[a.who] = view
			s.trace.Log("%s sees the form", a.who)
			return true
		}
	}
	return false
}

// answer is an act that is being answered, and the number of the delivery in the run, from 1.
type answer struct {
	act      *act
	delivery int
}

// acting returns a context that says what is being answered.
func acting(ctx context.Context, a answer) context.Context {
	return context.WithValue(ctx, actKey{}, a)
}

// answering returns what is being answered, if anything.
func answering(ctx context.Context) answer {
	a, _ := ctx.Value(actKey{}).(answer)
	return a
}
