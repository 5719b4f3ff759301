package page_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"licensebot/slacksim"
	"licensebot/slacksim/page"
)

// The page shows a message only after it is stored, so that it is still there after a kill. In this test, storing is
// slow.
func TestPage_Shows_AfterKeep(t *testing.T) {
	said := []byte("a license was bought")
	for _, path := range []string{"/", "/-/events"} {
		t.Run(path, func(t *testing.T) {
			var kept atomic.Bool
			keep := func(snapshot []byte) {
				if bytes.Contains(snapshot, said) {
					time.Sleep(100 * time.Millisecond)
					kept.Store(true)
				}
			}
			ws := slacksim.New(slacksim.Options{Keep: keep})
			t.Cleanup(ws.Close)
			srv := httptest.NewServer(page.New(ws, page.Options{}))
			t.Cleanup(srv.Close)
			if _, err := ws.Person(slacksim.Alice).Say(slacksim.General, string(said)); err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			r, err := http.NewRequestWithContext(ctx, "GET", srv.URL+path+"?as="+slacksim.Alice+"&at="+slacksim.General, nil)
			if err != nil {
				t.Fatal(err)
			}
			resp, err := http.DefaultClient.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			var seen []byte
			for chunk := make([]byte, 4096); !bytes.Contains(seen, said); {
				n, err := resp.Body.Read(chunk)
				if seen = append(seen, chunk[:n]...); err != nil && err != io.EOF || n == 0 {
					t.Fatalf("%v: got the page\n%s\nwant %s in it", err, seen, said)
				}
			}
			if !kept.Load() {
				t.Error("message on the page: got it before it was stored, want it stored first")
			}
		})
	}
}
