package main

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"hash/crc32"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"licensebot/purchase/orders"

	"go.etcd.io/bbolt"

	"licensebot/cocalc"
	"licensebot/internal/app"
	"licensebot/internal/processtest"
	"licensebot/purchase"
	"licensebot/slacksim"
	"licensebot/storage"
)

// buy lets Alice buy n licenses, one after the other, with a bot that shows nothing in Slack.
func (env *testEnv) buy(t testing.TB, database string, n int) {
	t.Helper()
	bot, err := app.New(app.Config{
		Database: database, PurchasesChannel: slacksim.General,
		CoCalc: cocalc.Options{BaseURL: env.shop, Key: env.account.Key()},
		Slack:  app.Slack{URL: env.api, BotToken: env.slack.BotToken(), AppToken: env.slack.AppToken()},
		Policy: purchase.Policy{
			Everyone: true, OrderLimit: purchase.Limit{None: true}, MonthlyBudget: purchase.Limit{None: true},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), processtest.Patience)
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- bot.Desk.Run(ctx) }()
	look := time.NewTicker(2 * time.Millisecond)
	defer look.Stop()
	spec := cocalc.DefaultSpec()
	spec.RAM, spec.CPU = 16, 2
	for range n {
		ask := purchase.Request{
			Requester: purchase.Actor{ID: slacksim.Alice, Name: "alice"}, Channel: purchase.Channel{ID: slacksim.General},
			Spec: spec,
		}
		p, err := bot.Desk.Propose(ctx, ask)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := bot.Desk.Decide(ctx, purchase.Action{
			Actor:   ask.Requester,
			Channel: ask.Channel,
		}, p.Order.ID, orders.Decision{Kind: orders.Confirm}); err != nil {
			t.Fatal(err)
		}
		for order := p.Order; order.State != purchase.Purchased; {
			select {
			case <-look.C:
			case <-ctx.Done():
				t.Fatalf("order %s: got %s, want it bought", order.ID, order.State)
			}
			if order, err = bot.Desk.Outbox.Order(ctx, order.ID); err != nil {
				t.Fatal(err)
			}
		}
	}
	cancel()
	if err := errors.Join(<-done, bot.Close()); err != nil {
		t.Fatal(err)
	}
}

// buyAsStranger makes another person buy a license on the account.
func (env *testEnv) buyAsStranger(t testing.TB) {
	t.Helper()
	env.account.AddToCart("site-license",
		`{"ram":2,"cpu":1,"disk":3,"member":true,"uptime":"short","type":"quota","user":"academic",`+
			`"boost":false,"period":"monthly","run_limit":1,"title":"of somebody else"}`)
	if err := env.account.Checkout(); err != nil {
		t.Fatal(err)
	}
}

// waitForText waits until a person reads the text in the channel of that name; empty: in the conversation with the bot.
func (env *testEnv) waitForText(t testing.TB, person, channel, text string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), processtest.Patience)
	defer cancel()
	err := env.slack.Wait(ctx, func() bool {
		for _, c := range env.slack.Person(person).Channels() {
			if c.Name != channel && (channel != "" || c.DM != person) {
				continue
			}
			for _, m := range env.slack.Person(person).Messages(c.ID) {
				if strings.Contains(m.ContentText(), text) {
					return true
				}
			}
		}
		return false
	})
	if err != nil {
		t.Errorf("%s: want the text %q on the screen, got %v", person, text, err)
	}
}

// copyFile copies a file, and returns the path of the copy.
func copyFile(t testing.TB, from string) string {
	t.Helper()
	data, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	to := filepath.Join(t.TempDir(), "copy.db")
	if err := os.WriteFile(to, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return to
}

// changeLedger changes a ledger as a faulty program would.
func changeLedger(t testing.TB, path string, change func(purchase.Writer) error) {
	t.Helper()
	ledger, err := storage.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(ledger.Update(context.Background(), change), ledger.Close()); err != nil {
		t.Fatal(err)
	}
}

// forgeEvent changes an audit record as an attacker would who knows the file format, but not the chain.
func forgeEvent(t testing.TB, path string, number uint64, change func(*purchase.Event)) {
	t.Helper()
	editFile(t, path, func(tx *bbolt.Tx) error {
		key := binary.BigEndian.AppendUint64(nil, number)
		events := tx.Bucket([]byte("events"))
		var e purchase.Event
		if err := json.Unmarshal(events.Get(key)[4:], &e); err != nil {
			return err
		}
		change(&e)
		record, err := json.Marshal(e)
		if err != nil {
			return err
		}
		table := crc32.MakeTable(crc32.Castagnoli)
		sum := crc32.Update(crc32.Checksum(key, table), table, record)
		return events.Put(key, append(binary.BigEndian.AppendUint32(nil, sum), record...))
	})
}

// editFile changes a bbolt file.
func editFile(t testing.TB, path string, edit func(*bbolt.Tx) error) {
	t.Helper()
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{Timeout: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(db.Update(edit), db.Close()); err != nil {
		t.Fatal(err)
	}
}

// badFiles turn a good ledger into every kind of file that this program cannot use.
var badFiles = []struct {
	name string
	make func(t *testing.T, path string)
	says string
	runs bool // the bot runs with it, and buys nothing
}{
	{"an empty file", func(t *testing.T, path string) { write(t, path, nil) }, ": the ", false},
	{
		"a text", func(t *testing.T, path string) { write(t, path, []byte(strings.Repeat("dear diary\n", 2000))) },
		"the file is not a licensebot ledger", false,
	},
	{"another program's database", func(t *testing.T, path string) {
		editFile(t, path, func(tx *bbolt.Tx) error { return tx.DeleteBucket([]byte("meta")) })
	}, "the file is not a licensebot ledger", false},
	{"a newer ledger", func(t *testing.T, path string) {
		editFile(t, path, func(tx *bbolt.Tx) error { return tx.Bucket([]byte("meta")).Put([]byte("schema"), []byte("99")) })
	}, "the ledger was written by a newer licensebot", false},
	{"a ledger that was cut short", func(t *testing.T, path string) {
		write(t, path, read(t, path)[:5*os.Getpagesize()])
	}, "the ledger is damaged: ", false},
	{"a ledger with a flipped bit in each page", func(t *testing.T, path string) {
		data := read(t, path)
		for at := 3*os.Getpagesize() + 40; at < len(data); at += os.Getpagesize() {
			data[at] ^= 1
		}
		write(t, path, data)
	}, "the ledger is damaged: ", false},
	{"a chain that was forged", func(t *testing.T, path string) {
		forgeEvent(t, path, 2, func(e *purchase.Event) { e.By = "U0CAROL" })
	}, "the ledger is damaged: audit record 2 was changed after it was written", true},
}

func read(t testing.TB, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func write(t testing.TB, path string, data []byte) {
	t.Helper()
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
}
