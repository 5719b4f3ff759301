package slacksim

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// A response URL works five times, and for 30 minutes: see
// https://docs.slack.dev/interactivity/handling-user-interaction.
const (
	maxResponseURLUses = 5
	responseURLLife    = 30 * time.Minute
)

// responseURL is the right to answer one command or click.
type responseURL struct {
	kind    string // one of responseURLKinds
	channel string
	person  string
	message string // ts of the message that holds the button; empty for commands

	expires time.Time
	uses    int
}

// responseURLKinds are the first parts of the paths of response URLs. They depend on the origin: a slash command, a
// click, or the conversation menu of a modal.
var responseURLKinds = []string{"commands", "actions", "app"}

// newResponseURL stores h and returns its URL. ws.mu is held.
func (ws *Workspace) newResponseURL(h responseURL) string {
	now := ws.opts.Now()
	ws.sweep(now)
	h.expires = now.Add(responseURLLife)
	path := fmt.Sprintf("/%s/%s/%d/%s", h.kind, ws.opts.Team.ID, ws.ids.Add(1), secret())
	ws.responseURLs[path] = &h
	ws.hidden++
	return ws.baseURL + path
}

func (ws *Workspace) serveResponseURL(w http.ResponseWriter, r *http.Request) {
	fault, hit := ws.fault("response_url")
	if hit {
		ws.pause(r.Context(), fault.Delay)
	}
	q := &request{args: map[string]json.RawMessage{}}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	status, code := http.StatusBadRequest, "invalid_payload"
	if err == nil {
		_ = json.Unmarshal(body, &q.args) // for Calls; a body that is not JSON is refused below
		status, code = ws.useResponseURL(r, body, fault)
	}
	ws.KeepNow()
	ws.logCall(Call{Method: "response_url", At: ws.Now(), Error: strings.TrimPrefix(code, "ok"), Args: q.strings()})
	if hit && fault.LoseAnswer {
		panic(http.ErrAbortHandler)
	}
	if status == http.StatusTooManyRequests {
		w.Header().Set("Retry-After", fmt.Sprint(retryAfter(fault.RetryAfter)))
	}
	if status == http.StatusOK {
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		fmt.Fprint(w, `{"ok":true}`)
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	fmt.Fprint(w, code)
}

func (ws *Workspace) useResponseURL(
	r *http.Request, body json.RawMessage, fault MethodFault,
) (status int, code string) {
	switch {
	case fault.Status != 0:
		return fault.Status, http.StatusText(fault.Status)
	case fault.RetryAfter > 0:
		return http.StatusTooManyRequests, "ratelimited"
	case fault.Error != "":
		return http.StatusNotFound, fault.Error
	}
	ws.mu.Lock()
	h := ws.responseURLs[r.URL.Path]
	switch {
	case h == nil:
		status, code = http.StatusNotFound, "invalid_url"
	case ws.opts.Now().After(h.expires):
		status, code = http.StatusNotFound, "expired_url"
	case h.uses >= maxResponseURLUses:
		status, code = http.StatusNotFound, "used_url"
	}
	var used responseURL
	if code == "" {
		h.uses++
		ws.hidden++
		used = *h
	}
	ws.mu.Unlock()
	if code != "" {
		return status, code
	}
	if err := ws.respond(used, body); err != nil {
		return http.StatusBadRequest, err.code
	}
	return http.StatusOK, "ok"
}

// respond shows an answer to a command or a click: a new message, which is ephemeral unless its response_type is
// in_channel, or a change of the message with the button. As in Slack, the app need not be a member of the channel.
func (ws *Workspace) respond(h responseURL, body json.RawMessage) *apiError {
	given, err := ws.readAnswer(body)
	if err != nil {
		return err
	}
	if given.empty() && !given.deletes {
		return failed("no_text")
	}
	ws.mu.Lock()
	defer ws.mu.Unlock()
	if c := ws.channel(h.channel); c == nil {
		return failed("channel_not_found")
	} else if c.Archived {
		return failed("channel_is_archived")
	}
	// The URL of a command has no message that could be replaced.
	if h.message != "" && (given.deletes || given.replaces) {
		m := ws.message(h.channel, h.message)
		switch {
		case m == nil:
			return failed("message_not_found")
		case given.deletes:
			ws.removeMessage(m)
		default:
			ws.changeMessage(m, given.text, given.storedBlocks())
		}
		return nil
	}
	if given.empty() {
		return nil
	}
	m := ws.botMessage(h.channel, given.content, given.thread)
	if !given.inChannel {
		m.OnlyFor = h.person
	}
	ws.addMessage(m)
	return nil
}
