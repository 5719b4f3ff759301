package daytest_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/oklog/ulid/v2"
	"github.com/rs/zerolog"

	"licensebot/bot/socket"
	"licensebot/cocalc"
	"licensebot/cocalc/cocalctest"
	"licensebot/internal/app"
	"licensebot/purchase"
	"licensebot/slacksim"
	"licensebot/slacksim/slacktest"
)

const (
	teamSize = 60
	// teams share a channel each, in which their people order.
	teams     = 6
	purchases = "C0PURCHASES"
	approvals = "C0APPROVALS"
)

// team is the bot with everyone who uses it, on a fake clock.
type team struct {
	t       *testing.T
	ctx     context.Context
	random  *rand.Rand // of the plan; used by the loop of the day alone
	slack   *slacksim.Workspace
	shop    *cocalctest.Server
	service *app.Service
	ledger  string // the file's path
	people  []*slacksim.Person
	log     *recentLog

	acting sync.WaitGroup // people who are doing something
	mu     sync.Mutex
	later  []event        // what the rest of the plan has to add
	counts map[string]int // what people saw
}

// withTeam runs do with a bot that works, in a bubble with a fake clock.
func withTeam(t *testing.T, seed uint64, do func(*team)) {
	// The file's folder is removed after the bubble, so it belongs to the outer test.
	path := filepath.Join(t.TempDir(), "ledger.db")
	synctest.Test(t, func(t *testing.T) {
		tm := &team{
			t: t, ctx: t.Context(), random: rand.New(rand.NewPCG(seed, 0)), ledger: path, counts: map[string]int{},
			log: &recentLog{},
		}
		tm.slack = slacksim.New(slacksim.Options{PingEvery: 25 * time.Second})
		tm.slack.SetBaseURL("http://slack.test")
		tm.shop = cocalctest.New(cocalctest.Config{Seed: seed, CheckoutTakes: 2 * time.Second, Unthrottled: true})
		account := tm.shop.Add(cocalctest.NewAccount{Credit: 1_000_000_000, Partner: true})
		slackPipes, endSlack := serve(tm.slack.Handler(nil))
		shopPipes, endShop := serve(tm.shop)
		tm.addPeople()

		approvers := map[string]bool{personID(0): true, personID(1): true, personID(2): true}
		ids := rand.NewPCG(seed, 1)
		service, err := app.New(app.Config{
			Database: path,
			CoCalc: cocalc.Options{
				BaseURL: "http://cocalc.test", Key: account.Key(), Transport: transport(shopPipes.Dial),
			},
			Slack: app.Slack{
				URL: "http://slack.test/api/", BotToken: tm.slack.BotToken(), AppToken: tm.slack.AppToken(),
				HTTP:   &http.Client{Transport: transport(slackPipes.Dial), Timeout: 30 * time.Second},
				Socket: socket.Config{Dial: slackPipes.Dial},
			},
			Policy: purchase.Policy{
				Everyone: true, Approvers: approvers, Admins: map[string]bool{personID(3): true}, Approvals: 1,
				AutoApprove: 100_000, AskRenewing: true, OrderLimit: purchase.Limit{Max: 60_000}, PersonOrders: 10,
				MonthlyBudget: purchase.Limit{Max: 500_000_000},
			},
			Timing:           purchase.Timing{Approval: 4 * time.Hour},
			PurchasesChannel: purchases, ApprovalsChannel: approvals, Defaults: cocalc.DefaultSpec(),
			NewID: sync1(func() purchase.OrderID {
				return purchase.OrderID(ulid.MustNew(ulid.Now(), ulid.Monotonic(source{ids}, 0)).String())
			}),
			Log: zerolog.New(tm.log).Level(zerolog.InfoLevel),
		})
		if err != nil {
			t.Fatal(err)
		}
		tm.service = service
		tm.must(service.Prepare(tm.ctx))
		service.Start()
		defer func() {
			if err := errors.Join(service.Drain(), service.Close()); err != nil {
				t.Error(err)
			}
			tm.slack.Close()
			endSlack()
			endShop()
			tm.shop.Close()
			if t.Failed() {
				t.Logf("the end of the bot's log:\n%s", tm.log)
			}
		}()
		tm.must(tm.slack.WaitForSockets(tm.ctx, 2))
		do(tm)
	})
}

// serve serves a handler through connections in memory, until end.
func serve(handler http.Handler) (pipes *slacktest.Pipes, end func()) {
	pipes = slacktest.NewPipes()
	server := &http.Server{Handler: handler, IdleTimeout: time.Minute}
	var serving sync.WaitGroup
	serving.Go(func() { _ = server.Serve(pipes) })
	return pipes, func() {
		_ = server.Close()
		serving.Wait()
	}
}

// transport carries requests through dial, and keeps connections for a moment only: at rest there are none.
func transport(dial func(context.Context, string, string) (net.Conn, error)) *http.Transport {
	return &http.Transport{DialContext: dial, MaxIdleConnsPerHost: 16, IdleConnTimeout: 5 * time.Second}
}

// source is a source of randomness as a reader.
type source struct{ rand.Source }

func (s source) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = byte(s.Uint64())
	}
	return len(p), nil
}

// sync1 lets one caller at a time call f.
func sync1[T any](f func() T) func() T {
	var mu sync.Mutex
	return func() T {
		mu.Lock()
		defer mu.Unlock()
		return f()
	}
}

func personID(n int) string { return fmt.Sprintf("U0P%02d", n) }

func channelOf(person int) string { return fmt.Sprintf("C0TEAM%d", person%teams) }

func (tm *team) addPeople() {
	all := []string{tm.slack.App().BotUserID}
	members := make([][]string, teams)
	for n := range teamSize {
		id := personID(n)
		tm.slack.AddUser(slacksim.User{ID: id, Name: strings.ToLower(id[2:])})
		tm.people = append(tm.people, tm.slack.Person(id))
		all = append(all, id)
		members[n%teams] = append(members[n%teams], id)
	}
	for n, some := range members {
		tm.slack.AddChannel(slacksim.Channel{
			ID: channelOf(n), Name: fmt.Sprintf("team-%d", n), Members: append(some, all[0]),
		})
	}
	tm.slack.AddChannel(slacksim.Channel{ID: purchases, Name: "purchases", Members: all})
	tm.slack.AddChannel(slacksim.Channel{ID: approvals, Name: "approvals", Members: all[:4]})
}

func (tm *team) must(err error) {
	tm.t.Helper()
	if err != nil {
		tm.t.Fatal(err)
	}
}

// count counts what people saw.
func (tm *team) count(what string) {
	tm.mu.Lock()
	defer tm.mu.Unlock()
	tm.counts[what]++
}

// fileSize returns the size of the ledger's file, in bytes.
func (tm *team) fileSize() int64 {
	info, err := os.Stat(tm.ledger)
	tm.must(err)
	return info.Size()
}

// recentLog keeps the end of a log.
type recentLog struct {
	mu    sync.Mutex
	lines []string
}

const keptLines = 100

func (l *recentLog) Write(line []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.lines) >= 2*keptLines {
		l.lines = append(l.lines[:0], l.lines[keptLines:]...)
	}
	l.lines = append(l.lines, string(line))
	return len(line), nil
}

func (l *recentLog) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Join(l.lines[max(0, len(l.lines)-keptLines):], "")
}
