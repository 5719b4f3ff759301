package main

import (
	"encoding/json"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"licensebot/internal/processtest"
	"licensebot/slacksim"
)

// In JSON, an unchecked setting is distinct from a warning.
func TestCheck_JSON(t *testing.T) {
	env := newEnv(t)
	processtest.Environment(t, env.settings(t, "ADMINS=U0TYPO"))
	env.slack.SetFaults(slacksim.Faults{Methods: map[string]slacksim.MethodFault{"conversations.info": {Status: 500}}})
	os.Setenv("PURCHASES_CHANNEL", slacksim.General)
	found := map[string]finding{}
	got := does(t, "", "check", "--json")
	for line := range strings.Lines(got.out) {
		var f finding
		if err := json.Unmarshal([]byte(line), &f); err != nil {
			t.Fatal(err)
		}
		found[f.Subject] = f
	}
	if f := found["ADMINS"]; got.code != 1 || f.Result != fail || f.Unchecked || f.Remedy == "" {
		t.Errorf("ADMINS: got exit code %d, %+v; want 1, a checked failure with its remedy", got.code, f)
	}
	if f := found["PURCHASES_CHANNEL"]; f.Result != warn || !f.Unchecked {
		t.Errorf("PURCHASES_CHANNEL: got %+v, want a warning that it is not checked", f)
	}
	if f := found["CoCalc store"]; f.Result != pass || f.Text != "$1,000.00 in credit" {
		t.Errorf("CoCalc store: got %+v, want passed, $1,000.00 in credit", f)
	}
}

// A CoCalc, or an organization's proxy, with a certificate of an authority that the machine does not know.
func TestCheck_UnknownCertificate(t *testing.T) {
	front := httptest.NewTLSServer(http.NotFoundHandler())
	front.Config.ErrorLog = log.New(io.Discard, "", 0)
	t.Cleanup(front.Close)
	env := newEnv(t)
	processtest.Environment(t, env.settings(t, "COCALC_URL="+front.URL, "SLACK_API_URL="+front.URL+"/api/"))
	for _, c := range []struct{ file, says string }{
		{"", "set SSL_CERT_FILE to it.\n"},
		{"/nowhere/ca.pem", "SSL_CERT_FILE is /nowhere/ca.pem, which can't be read.\n"},
	} {
		t.Setenv("SSL_CERT_FILE", c.file)
		got := does(t, "", "check")
		for _, subject := range []string{"FAIL Slack bot token: ", "FAIL CoCalc server: "} {
			_, line, _ := strings.Cut(got.out, subject)
			line, _, _ = strings.Cut(line, "\n")
			if !strings.Contains(line, "is signed by an authority that this machine doesn't trust") ||
				!strings.HasSuffix(line+"\n", c.says) {
				t.Errorf("line of the certificate: got exit code %d, %q; want a text of the signing authority, ending with %q:\n%s",
					got.code, line, c.says, got.out)
			}
		}
	}
}

// A wrong clock is reported in minutes, against both servers.
func TestCheck_WrongClock(t *testing.T) {
	slow := time.Now().Add(-10 * time.Minute)
	now := time.Now()
	c := newClocks(func() time.Time { return now })
	c.note("Slack", now.UTC().Format(http.TimeFormat), now.Add(-time.Second), now)
	c.note("CoCalc", slow.UTC().Format(http.TimeFormat), now, now)
	c.note("CoCalc", "yesterday", now, now) // not a date, so it is ignored
	k := checker{clocks: c}
	k.checkClock(t.Context())
	if len(k.findings) != 1 || k.findings[0].Result != warn ||
		!strings.Contains(k.findings[0].Text, "is 10m0s ahead of CoCalc's") {
		t.Errorf("got %v, want one warning, 10m0s ahead of CoCalc's clock", k.findings)
	}
	k = checker{clocks: newClocks(time.Now)}
	k.checkClock(t.Context())
	if len(k.findings) != 1 || !k.findings[0].Unchecked {
		t.Errorf("got %v, want one finding that the clock is not checked", k.findings)
	}
}
