package slacksim

import (
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"licensebot/slacksim/blockkit"
)

// Call is one request of the app to the Web API or to a response URL.
type Call struct {
	Method string            // such as chat.postMessage; response_url for all response URLs
	At     time.Time         // when it was answered
	Error  string            // the error of the answer; empty for ok
	Args   map[string]string // the arguments without the token; JSON as text
}

// Calls returns the newest 5,000 requests of the app, oldest first.
func (ws *Workspace) Calls() []Call {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	return slices.Clone(ws.calls)
}

func (ws *Workspace) logCall(c Call) {
	ws.mu.Lock()
	ws.calls = append(ws.calls, c)
	if n := len(ws.calls); n > maxEnvelopes {
		ws.calls = slices.Clone(ws.calls[n-maxEnvelopes:])
	}
	ws.mu.Unlock()
	ws.log.Debug("answer a request", "method", c.Method, "error", c.Error)
}

// apiError is an {"ok":false} answer.
type apiError struct {
	code     string
	problems []blockkit.Problem // as "errors" and response_metadata.messages
	messages []string           // response_metadata.messages alone
	extra    obj
	wait     time.Duration // of a 429
}

func (e *apiError) Error() string { return e.code }

func failed(code string) *apiError { return &apiError{code: code} }

func (e *apiError) withMessages(messages ...string) *apiError {
	e.messages = append(e.messages, messages...)
	return e
}

// The kinds of token that methods need.
const (
	anyToken = "" // none
	botToken = "bot"
	appToken = "app"
)

// method is one method of the Web API.
type method struct {
	token     string
	scopes    []string // one of them is enough; none: no scope is needed
	perMinute float64  // calls per minute, by the tier of the method; 0: no limit
	run       func(*Workspace, *request) (obj, *apiError)
}

// Slack's rate limit tiers, in calls per minute.
const (
	tier2 = 20
	tier3 = 50
	tier4 = 100
)

// methods are the methods of the Web API that the workspace has. All others answer unknown_method, as Slack does for
// names that it doesn't know.
var methods = map[string]method{
	"api.test":              {anyToken, nil, 0, apiTest},
	"auth.test":             {botToken, nil, 0, authTest},
	"apps.connections.open": {appToken, []string{"connections:write"}, 0, connectionsOpen},

	"chat.postMessage":   {botToken, []string{"chat:write"}, 0, chatPostMessage}, // limited per channel
	"chat.postEphemeral": {botToken, []string{"chat:write"}, tier4, chatPostEphemeral},
	"chat.update":        {botToken, []string{"chat:write"}, tier3, chatUpdate},
	"chat.delete":        {botToken, []string{"chat:write"}, tier3, chatDelete},

	"views.open":    {botToken, nil, tier4, viewsOpen},
	"views.push":    {botToken, nil, tier4, viewsPush},
	"views.update":  {botToken, nil, tier4, viewsUpdate},
	"views.publish": {botToken, nil, tier4, viewsPublish},

	"users.info":            {botToken, []string{"users:read"}, tier4, usersInfo},
	"users.list":            {botToken, []string{"users:read"}, tier2, usersList},
	"bots.info":             {botToken, []string{"users:read"}, tier3, botsInfo},
	"usergroups.users.list": {botToken, []string{"usergroups:read"}, tier2, usergroupsUsersList},
	"conversations.open":    {botToken, []string{"im:write", "mpim:write"}, tier3, conversationsOpen},
	"conversations.info": {
		botToken, []string{"channels:read", "groups:read", "im:read", "mpim:read"}, tier3, conversationsInfo,
	},
	"conversations.members": {
		botToken, []string{"channels:read", "groups:read", "im:read", "mpim:read"}, tier4, conversationsMembers,
	},

	"files.getUploadURLExternal":   {botToken, []string{"files:write"}, tier4, filesGetUploadURL},
	"files.completeUploadExternal": {botToken, []string{"files:write"}, tier4, filesComplete},
}

// request is a call of a method with its arguments, in whatever encoding they came.
type request struct {
	http *http.Request
	args map[string]json.RawMessage
}

// maxBody is the largest body of a request, in bytes.
const maxBody = 4 << 20

func (ws *Workspace) serveAPI(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("method")
	fault, hit := ws.fault(name)
	if hit {
		ws.pause(r.Context(), fault.Delay)
	}
	req, err := readRequest(w, r)
	var answer obj
	switch {
	case hit && fault.Status != 0:
		ws.logCall(Call{Method: name, At: ws.Now(), Error: "HTTP " + strconv.Itoa(fault.Status)})
		w.Header().Set("Content-Type", "text/html")
		w.WriteHeader(fault.Status)
		fmt.Fprintf(w, "<html><body>%s</body></html>", http.StatusText(fault.Status))
		return
	case hit && fault.RetryAfter > 0:
		err = &apiError{code: "ratelimited", wait: fault.RetryAfter}
	case hit && fault.Error != "":
		err = failed(fault.Error)
	case err == nil:
		answer, err = ws.call(name, req)
	}
	ws.KeepNow()
	call := Call{Method: name, At: ws.Now(), Args: req.strings()}
	if err != nil {
		call.Error = err.code
	}
	ws.logCall(call)
	if hit && fault.LoseAnswer {
		panic(http.ErrAbortHandler) // net/http cuts the connection without an answer
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("X-OAuth-Scopes", strings.Join(ws.opts.App.BotScopes, ","))
	if err != nil {
		answer = err.body()
		if err.wait > 0 {
			w.Header().Set("Retry-After", strconv.Itoa(retryAfter(err.wait)))
			w.WriteHeader(http.StatusTooManyRequests)
		}
	} else {
		answer["ok"] = true
	}
	_ = json.NewEncoder(w).Encode(answer) // fails only if the client has gone
}

func (e *apiError) body() obj {
	out := obj{"ok": false, "error": e.code}
	for k, v := range e.extra {
		out[k] = v
	}
	messages := make([]string, 0, len(e.messages)+len(e.problems))
	for _, m := range e.messages {
		messages = append(messages, "[ERROR] "+m)
	}
	if len(e.problems) > 0 {
		errs := make([]string, 0, len(e.problems))
		for _, p := range e.problems {
			errs = append(errs, p.String())
			messages = append(messages, "[ERROR] "+p.String())
		}
		if e.code == "invalid_blocks" { // views.* have the errors in response_metadata only
			out["errors"] = errs
		}
	}
	if len(messages) > 0 {
		out["response_metadata"] = obj{"messages": messages}
	}
	return out
}

// call checks the method, token, scopes and rate limit, and runs the method.
func (ws *Workspace) call(name string, req *request) (obj, *apiError) {
	m, ok := methods[name]
	if !ok {
		return nil, failed("unknown_method").withMessages("unknown method " + name)
	}
	if err := ws.authorize(m, req.token()); err != nil {
		return nil, err
	}
	if wait := ws.limiter.call(name, m.perMinute); wait > 0 {
		return nil, &apiError{code: "ratelimited", wait: wait}
	}
	return m.run(ws, req)
}

func (ws *Workspace) authorize(m method, token string) *apiError {
	if m.token == anyToken {
		return nil
	}
	app := ws.opts.App
	var granted []string
	switch token {
	case "":
		return failed("not_authed")
	case app.BotToken:
		granted = app.BotScopes
		if m.token != botToken {
			return failed("not_allowed_token_type")
		}
	case app.AppToken:
		granted = app.AppScopes
		if m.token != appToken {
			return failed("not_allowed_token_type")
		}
	default:
		return failed("invalid_auth")
	}
	if len(m.scopes) == 0 || slices.ContainsFunc(m.scopes, func(s string) bool { return slices.Contains(granted, s) }) {
		return nil
	}
	err := failed("missing_scope")
	err.extra = obj{"needed": strings.Join(m.scopes, ","), "provided": strings.Join(granted, ",")}
	return err
}

// readRequest reads arguments from the query, from a form (also multipart), or from a JSON body. It never returns a nil
// request.
func readRequest(w http.ResponseWriter, r *http.Request) (*request, *apiError) {
	req := &request{http: r, args: map[string]json.RawMessage{}}
	r.Body = http.MaxBytesReader(w, r.Body, maxBody)
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil && r.Header.Get("Content-Type") != "" {
		return req, failed("invalid_post_type")
	}
	if kind == "application/json" {
		raw, err := io.ReadAll(r.Body)
		if err != nil {
			return req, failed("invalid_json")
		}
		if strings.TrimSpace(string(raw)) != "" && json.Unmarshal(raw, &req.args) != nil {
			return req, failed("invalid_json")
		}
		for k, v := range r.URL.Query() {
			if _, there := req.args[k]; !there {
				req.set(k, v[0])
			}
		}
		return req, nil
	}
	if kind == "multipart/form-data" {
		err = r.ParseMultipartForm(maxBody)
	} else {
		err = r.ParseForm()
	}
	if err != nil {
		return req, failed("invalid_form_data")
	}
	for k, v := range r.Form {
		req.set(k, v[0])
	}
	return req, nil
}

func (q *request) set(key, value string) {
	raw, err := json.Marshal(value)
	if err == nil {
		q.args[key] = raw
	}
}

func (q *request) token() string {
	if bearer, ok := strings.CutPrefix(q.http.Header.Get("Authorization"), "Bearer "); ok {
		return bearer
	}
	return q.str("token")
}

// str returns an argument as text: a number or boolean in its JSON form, "" if the argument is missing or null.
func (q *request) str(key string) string {
	raw := q.args[key]
	var s string
	if len(raw) == 0 || string(raw) == "null" {
		return ""
	}
	if raw[0] == '"' && json.Unmarshal(raw, &s) == nil { // blocks are read often, and are no string
		return s
	}
	return string(raw)
}

// has reports whether the request has the argument, other than null.
func (q *request) has(key string) bool {
	raw, ok := q.args[key]
	return ok && string(raw) != "null"
}

func (q *request) bool(key string) bool {
	switch q.str(key) {
	case "true", "1":
		return true
	}
	return false
}

// json returns an argument that is JSON: a value in a JSON body, or a string with JSON in it, as in forms.
func (q *request) json(key string) json.RawMessage {
	s := q.str(key)
	if s == "" {
		return nil
	}
	return json.RawMessage(s)
}

// strings returns all arguments but the token, for Call.
func (q *request) strings() map[string]string {
	out := make(map[string]string, len(q.args))
	for k := range q.args {
		if k != "token" {
			out[k] = q.str(k)
		}
	}
	return out
}
