package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"licensebot/cocalc/cocalctest"
	"licensebot/internal/config"
	"licensebot/internal/processtest"
	"licensebot/slacksim"
)

// ticketRecorder is a proxy between the bot and Slack that records the tickets of sockets.
type ticketRecorder struct {
	mu      sync.Mutex
	tickets []string
}

func (e *ticketRecorder) listen(t *testing.T, api string) string {
	t.Helper()
	target, err := url.Parse(strings.TrimSuffix(api, "/api/"))
	if err != nil {
		t.Fatal(err)
	}
	proxy := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target) },
		ModifyResponse: func(r *http.Response) error {
			body, err := io.ReadAll(r.Body)
			r.Body.Close()
			r.Body = io.NopCloser(bytes.NewReader(body))
			for _, found := range regexp.MustCompile(`ticket=([0-9A-Za-z]+)`).FindAllSubmatch(body, -1) {
				e.mu.Lock()
				e.tickets = append(e.tickets, string(found[1]))
				e.mu.Unlock()
			}
			return err
		},
	}
	server := httptest.NewServer(proxy)
	t.Cleanup(server.Close)
	return server.URL + "/api/"
}

// logBuffer is a log that several goroutines write and read.
type logBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (s *logBuffer) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(b)
}

func (s *logBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

// A run at debug level with many faults shows no token, key, address behind a button or ticket of a socket: not in the
// log, not in an error, not in a message.
func TestRun_Log_NoSecrets(t *testing.T) {
	for _, format := range []string{"json", "console"} {
		t.Run(format, func(t *testing.T) {
			env := newEnv(t)
			var heard ticketRecorder
			processtest.Environment(t, env.settings(t, "LOG_LEVEL=debug", "LOG_FORMAT="+format, "CHECKOUT_TIMEOUT=2s",
				"SLACK_API_URL="+heard.listen(t, env.api)))
			var log logBuffer
			var out bytes.Buffer
			ctx, stop := context.WithCancel(context.Background())
			done := make(chan error, 1)
			go func() {
				_, err := run(ctx, []string{"run"}, stdio{strings.NewReader(""), &out, &log})
				done <- err
			}()
			env.buyWithFaults(t)
			stop()
			if err := <-done; err != nil {
				t.Error(err)
			}
			if n := strings.Count(log.String(), "\n"); n < 20 || !strings.Contains(log.String(), "[secret]") {
				t.Errorf("log: got %d lines, want at least 20, with [secret] in them:\n%s", n, log.String())
			}
			told := []string{log.String(), out.String()}
			for _, c := range env.slack.Channels() {
				for _, m := range env.slack.Messages(c.ID) {
					told = append(told, m.Text+string(m.Blocks))
				}
			}
			secrets := env.secrets(t)
			if len(heard.tickets) < 2 {
				t.Errorf("got %d sockets, want at least 2", len(heard.tickets))
			}
			for n, ticket := range heard.tickets {
				secrets[fmt.Sprintf("ticket %d", n+1)] = ticket
			}
			for _, text := range told {
				for name, secret := range secrets {
					if before, _, found := strings.Cut(text, secret); found {
						t.Errorf("got the %s in the output, want it hidden: …%s", name, before[max(0, len(before)-300):])
					}
				}
			}
		})
	}
}

// buyWithFaults buys and lists, with faults of Slack and CoCalc.
func (env *testEnv) buyWithFaults(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	alice := env.slack.Person(slacksim.Alice)
	must(env.slack.WaitForSocket(ctx))
	// Two posts at the response URL break off without an answer, so that net/http's errors name the address.
	card := env.command(t, "buy ram=16 cpu=2", "A CoCalc license for $63.75")
	must(env.cocalc.SwitchOn("lost-answer"))
	env.slack.SetFaults(slacksim.Faults{Methods: map[string]slacksim.MethodFault{
		"response_url":     {LoseAnswer: true, Times: 2},
		"chat.postMessage": {Status: http.StatusBadGateway, Times: 1},
	}})
	must(alice.Click(ctx, card, "Buy for $63.75"))
	must(env.slack.Wait(ctx, func() bool {
		return len(env.account.Licenses()) == 1 &&
			env.hasMessage("Bought for $63.75")
	}))

	before := env.slack.Connected()
	env.slack.SetFaults(
		slacksim.Faults{Methods: map[string]slacksim.MethodFault{"apps.connections.open": {LoseAnswer: true, Times: 1}}})
	env.slack.DropSockets()
	must(env.slack.Wait(ctx, func() bool { return env.slack.Connected() > before }))
	must(env.slack.WaitForSocket(ctx))
	env.slack.SetFaults(slacksim.Faults{})

	revoked := env.cocalc.Inject(cocalctest.Fault{Effect: cocalctest.KeyRevoked})
	env.command(t, "list", "I've lost access to CoCalc")
	revoked.Clear()
	lost := env.cocalc.Inject(cocalctest.Fault{Effect: cocalctest.LoseAnswer})
	env.command(t, "list", "CoCalc isn't responding")
	lost.Clear()
	env.command(t, "list", "1 active license")
	env.command(t, "history", "$63.75 spent")
}

// hasMessage reports whether alice sees the text in any message.
func (env *testEnv) hasMessage(text string) bool {
	for _, c := range env.slack.Person(slacksim.Alice).Channels() {
		for _, m := range env.slack.Person(slacksim.Alice).Messages(c.ID) {
			if strings.Contains(m.ContentText(), text) {
				return true
			}
		}
	}
	return false
}

// secrets returns the secrets by their kind.
func (env *testEnv) secrets(t *testing.T) map[string]string {
	t.Helper()
	all := map[string]string{
		"bot token": env.slack.BotToken(), "app token": env.slack.AppToken(), "key": env.account.Key(),
		"key as a user name": base64.StdEncoding.EncodeToString([]byte(env.account.Key() + ":")),
	}
	for _, e := range env.slack.Envelopes() {
		var payload struct {
			URL string `json:"response_url"`
		}
		if err := json.Unmarshal(e.Payload, &payload); err != nil {
			t.Fatal(err)
		}
		if payload.URL != "" {
			all["response URL of "+e.ID] = payload.URL[strings.LastIndex(payload.URL, "/")+1:]
		}
	}
	if len(all) < 8 {
		t.Errorf("got %d secrets, want at least 8", len(all))
	}
	return all
}

func TestRedactor_Write(t *testing.T) {
	c := config.Settings{
		SlackBotToken: "xoxb-1-secret", SlackAppToken: "xapp-1-secret", CoCalcAPIKey: "sk-verySecretKey",
		LogFormat: "json",
	}
	basic := base64.StdEncoding.EncodeToString([]byte("sk-verySecretKey:"))
	cases := []struct{ name, text, want string }{
		{"nothing to hide", "CoCalc knows the key sk-…tKey", "CoCalc knows the key sk-…tKey"},
		{"a token", "auth with xoxb-1-secret failed", "auth with [secret] failed"},
		{"two tokens", "xapp-1-secret,xapp-1-secret", "[secret],[secret]"},
		{"the key", "sk-verySecretKey", "[secret]"},
		{"the key as a user name", "Authorization: Basic " + basic, "Authorization: Basic [secret]"},
		{"an address behind a button", `Post "https://hooks.slack.com/actions/T1/2/x7Yz": EOF`, `Post "[secret]": EOF`},
		{"one of the government's Slack", "https://hooks.slack-gov.com/commands/T1/2/x7Yz", "[secret]"},
		{
			"one of a simulated Slack", `Post "http://127.0.0.1:3000/commands/T0TEAM/2/x7Yz": EOF`,
			`Post "http://127.0.0.1:3000[secret]": EOF`,
		},
		{
			"a socket's ticket", "dial wss://wss-primary.slack.com/link/?ticket=abc-def&app_id=1",
			"dial wss://wss-primary.slack.com/link/?[secret]&app_id=1",
		},
	}
	for _, c2 := range cases {
		t.Run(c2.name, func(t *testing.T) {
			var out bytes.Buffer
			log := c.Logger(&out)
			log.Error().Err(errors.New(c2.text)).Msg("x")
			var line struct{ Error string }
			if err := json.Unmarshal(out.Bytes(), &line); err != nil || line.Error != c2.want {
				t.Errorf("got %q (%v), want %q", line.Error, err, c2.want)
			}
		})
	}
}

func TestSettings_Logger_FormatsAndLevels(t *testing.T) {
	cases := []struct{ level, format, want string }{
		{"info", "json", `{"level":"info","part":"x","time":`},
		{"debug", "json", `{"level":"debug","time":`},
		{"info", "console", " INF told part=x\n"},
		{"warn", "json", ""},
		{"error", "console", ""},
	}
	for _, c := range cases {
		processtest.Environment(t, map[string]string{"LOG_LEVEL": c.level, "LOG_FORMAT": c.format})
		settings, err := config.Read()
		if err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		log := settings.Logger(&out)
		log.Debug().Msg("detail")
		log.Info().Str("part", "x").Msg("told")
		if got := out.String(); !strings.Contains(got, c.want) || c.want == "" && got != "" {
			t.Errorf("%s, %s: got %q, want %q in it", c.level, c.format, got, c.want)
		}
	}
}
