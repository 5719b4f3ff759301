package control

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"go.uber.org/goleak"

	"licensebot/purchase"
	"licensebot/storage"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// desk is a bot that does as it is told.
type desk struct {
	backup func(ctx context.Context, to string) (storage.Report, error)
	pause  *purchase.Pause
	asked  []string
}

func (d *desk) Backup(ctx context.Context, to string) (storage.Report, error) {
	d.asked = append(d.asked, to)
	return d.backup(ctx, to)
}

func (d *desk) Resume(_ context.Context, by, reason string) (*purchase.Pause, error) {
	d.asked = append(d.asked, by+": "+reason)
	return d.pause, nil
}

// serve listens beside a ledger until the test ends, or the returned function is called.
func serve(t *testing.T, socket string, bot Bot) (stop func()) {
	t.Helper()
	s, err := Listen(socket, bot, zerolog.Nop())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	ended := false
	stop = func() {
		cancel()
		if ended {
			return
		}
		ended = true
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	t.Cleanup(stop)
	return stop
}

func TestABotIsAsked(t *testing.T) {
	at := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	report := storage.Report{Schema: 1, Size: 65536, Orders: 3, Purchases: 2, Head: purchase.Event{Number: 17, Time: at, Kind: "purchased", Hash: "abc"}}
	bot := &desk{
		pause:  &purchase.Pause{Since: at, By: "licensebot", Reason: "a double buy"},
		backup: func(context.Context, string) (storage.Report, error) { return report, nil },
	}
	socket := Path(filepath.Join(t.TempDir(), "ledger.db"))
	serve(t, socket, bot)
	got, err := Backup(t.Context(), socket, "/backups/today.db")
	if err != nil || !reflect.DeepEqual(got, report) {
		t.Errorf("got %+v, %v", got, err)
	}
	was, err := Resume(t.Context(), socket, "operator ann", "the money is back")
	if err != nil || was == nil || !reflect.DeepEqual(was, bot.pause) {
		t.Errorf("got %+v, %v", was, err)
	}
	bot.pause = nil
	if was, err := Resume(t.Context(), socket, "operator ann", "again"); err != nil || was != nil {
		t.Errorf("got %+v, %v", was, err)
	}
	if got, want := fmt.Sprint(bot.asked), "[/backups/today.db operator ann: the money is back operator ann: again]"; got != want {
		t.Errorf("asked %s, want %s", got, want)
	}
}

func TestErrorsComeInWords(t *testing.T) {
	bot := &desk{backup: func(context.Context, string) (storage.Report, error) {
		return storage.Report{}, errors.New("the ledger's disk is full: 0.1 MB are free")
	}}
	socket := Path(filepath.Join(t.TempDir(), "ledger.db"))
	serve(t, socket, bot)
	cases := []struct {
		name string
		ask  func() error
		says string
	}{
		{"what the bot says", func() error { _, err := Backup(t.Context(), socket, "/b.db"); return err }, "the ledger's disk is full: 0.1 MB are free"},
		{"half a path", func() error { _, err := Backup(t.Context(), socket, "b.db"); return err }, "a backup needs an absolute path"},
		{"no reason", func() error { _, err := Resume(t.Context(), socket, "operator ann", ""); return err }, "resuming needs a person and a reason"},
		{"a question without an end", func() error {
			_, err := Backup(t.Context(), socket, "/"+strings.Repeat("x", mostQuestion))
			return err
		}, "can't read the request: http: request body too large"},
		{
			"what is not understood", func() error { return ask(t.Context(), socket, "sell", time.Second, 1, new(int)) },
			"the running bot at " + socket + " gave an unexpected answer. Is it a different version? ",
		},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if err := c.ask(); err == nil || !strings.HasPrefix(err.Error(), c.says) {
				t.Errorf("got %v, want %s", err, c.says)
			}
		})
	}
	if len(bot.asked) != 1 {
		t.Errorf("the bot was asked %q", bot.asked)
	}
}

// Nobody but the bot's own user gets in, whatever the mode of the folder, and nothing but the socket is left beside the
// ledger, which is gone when the bot has ended.
func TestTheSocketIsPrivateAndLeavesNothing(t *testing.T) {
	dir := t.TempDir()
	socket := Path(filepath.Join(dir, "ledger.db"))
	stop := serve(t, socket, &desk{})
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 1 || entries[0].Name() != "ledger.db.sock" {
		t.Fatalf("the folder holds %v (%v)", entries, err)
	}
	if info, err := os.Lstat(socket); err != nil || info.Mode() != fs.ModeSocket|0o600 {
		t.Errorf("its mode is %v (%v)", info.Mode(), err)
	}
	stop()
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 0 {
		t.Errorf("left behind: %v (%v)", entries, err)
	}
	if _, err := Backup(t.Context(), socket, "/b.db"); !errors.Is(err, ErrNobody) {
		t.Errorf("got %v", err)
	}
}

// A bot that was killed leaves its socket behind. The next one takes its place; a file of somebody else stays.
func TestWhatLiesThereAlready(t *testing.T) {
	socket := Path(filepath.Join(t.TempDir(), "ledger.db"))
	dead, err := net.ListenUnix("unix", &net.UnixAddr{Name: socket, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	dead.SetUnlinkOnClose(false)
	dead.Close()
	if _, err := Resume(t.Context(), socket, "operator ann", "x"); !errors.Is(err, ErrNobody) {
		t.Errorf("a dead socket: %v", err)
	}
	stop := serve(t, socket, &desk{})
	if _, err := Resume(t.Context(), socket, "operator ann", "x"); err != nil {
		t.Error(err)
	}
	stop()
	if err := os.WriteFile(socket, []byte("dear diary"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := Listen(socket, &desk{}, zerolog.Nop()); err == nil || !strings.HasSuffix(err.Error(), "is not a socket, so it was left alone") {
		t.Errorf("got %v", err)
	}
	if text, err := os.ReadFile(socket); err != nil || string(text) != "dear diary" {
		t.Errorf("now it reads %q (%v)", text, err)
	}
	if _, err := Resume(t.Context(), socket, "operator ann", "x"); !errors.Is(err, ErrNobody) {
		t.Errorf("a file: %v", err)
	}
}

// The address of a socket has room for a hundred bytes, the path of a ledger for thousands.
func TestLongPaths(t *testing.T) {
	deep := t.TempDir()
	for range 6 {
		deep = filepath.Join(deep, strings.Repeat("long", 12))
	}
	if err := os.MkdirAll(deep, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"ledger.db", strings.Repeat("ledger", 30) + ".db"} {
		socket := Path(filepath.Join(deep, name))
		serve(t, socket, &desk{})
		if _, err := Resume(t.Context(), socket, "operator ann", "x"); err != nil {
			t.Error(err)
		}
		if filepath.Dir(socket) != deep {
			t.Errorf("it is not beside the ledger: %s", socket)
		}
	}
	long := filepath.Join(deep, "tmp")
	if err := os.Mkdir(long, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("TMPDIR", long)
	socket := Path(filepath.Join(deep, "other.db"))
	serve(t, socket, &desk{})
	if _, err := Resume(t.Context(), socket, "operator ann", "x"); err != nil {
		t.Error(err)
	}
}

// A link to a ledger leads to the same bot as the ledger itself.
func TestLinksToALedger(t *testing.T) {
	dir, other := t.TempDir(), t.TempDir()
	ledger, link := filepath.Join(dir, "ledger.db"), filepath.Join(other, "link.db")
	if err := os.WriteFile(ledger, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(ledger, link); err != nil {
		t.Fatal(err)
	}
	t.Chdir(dir)
	for _, name := range []string{ledger, link, "ledger.db", "./ledger.db"} {
		if got := Path(name); got != ledger+".sock" {
			t.Errorf("%s: %s", name, got)
		}
	}
}

// While one backup is made another is refused; and a bot that is told to stop gives up the one that takes too long.
func TestOneBackupAtATimeAndNoneHoldsUpTheEnd(t *testing.T) {
	began := make(chan struct{})
	bot := &desk{backup: func(ctx context.Context, _ string) (storage.Report, error) {
		close(began)
		<-ctx.Done()
		return storage.Report{}, ctx.Err()
	}}
	socket := Path(filepath.Join(t.TempDir(), "ledger.db"))
	stop := serve(t, socket, bot)
	first := make(chan error, 1)
	go func() {
		_, err := Backup(context.Background(), socket, "/first.db")
		first <- err
	}()
	<-began
	if _, err := Backup(t.Context(), socket, "/second.db"); err == nil || err.Error() != "another backup is in progress; try again when it's done" {
		t.Errorf("the second: %v", err)
	}
	stop()
	if err := <-first; err == nil {
		t.Error("the first was made")
	}
}

// A client that connects and says nothing, or only half a question, or goes away, holds nobody up.
func TestClientsThatHang(t *testing.T) {
	gone := make(chan struct{})
	bot := &desk{backup: func(ctx context.Context, to string) (storage.Report, error) {
		<-ctx.Done() // a client that goes away ends its backup
		close(gone)
		return storage.Report{}, ctx.Err()
	}}
	socket := Path(filepath.Join(t.TempDir(), "ledger.db"))
	stop := serve(t, socket, bot)
	for _, half := range []string{"", "POST /backup HTTP/1.1\r\nHost: bot\r\nContent-Length: 100\r\n\r\n{\"to\":"} {
		c, err := net.Dial("unix", socket)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if _, err := c.Write([]byte(half)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := Resume(t.Context(), socket, "operator ann", "x"); err != nil {
		t.Error(err)
	}
	c, err := net.Dial("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	question, err := json.Marshal(backupQuestion{"/b.db"})
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(c, "POST /backup HTTP/1.1\r\nHost: bot\r\nContent-Length: %d\r\n\r\n%s", len(question), question)
	c.Close()
	<-gone
	stop()
}

// Connections that ask nothing take places, and one more waits for a place: what reaches the socket cannot use up the bot's
// files.
func TestOneClientTooMany(t *testing.T) {
	bot := &desk{}
	socket := Path(filepath.Join(t.TempDir(), "ledger.db"))
	serve(t, socket, bot)
	var silent []net.Conn
	for range mostClients {
		conn, err := net.Dial("unix", socket)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		silent = append(silent, conn)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if _, err := Resume(ctx, socket, "operator ann", "too early"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("beside %d others: %v", mostClients, err)
	}
	silent[0].Close()
	if _, err := Resume(t.Context(), socket, "operator ann", "there is a place"); err != nil {
		t.Errorf("when one has gone: %v", err)
	}
}
