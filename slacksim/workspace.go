package slacksim

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"
)

// Options describe a workspace; the zero value is a small team with one channel that the
// app was invited to, one that it was not, and Slack's own limits.
type Options struct {
	// Now is the clock of everything Slack decides by time. Default time.Now.
	Now func() time.Time
	// Log is told about each request and envelope at debug level. Default: nothing.
	Log zerolog.Logger

	// Keep is called with a Snapshot after every change of it. The app gets its answer, and the page shows the change,
	// only afterwards. Nil: nothing is stored.
	Keep func(snapshot []byte)

	Team Team
	App  App
	// Users and Channels are there from the start. Nil means DefaultUsers and
	// DefaultChannels.
	Users      []User
	Channels   []Channel
	UserGroups []UserGroup

	// Rates are the rate limits; the zero value is Slack's.
	Rates Rates

	// AckTimeout is how long an app has to acknowledge. Default 3 s, as Slack.
	AckTimeout time.Duration
	// Meter counts something that grows, such as the processor time of the program, for Envelope.Cost. Default: nothing.
	Meter func() time.Duration
	// TriggerLife is how long a trigger id may be used. Default 3 s, as Slack.
	TriggerLife time.Duration
	// PingEvery is the time between WebSocket pings. Default 10 s; the first comes at once.
	PingEvery time.Duration
	// WarnAhead is the time between a disconnect "warning" and the end of the socket.
	// Default 10 s, as Slack.
	WarnAhead time.Duration
	// EventRetries are the waits before an event that was not acknowledged is sent
	// again. Default: at once, 1 minute, 5 minutes, as Slack.
	EventRetries []time.Duration
}

// Team is the workspace as Slack names it in payloads.
type Team struct {
	ID     string // T…
	Domain string // acme in acme.slack.com
	Name   string
}

// App is the one app that is installed in the workspace.
type App struct {
	ID        string // A…
	Name      string
	BotUserID string // U…
	BotID     string // B…
	BotToken  string // xoxb-…
	AppToken  string // xapp-…
	// Commands are the slash commands of its manifest. Nil accepts every command.
	Commands []SlashCommand
	// BotScopes and AppScopes are what was granted. Nil means DefaultBotScopes and
	// connections:write.
	BotScopes []string
	AppScopes []string
}

// SlashCommand is a command as the app's manifest declares it.
type SlashCommand struct {
	Name         string // with its slash
	Description  string
	UsageHint    string
	ShouldEscape bool // send @people and #channels as <@U1|name> and <#C1|name>
}

// DefaultBotScopes are the scopes that the Web API of this package ever asks for.
func DefaultBotScopes() []string {
	return []string{
		"chat:write", "commands", "users:read", "usergroups:read", "channels:read", "groups:read",
		"im:read", "im:write", "mpim:read", "files:write",
	}
}

// Workspace is a Slack workspace. All methods may be called concurrently.
type Workspace struct {
	opts    Options
	log     zerolog.Logger
	limiter *limiter

	// ctx ends when the workspace closes; everything that waits in the background
	// hangs on it and is counted in background.
	ctx        context.Context
	cancel     context.CancelFunc
	background sync.WaitGroup

	ids atomic.Int64

	keeping sync.Mutex // held while a snapshot is kept, so that they are kept in order
	kept    [2]uint64  // version and unseen of the newest stored snapshot

	mu        sync.Mutex // guards everything below
	version   uint64
	unseen    uint64        // counts changes that are not shown: of response URLs
	changed   chan struct{} // closed and replaced at every change
	closed    bool
	baseURL   string // http://127.0.0.1:port
	faults    Faults
	users     []*User
	channels  []*Channel
	groups    []UserGroup
	messages  map[string][]*Message // by channel, in order of ts
	lastTS    int64                 // microseconds; timestamps never repeat
	people    map[string]*desk
	triggers  map[string]*trigger
	hooks     map[string]*hook
	uploads   map[string]*upload
	tickets   map[string]bool
	conns     []*conn
	nextConn  int // counts connections
	turn      int // of the round robin
	envelopes []*envelope
	byID      map[string]*envelope // the newest envelope with an id
	calls     []Call
}

// desk is what one person has before them, besides the channels.
type desk struct {
	modals  []*View // the stack, bottom first
	home    *View
	notices []Notice
	// inputs are what the person chose in messages, by channel, ts, block_id, action_id.
	inputs map[string]map[string]map[string][]string
}

// New makes a workspace. It listens nowhere yet: see Start, Listen and Handler.
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
		changed: make(chan struct{}), messages: map[string][]*Message{}, people: map[string]*desk{},
		triggers: map[string]*trigger{}, hooks: map[string]*hook{}, uploads: map[string]*upload{},
		tickets: map[string]bool{}, byID: map[string]*envelope{}, groups: opts.UserGroups,
	}
	ws.AddUser(User{ID: opts.App.BotUserID, Name: opts.App.Name, RealName: opts.App.Name, Bot: true})
	for _, u := range opts.Users {
		ws.AddUser(u)
	}
	for _, c := range opts.Channels {
		ws.AddChannel(c)
	}
	ws.keepOn()
	return ws
}

// BotToken is the token the app calls the Web API with (xoxb-…).
func (ws *Workspace) BotToken() string { return ws.opts.App.BotToken }

// AppToken is the token the app opens Socket Mode connections with (xapp-…).
func (ws *Workspace) AppToken() string { return ws.opts.App.AppToken }

// App tells which app is installed, with its commands.
func (ws *Workspace) App() App { return ws.opts.App }

// Team tells which workspace this is.
func (ws *Workspace) Team() Team { return ws.opts.Team }

// Now is the workspace's clock.
func (ws *Workspace) Now() time.Time { return ws.opts.Now() }

// Version counts the changes of everything that can be shown.
func (ws *Workspace) Version() uint64 {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	return ws.version
}

// touch tells everybody who waits that something changed. ws.mu is held.
func (ws *Workspace) touch() {
	ws.version++
	close(ws.changed)
	ws.changed = make(chan struct{})
}

// Subscribe returns a channel that receives after every change of what can be shown;
// changes in quick succession may arrive as one. The channel has a value from the start,
// so that a subscriber paints once without asking. cancel ends the subscription; the
// channel is closed then, or when the workspace closes.
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
			default: // one is waiting to be taken already
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

// Wait returns as soon as done says so. done is asked once at the start and again after
// every change; it may call any method of the workspace. The error is the context's, or
// ErrClosed.
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

// ErrClosed is what waiting ends with when the workspace was closed meanwhile.
var ErrClosed = fmt.Errorf("slacksim: the workspace is closed")

// spawn runs f in the background until it returns; Close waits for it. It does nothing
// once the workspace is closed.
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

// Close ends all connections, subscriptions and waiting retries, and returns when they
// are gone. It does not stop a Server: see Server.Close, which calls it.
func (ws *Workspace) Close() {
	ws.mu.Lock()
	ws.closed = true
	ws.mu.Unlock()
	ws.cancel() // which ends the sockets too
	ws.background.Wait()
}

// nextID makes an id in Slack's style: a letter for the kind and upper-case digits.
func (ws *Workspace) nextID(kind string) string {
	return fmt.Sprintf("%s%09X", kind, 0xA00000000+ws.ids.Add(1))
}

// secret makes an unguessable part for URLs and hashes.
func secret() string {
	b := make([]byte, 12)
	rand.Read(b) // never fails, says crypto/rand
	return hex.EncodeToString(b)
}

// nextTS makes a message timestamp: seconds and microseconds of the clock, never twice
// the same. ws.mu is held.
func (ws *Workspace) nextTS() string {
	us := ws.opts.Now().UnixMicro()
	if us <= ws.lastTS {
		us = ws.lastTS + 1
	}
	ws.lastTS = us
	return fmt.Sprintf("%d.%06d", us/1e6, us%1e6)
}

// desk of a person, made when first needed. ws.mu is held.
func (ws *Workspace) desk(user string) *desk {
	d := ws.people[user]
	if d == nil {
		d = &desk{inputs: map[string]map[string]map[string][]string{}}
		ws.people[user] = d
	}
	return d
}
