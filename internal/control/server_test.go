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

	"licensebot/internal/records"
	"licensebot/purchase"
	"licensebot/storage"
	"licensebot/storage/storagetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fakeBot returns what its fields say, and notes its calls.
type fakeBot struct {
	backup func(ctx context.Context, to string) (storage.Report, error)
	pause  *purchase.Pause
	ledger storagetest.Memory
	calls  []string
}

func (b *fakeBot) Backup(ctx context.Context, to string) (storage.Report, error) {
	b.calls = append(b.calls, to)
	return b.backup(ctx, to)
}

func (b *fakeBot) Resume(_ context.Context, by, reason string) (*purchase.Pause, error) {
	b.calls = append(b.calls, by+": "+reason)
	return b.pause, nil
}

// Records has pages of two records.
func (b *fakeBot) Records() records.Source { return records.From(b.ledger.View, 2) }

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

func TestServer_Requests(t *testing.T) {
	at := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	report := storage.Report{
		Schema: 1, Size: 65536, Orders: 3, Purchases: 2,
		Head: purchase.Event{Number: 17, Time: at, Kind: "purchased", Hash: "abc"},
	}
	bot := &fakeBot{
		pause: &purchase.Pause{
			Since: at, By: "licensebot",
			Incidents: []purchase.Incident{{Cause: purchase.Cause{Code: purchase.IncidentDoubleBuy}, By: "licensebot"}},
		},
		backup: func(context.Context, string) (storage.Report, error) { return report, nil },
	}
	socket := Path(filepath.Join(t.TempDir(), "ledger.db"))
	serve(t, socket, bot)
	got, err := Backup(t.Context(), socket, "/backups/today.db")
	if err != nil || !reflect.DeepEqual(got, report) {
		t.Errorf("Backup: got %+v (error %v), want %+v", got, err, report)
	}
	was, err := Resume(t.Context(), socket, "operator ann", "the money is back")
	if err != nil || was == nil || !reflect.DeepEqual(was, bot.pause) {
		t.Errorf("Resume: got %+v (error %v), want %+v", was, err, bot.pause)
	}
	bot.pause = nil
	if was, err := Resume(t.Context(), socket, "operator ann", "again"); err != nil || was != nil {
		t.Errorf("Resume without a pause: got %+v (error %v), want none", was, err)
	}
	if got, want := fmt.Sprint(bot.calls),
		"[/backups/today.db operator ann: the money is back operator ann: again]"; got != want {
		t.Errorf("calls: got %s, want %s", got, want)
	}
}

func TestServer_Errors(t *testing.T) {
	bot := &fakeBot{backup: func(context.Context, string) (storage.Report, error) {
		return storage.Report{}, errors.New("the ledger's disk is full: 0.1 MB are free")
	}}
	socket := Path(filepath.Join(t.TempDir(), "ledger.db"))
	serve(t, socket, bot)
	cases := []struct {
		name string
		call func() error
		want string
	}{
		{
			"an error of the bot", func() error { _, err := Backup(t.Context(), socket, "/b.db"); return err },
			"the ledger's disk is full: 0.1 MB are free",
		},
		{
			"a relative path", func() error { _, err := Backup(t.Context(), socket, "b.db"); return err },
			"a backup needs an absolute path",
		},
		{
			"no reason", func() error { _, err := Resume(t.Context(), socket, "operator ann", ""); return err },
			"resuming needs a person and a reason",
		},
		{"a request that is too large", func() error {
			_, err := Backup(t.Context(), socket, "/"+strings.Repeat("x", maxBody))
			return err
		}, "can't read the request: http: request body too large"},
		{
			"an unknown endpoint", func() error { return call(t.Context(), socket, "sell", time.Second, 1, new(int)) },
			"the running bot at " + socket + " gave an unexpected answer. Is it a different version? ",
		},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if err := c.call(); err == nil || !strings.HasPrefix(err.Error(), c.want) {
				t.Errorf("got %v, want %s", err, c.want)
			}
		})
	}
	if len(bot.calls) != 1 {
		t.Errorf("got calls %q, want one", bot.calls)
	}
}

// Only the bot's own user can connect, whatever the mode of the folder. The socket is the only file beside the ledger,
// and it is removed when the bot stops.
func TestListen_PrivateSocket(t *testing.T) {
	dir := t.TempDir()
	socket := Path(filepath.Join(dir, "ledger.db"))
	stop := serve(t, socket, &fakeBot{})
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 1 || entries[0].Name() != "ledger.db.sock" {
		t.Fatalf("folder: got %v (error %v), want ledger.db.sock alone", entries, err)
	}
	if info, err := os.Lstat(socket); err != nil || info.Mode() != fs.ModeSocket|0o600 {
		t.Errorf("mode of the socket: got %v (error %v), want %v", info.Mode(), err, fs.ModeSocket|0o600)
	}
	stop()
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 0 {
		t.Errorf("folder afterwards: got %v (error %v), want it empty", entries, err)
	}
	if _, err := Backup(t.Context(), socket, "/b.db"); !errors.Is(err, ErrNotRunning) {
		t.Errorf("Backup: got error %v, want %v", err, ErrNotRunning)
	}
}

// A bot that was killed leaves its socket behind. The next one takes its place; a file that is no socket stays.
func TestListen_ExistingFile(t *testing.T) {
	socket := Path(filepath.Join(t.TempDir(), "ledger.db"))
	dead, err := net.ListenUnix("unix", &net.UnixAddr{Name: socket, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	dead.SetUnlinkOnClose(false)
	dead.Close()
	if _, err := Resume(t.Context(), socket, "operator ann", "x"); !errors.Is(err, ErrNotRunning) {
		t.Errorf("Resume at a dead socket: got error %v, want %v", err, ErrNotRunning)
	}
	stop := serve(t, socket, &fakeBot{})
	if _, err := Resume(t.Context(), socket, "operator ann", "x"); err != nil {
		t.Error(err)
	}
	stop()
	if err := os.WriteFile(socket, []byte("dear diary"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := Listen(socket, &fakeBot{}, zerolog.Nop()); err == nil ||
		!strings.HasSuffix(err.Error(), "is not a socket, so it was left alone") {
		t.Errorf("Listen: got error %v, want one that says that the file is no socket", err)
	}
	if text, err := os.ReadFile(socket); err != nil || string(text) != "dear diary" {
		t.Errorf("file: got %q (error %v), want %q", text, err, "dear diary")
	}
	if _, err := Resume(t.Context(), socket, "operator ann", "x"); !errors.Is(err, ErrNotRunning) {
		t.Errorf("Resume at a file: got error %v, want %v", err, ErrNotRunning)
	}
}

// A second backup is refused while one is made, and a bot that stops cancels one that takes too long.
func TestServer_Run_StopsBackup(t *testing.T) {
	began := make(chan struct{})
	bot := &fakeBot{backup: func(ctx context.Context, _ string) (storage.Report, error) {
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
	if _, err := Backup(t.Context(), socket, "/second.db"); err == nil ||
		err.Error() != "another backup is in progress; try again when it's done" {
		t.Errorf("second backup: got error %v, want that another is in progress", err)
	}
	stop()
	if err := <-first; err == nil {
		t.Error("first backup: got no error, want one")
	}
}

// A client that connects and sends nothing, or half a request, or disconnects does not delay others.
func TestServer_HangingClients(t *testing.T) {
	gone := make(chan struct{})
	bot := &fakeBot{backup: func(ctx context.Context, to string) (storage.Report, error) {
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
	request, err := json.Marshal(backupRequest{"/b.db"})
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(c, "POST /backup HTTP/1.1\r\nHost: bot\r\nContent-Length: %d\r\n\r\n%s", len(request), request)
	c.Close()
	<-gone
	stop()
}

// Idle connections count too, and one more than the limit waits: clients of the socket can't use up the bot's file
// descriptors.
func TestServer_MaxClients(t *testing.T) {
	bot := &fakeBot{}
	socket := Path(filepath.Join(t.TempDir(), "ledger.db"))
	serve(t, socket, bot)
	var silent []net.Conn
	for range maxClients {
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
		t.Errorf("Resume beside %d other clients: got error %v, want %v", maxClients, err, context.DeadlineExceeded)
	}
	silent[0].Close()
	if _, err := Resume(t.Context(), socket, "operator ann", "there is a place"); err != nil {
		t.Errorf("Resume when one client has gone: got error %v, want none", err)
	}
}
