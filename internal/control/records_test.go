package control

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"licensebot/internal/records"
	"licensebot/purchase"
)

// fill appends log entries and audit records, one a minute from noon on.
func (b *fakeBot) fill(t *testing.T, n int) {
	t.Helper()
	err := b.ledger.Update(t.Context(), func(w purchase.Writer) error {
		for minute := range n {
			at := noon.Add(time.Duration(minute) * time.Minute)
			p, err := w.AddPurchase(purchase.Purchase{
				Time: at, Order: "O", Requester: purchase.Actor{ID: "U1", Name: "é <&>\u2028"}, Charged: 100,
			})
			if err != nil {
				return err
			}
			err = w.AppendEvent(purchase.Event{Time: at, Kind: "purchased", By: fmt.Sprint("U", p.Number%2), Order: "O"})
			if err != nil {
				return err
			}
		}
		return w.PutAccount(purchase.AccountState{CoCalc: "the account"})
	})
	if err != nil {
		t.Fatal(err)
	}
}

var noon = time.Date(2026, 11, 22, 12, 0, 0, 123456789, time.FixedZone("", 3600))

// contents reads everything from a source, some of it in two periods.
func contents(t *testing.T, s records.Source) (all []any) {
	t.Helper()
	add := func(one any, err error) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, one)
	}
	for _, since := range []time.Time{{}, noon.Add(150 * time.Second)} {
		r, err := s.PurchaseRange(t.Context(), since, noon.Add(4*time.Minute))
		add(r, err)
		for p, err := range records.Purchases(t.Context(), s, r) {
			add(p, err)
		}
		r, err = s.EventRange(t.Context(), since)
		add(r, err)
		for e, err := range records.Events(t.Context(), s, r, records.Filter{Since: since, Order: "O", By: "U1"}) {
			add(e, err)
		}
	}
	sum, err := s.Summary(t.Context())
	add(sum, err)
	return all
}

// Over the socket, a reader gets what the bot itself reads.
func TestRecords_SameAsLedger(t *testing.T) {
	bot := &fakeBot{}
	bot.fill(t, 7)
	socket := Path(filepath.Join(t.TempDir(), "ledger.db"))
	serve(t, socket, bot)
	got, want := contents(t, NewRecords(socket)), contents(t, bot.Records())
	if !reflect.DeepEqual(got, want) || len(want) < 15 {
		t.Errorf("got %+v\nwant %+v", got, want)
	}
}

// Each page is a request of its own: a reader that pauses keeps neither a connection nor a transaction of the bot.
func TestRecords_PausingReaders(t *testing.T) {
	bot := &fakeBot{}
	bot.fill(t, 5)
	socket := Path(filepath.Join(t.TempDir(), "ledger.db"))
	serve(t, socket, bot)
	for range 2 * maxClients {
		s := NewRecords(socket)
		r, err := s.PurchaseRange(t.Context(), time.Time{}, time.Time{})
		if err != nil {
			t.Fatal(err)
		}
		for _, err := range records.Purchases(t.Context(), s, r) {
			if err != nil {
				t.Fatal(err)
			}
			break // the reader stays where it is
		}
	}
	bot.fill(t, 1)
	if _, err := Resume(t.Context(), socket, "operator ann", "readers pause"); err != nil {
		t.Error(err)
	}
}

// readUntil reads log entries, and calls then after the first page. It returns how many it read.
func readUntil(t *testing.T, s records.Source, then func()) (n int, err error) {
	t.Helper()
	r, err := s.PurchaseRange(t.Context(), time.Time{}, time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	for _, err := range records.Purchases(t.Context(), s, r) {
		if err != nil {
			return n, err
		}
		if n++; n == 2 {
			then()
		}
	}
	return n, nil
}

// A reader learns that the rest is missing, also if another bot has taken the place of the one that stopped: that may
// have a restored ledger.
func TestRecords_BotStops(t *testing.T) {
	for _, again := range []bool{false, true} {
		bot := &fakeBot{}
		bot.fill(t, 7)
		socket := Path(filepath.Join(t.TempDir(), "ledger.db"))
		stop := serve(t, socket, bot)
		n, err := readUntil(t, NewRecords(socket), func() {
			stop()
			if again {
				serve(t, socket, bot)
			}
		})
		if n != 2 || !errors.Is(err, ErrStopped) {
			t.Errorf("another bot is started: %t: got %d entries, error %v; want the first page, then %v", again, n, err,
				ErrStopped)
		}
	}
}

func TestRecords_NoBot(t *testing.T) {
	socket := Path(filepath.Join(t.TempDir(), "ledger.db"))
	if _, err := NewRecords(socket).Summary(t.Context()); !errors.Is(err, ErrNotRunning) {
		t.Errorf("got error %v, want %v", err, ErrNotRunning)
	}
}

// A bot that dies while it answers is the same as none: reading changes nothing.
func TestRecords_BotDies(t *testing.T) {
	socket := Path(filepath.Join(t.TempDir(), "ledger.db"))
	listener, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	for _, answer := range []string{"", "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"records\":"} {
		go func() {
			c, err := listener.Accept()
			if err != nil {
				return
			}
			_, _ = c.Read(make([]byte, 1000))
			_, _ = c.Write([]byte(answer))
			c.Close()
		}()
		if _, err := NewRecords(socket).Summary(t.Context()); !errors.Is(err, ErrNotRunning) {
			t.Errorf("an answer of %d bytes: got error %v, want %v", len(answer), err, ErrNotRunning)
		}
	}
}

// A bot that is older than the request doesn't know it.
func TestRecords_OlderBot(t *testing.T) {
	socket := Path(filepath.Join(t.TempDir(), "ledger.db"))
	listener, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	older := http.NewServeMux()
	older.HandleFunc("POST /backup", func(http.ResponseWriter, *http.Request) {})
	server := &http.Server{Handler: older, ReadHeaderTimeout: time.Second}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	defer func() {
		server.Close()
		if err := <-ended; !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
	}()
	if _, err := NewRecords(socket).Summary(t.Context()); !errors.Is(err, ErrUnknownRequest) {
		t.Errorf("got error %v, want %v", err, ErrUnknownRequest)
	}
}

// slowBot has a ledger whose views last until their context is done.
type slowBot struct {
	fakeBot
	began, ended chan struct{}
}

func (b *slowBot) Records() records.Source {
	return records.From(func(ctx context.Context, _ func(purchase.Reader) error) error {
		close(b.began)
		<-ctx.Done()
		close(b.ended)
		return ctx.Err()
	}, 2)
}

// A reader that goes away ends what the bot does for it.
func TestRecords_ClientGoesAway(t *testing.T) {
	bot := &slowBot{began: make(chan struct{}), ended: make(chan struct{})}
	socket := Path(filepath.Join(t.TempDir(), "ledger.db"))
	serve(t, socket, bot)
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-bot.began
		cancel()
	}()
	if _, err := NewRecords(socket).Summary(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("got error %v, want %v", err, context.Canceled)
	}
	<-bot.ended
}

// An error of the bot has the bot's words.
func TestRecords_Error(t *testing.T) {
	bot := &failingBot{}
	socket := Path(filepath.Join(t.TempDir(), "ledger.db"))
	serve(t, socket, bot)
	_, err := NewRecords(socket).PurchaseRange(t.Context(), noon, time.Time{})
	if err == nil || !strings.HasPrefix(err.Error(), "the ledger is damaged: ") {
		t.Errorf("got error %v, want the bot's", err)
	}
}

// failingBot has a damaged ledger.
type failingBot struct{ fakeBot }

func (b *failingBot) Records() records.Source {
	return records.From(func(context.Context, func(purchase.Reader) error) error {
		return errors.New("the ledger is damaged: page 7")
	}, 2)
}
