package slacksim

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"
)

// Options describes a workspace. The zero value is a team of three people with two channels, to one of which the app
// was invited, and Slack's own limits.
type Options struct {
	// Now is the clock for everything that Slack decides by time. Default: time.Now.
	Now func() time.Time
	// Log gets each request and each envelope at debug level. Nil: nothing is logged.
	Log *slog.Logger

	// Keep is called with a new Snapshot after every change. The app gets its answer, and the page shows the change,
	// after Keep has returned. Calls don't overlap. Nil: snapshots are not taken.
	Keep func(snapshot []byte)

	// Team and App have defaults for each field that is empty: see their fields.
	Team Team
	App  App
	// Users and Channels exist from the start. Nil: DefaultUsers and DefaultChannels.
	Users    []User
	Channels []Channel
	// UserGroups exist from the start. Nil: there are none.
	UserGroups []UserGroup

	// Rates are the rate limits. The zero value has those that Slack documents.
	Rates Rates

	// AckTimeout is how long an app may take to acknowledge an envelope. Default: 3 s, as Slack.
	AckTimeout time.Duration
	// Meter returns a value that grows, such as the processor time of the program. Envelope.Cost is measured with it.
	// Nil: Cost is 0.
	Meter func() time.Duration
	// TriggerLife is how long a trigger id can be used. Default: 3 s, as Slack.
	TriggerLife time.Duration
	// PingEvery is the time between WebSocket pings. The first is sent at once. Default: 10 s.
	PingEvery time.Duration
	// WarnAhead is the time between the Warning of Disconnect and the end of the socket. Default: 10 s, as Slack.
	WarnAhead time.Duration
	// EventRetries are the waits before an event that was not acknowledged is sent again. Nil: at once, 1 minute and
	// 5 minutes, as Slack.
	EventRetries []time.Duration
}

// Team is the workspace as Slack names it in payloads.
type Team struct {
	ID     string // starts with T; default T0ACME
	Domain string // "acme" in acme.slack.com, which is the default
	Name   string // default Acme
}

// App is the one app that is installed in the workspace.
type App struct {
	ID        string // starts with A; default A0APP
	Name      string // default App
	BotUserID string // starts with U; default U0BOT
	BotID     string // starts with B; default B0BOT
	BotToken  string // default xoxb-simulated-bot
	AppToken  string // default xapp-simulated-app
	// Commands are the slash commands of the app's manifest. Nil: the app gets every command.
	Commands []SlashCommand
	// BotScopes are the scopes of the bot token. Nil: DefaultBotScopes.
	BotScopes []string
	// AppScopes are the scopes of the app-level token. Nil: connections:write.
	AppScopes []string
}

// SlashCommand is a command as the app's manifest declares it.
type SlashCommand struct {
	Name         string // with its slash
	Description  string
	UsageHint    string
	ShouldEscape bool // @people and #channels arrive as <@U1|name> and <#C1|name>
}

// DefaultBotScopes returns all scopes that the simulated Web API can require of a bot token.
func DefaultBotScopes() []string {
	return []string{
		"chat:write", "commands", "users:read", "usergroups:read", "channels:read", "groups:read",
		"im:read", "im:write", "mpim:read", "files:write",
	}
}

// Workspace is a simulated Slack workspace with one app. Make it with New and close it with Close. All methods may be
// called concurrently.
type Workspace struct {
	opts    Options
	log     *slog.Logger
	limiter *limiter

	// ctx ends when the workspace closes. Everything that waits in the background ends with it, and background counts it.
	ctx        context.Context
	cancel     context.CancelFunc
	background sync.WaitGroup

	ids atomic.Int64

	saveMu sync.Mutex // held while a snapshot is stored, so that they are stored in order
	saved  [2]uint64  // version and hidden of the newest stored snapshot

	mu           sync.Mutex // guards everything below
	version      uint64
	hidden       uint64        // counts changes that are not shown: uses of response URLs
	changed      chan struct{} // closed and replaced at every change
	closed       bool
	baseURL      string // http://127.0.0.1:port
	faults       Faults
	users        []*User
	channels     []*Channel
	groups       []UserGroup
	messages     map[string][]*Message // by channel, in order of ts
	lastTS       int64                 // in microseconds; timestamps never repeat
	people       map[string]*personState
	triggers     map[string]*trigger
	responseURLs map[string]*responseURL
	swept        time.Time // when expired triggers and response URLs were last removed
	uploads      map[string]*upload
	tickets      map[string]bool
	conns        []*conn
	nextConn     int // counts connections
	turn         int // position of the round robin
	envelopes    []*envelope
	byID         map[string]*envelope // the newest envelope with an id
	calls        []Call
	answers      map[checkedAnswer]answer
}

// personState is what one person sees besides the channels.
type personState struct {
	modals  []*View // a stack, bottom first
	home    *View
	notices []Notice
	// inputs are the values that the person chose in messages, by "channel/ts", block_id and action_id.
	inputs map[string]map[string]map[string][]string
}

// New makes a workspace. Listen makes it available to an app.
func New(opts Options) *Workspace {
	fill := func(s *string, v string) {
		if *s == "" {
			*s = v
		}
	}
	wait := func(d *time.Duration, v time.Duration) {
		if *d == 0 {
			*d = v
		}
	}
	if opts.Now == nil {
		opts.Now = time.Now
	}
	fill(&opts.Team.ID, "T0ACME")
	fill(&opts.Team.Domain, "acme")
	fill(&opts.Team.Name, "Acme")
	fill(&opts.App.ID, "A0APP")
	fill(&opts.App.Name, "App")
	fill(&opts.App.BotUserID, "U0BOT")
	fill(&opts.App.BotID, "B0BOT")
	fill(&opts.App.BotToken, "xoxb-simulated-bot")
	fill(&opts.App.AppToken, "xapp-simulated-app")
	if opts.App.BotScopes == nil {
		opts.App.BotScopes = DefaultBotScopes()
	}
	if opts.App.AppScopes == nil {
		opts.App.AppScopes = []string{"connections:write"}
	}
	if opts.Log == nil {
		opts.Log = slog.New(slog.DiscardHandler)
	}
	wait(&opts.AckTimeout, 3*time.Second)
	if opts.Meter == nil {
		opts.Meter = func() time.Duration { return 0 }
	}
	wait(&opts.TriggerLife, 3*time.Second)
	wait(&opts.PingEvery, 10*time.Second)
	wait(&opts.WarnAhead, 10*time.Second)
	if opts.EventRetries == nil {
		opts.EventRetries = []time.Duration{0, time.Minute, 5 * time.Minute}
	}
	if opts.Users == nil {
		opts.Users = DefaultUsers()
	}
	if opts.Channels == nil {
		opts.Channels = DefaultChannels(opts.App.BotUserID)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ws := &Workspace{
		opts: opts, log: opts.Log, limiter: newLimiter(opts.Rates, opts.Now), ctx: ctx, cancel: cancel,
		changed: make(chan struct{}), messages: map[string][]*Message{}, people: map[string]*personState{},
		triggers: map[string]*trigger{}, responseURLs: map[string]*responseURL{}, uploads: map[string]*upload{},
		tickets: map[string]bool{}, byID: map[string]*envelope{}, answers: map[checkedAnswer]answer{},
		groups: opts.UserGroups,
	}
	ws.AddUser(User{ID: opts.App.BotUserID, Name: opts.App.Name, RealName: opts.App.Name, Bot: true})
	for _, u := range opts.Users {
		ws.AddUser(u)
	}
	for _, c := range opts.Channels {
		ws.AddChannel(c)
	}
	ws.saveChanges()
	return ws
}

// BotToken returns the token with which the app calls the Web API.
func (ws *Workspace) BotToken() string { return ws.opts.App.BotToken }

// AppToken returns the token with which the app opens Socket Mode connections.
func (ws *Workspace) AppToken() string { return ws.opts.App.AppToken }

// App returns the installed app, with all defaults filled in.
func (ws *Workspace) App() App { return ws.opts.App }

// Team returns the name and ids of the workspace, with all defaults filled in.
func (ws *Workspace) Team() Team { return ws.opts.Team }

// Now returns the time of the workspace's clock: see Options.Now.
func (ws *Workspace) Now() time.Time { return ws.opts.Now() }

// Version returns the number of changes so far to what people can see. Two equal numbers mean that nothing changed.
func (ws *Workspace) Version() uint64 {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	return ws.version
}

// touch counts a change, and wakes all waiters. ws.mu is held.
func (ws *Workspace) touch() {
	ws.version++
	close(ws.changed)
	ws.changed = make(chan struct{})
}

// Subscribe returns a channel that receives a value after every change of what people can see. Changes in quick
// succession may be one value. The first value is there from the start, so that a loop over the channel also shows the
// present state. cancel ends the subscription; the channel is closed then, or when the workspace closes.
func (ws *Workspace) Subscribe() (changes <-chan struct{}, cancel func()) {
	out := make(chan struct{}, 1)
	ctx, stop := context.WithCancel(ws.ctx)
	ws.mu.Lock()
	next := ws.changed
	if ws.closed {
		ws.mu.Unlock()
		stop()
		close(out)
		return out, stop
	}
	ws.background.Add(1)
	ws.mu.Unlock()
	go func() {
		defer ws.background.Done()
		defer close(out)
		for {
			select {
			case out <- struct{}{}:
			default: // an earlier value has not been received yet
			}
			select {
			case <-ctx.Done():
				return
			case <-next:
			}
			ws.mu.Lock()
			next = ws.changed
			ws.mu.Unlock()
		}
	}()
	return out, stop
}

// Wait returns nil as soon as done returns true. It calls done at once, and again after every change of what people can
// see. done may call any method of the workspace. The error is that of ctx, or ErrClosed.
func (ws *Workspace) Wait(ctx context.Context, done func() bool) error {
	for {
		ws.mu.Lock()
		next := ws.changed
		ws.mu.Unlock()
		if done() {
			return nil
		}
		select {
		case <-next:
		case <-ctx.Done():
			return ctx.Err()
		case <-ws.ctx.Done():
			return ErrClosed
		}
	}
}

// ErrClosed is the error of waits that end because the workspace was closed.
var ErrClosed = errors.New("slacksim: the workspace is closed")

// spawn runs f in the background. Close waits until f has returned. After Close, spawn does nothing.
func (ws *Workspace) spawn(f func()) {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	if ws.closed {
		return
	}
	ws.background.Add(1)
	go func() {
		defer ws.background.Done()
		f()
	}()
}

// Close ends all connections, subscriptions and retries, and returns when they have ended. It doesn't stop a Server:
// Server.Close does both.
func (ws *Workspace) Close() {
	ws.mu.Lock()
	ws.closed = true
	ws.mu.Unlock()
	ws.cancel() // which ends the sockets too
	ws.background.Wait()
}

// nextID makes an id in Slack's style: a letter for the kind, and upper-case hexadecimal digits.
func (ws *Workspace) nextID(kind string) string {
	return fmt.Sprintf("%s%09X", kind, 0xA00000000+ws.ids.Add(1))
}

// secret makes a part of a URL or hash that can't be guessed.
func secret() string {
	b := make([]byte, 12)
	rand.Read(b) // never fails: see crypto/rand
	return hex.EncodeToString(b)
}

// nextTS makes a message timestamp, which is also the message's id: seconds and microseconds of the clock, never the
// same twice. ws.mu is held.
func (ws *Workspace) nextTS() string {
	us := ws.opts.Now().UnixMicro()
	if us <= ws.lastTS {
		us = ws.lastTS + 1
	}
	ws.lastTS = us
	return fmt.Sprintf("%d.%06d", us/1e6, us%1e6)
}

// stateOf returns the state of a person, and makes it if there is none. ws.mu is held.
func (ws *Workspace) stateOf(user string) *personState {
	d := ws.people[user]
	if d == nil {
		d = &personState{inputs: map[string]map[string]map[string][]string{}}
		ws.people[user] = d
	}
	return d
}
