package main

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// The test binary is also the command: with this variable in its environment it runs main.
const asCommand = "SLACKSIM_TEST_AS_COMMAND"

func TestMain(m *testing.M) {
	if os.Getenv(asCommand) != "" {
		main()
	}
	os.Exit(m.Run())
}

// command returns slacksim with these arguments as a process that is not yet started.
func command(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), exe, args...)
	cmd.Env = append(os.Environ(), asCommand+"=1")
	return cmd
}

// start starts slacksim, and returns the process and the variables and comments that it prints.
func start(t *testing.T, args ...string) (cmd *exec.Cmd, variables map[string]string, comments []string) {
	t.Helper()
	cmd = command(t, args...)
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var text []byte
	for buffer := make([]byte, 4096); !bytes.Contains(text, []byte("Ctrl-C")); {
		n, err := stdout.Read(buffer)
		text = append(text, buffer[:n]...)
		if err != nil {
			t.Fatalf("got error %v after the output %q, want slacksim running", err, text)
		}
	}
	variables = map[string]string{}
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSuffix(line, "\n")
		if comment, ok := strings.CutPrefix(line, "# "); ok {
			comments = append(comments, comment)
			continue
		}
		name, value, ok := strings.Cut(line, "=")
		if !ok {
			t.Errorf("got the line %q, want a variable or a comment", line)
		}
		variables[name] = value
	}
	return cmd, variables, comments
}

// post calls a method of the Web API and returns the answer.
func post(t *testing.T, url, token string) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	return answer(t, req)
}

func answer(t *testing.T, req *http.Request) string {
	t.Helper()
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.Status + " " + string(body)
}

func get(t *testing.T, url string) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	return answer(t, req)
}

func TestCommand_Interrupt_Ends(t *testing.T) {
	cmd, variables, comments := start(t, "--address", "127.0.0.1:0", "--persons", "dora, e.mil")
	url := variables["SLACK_API_URL"]
	if got := post(t, url+"auth.test", variables["SLACK_BOT_TOKEN"]); !strings.Contains(got, `"ok":true`) {
		t.Errorf("auth.test: got %s, want ok", got)
	}
	if got := post(t, url+"apps.connections.open", variables["SLACK_APP_TOKEN"]); !strings.Contains(got, `"ok":true`) {
		t.Errorf("apps.connections.open: got %s, want ok", got)
	}
	address := strings.TrimSuffix(url, "api/")
	want := []string{
		"Web page: " + address, "Person: dora (U0DORA)", "Person: e.mil (U0EMIL)",
		"Channel: #general (C0GENERAL), the app is a member", "Channel: #random (C0RANDOM), the app is not a member",
		"Ctrl-C ends the workspace.",
	}
	if got := strings.Join(comments, "\n"); got != strings.Join(want, "\n") {
		t.Errorf("comments: got\n%s\nwant\n%s", got, strings.Join(want, "\n"))
	}
	if got := get(t, address); !strings.HasPrefix(got, "200") || !strings.Contains(got, "Dora") {
		t.Errorf("page: got %.200s, want 200 with Dora", got)
	}
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("after Ctrl-C: got %v, want exit code 0", err)
	}
}

func TestCommand_Page_Off(t *testing.T) {
	cmd, variables, comments := start(t, "--address=127.0.0.1:0", "--page=false")
	for _, comment := range comments {
		if strings.HasPrefix(comment, "Web page") {
			t.Errorf("comment: got %q, want none about a page", comment)
		}
	}
	if got := get(t, strings.TrimSuffix(variables["SLACK_API_URL"], "api/")); !strings.HasPrefix(got, "404") {
		t.Errorf("page: got %.100s, want 404", got)
	}
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("after Ctrl-C: got %v, want exit code 0", err)
	}
}

func TestRun_Arguments(t *testing.T) {
	// A workspace that starts by mistake ends at once.
	ctx, cancel := context.WithDeadline(t.Context(), time.Unix(0, 0))
	defer cancel()
	for _, c := range []struct {
		name   string
		args   string
		code   int
		stdout string // is contained in the output
		stderr string
	}{
		{"help", "--help", exitOK, "Usage: slacksim [flags]", ""},
		{"unknown flag", "--port 1", exitUsage, "", "flag provided but not defined: -port"},
		{"unknown argument", "start", exitUsage, "", `unknown argument "start"`},
		{"person without a handle", "--persons Alice", exitUsage, "", `"Alice" is not a handle`},
		{"no persons", "--persons=", exitUsage, "", `"" is not a handle`},
		{"persons with one id", "--persons a.b,ab", exitUsage, "", `the user id of "ab" is that of another person`},
		{"person with the app's id", "--persons bot", exitUsage, "", `the user id of "bot" is that of the app`},
		{"address that can't be opened", "--address 127.0.0.1:99999", exitFailed, "", "listen"},
		{"free port", "--address 127.0.0.1:0", exitOK, "SLACK_BOT_TOKEN=xoxb-simulated-bot\n", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			var stdout, stderr bytes.Buffer
			if code := run(ctx, strings.Fields(c.args), &stdout, &stderr); code != c.code {
				t.Errorf("got exit code %d, want %d", code, c.code)
			}
			for _, out := range []struct{ name, got, want string }{
				{"standard output", stdout.String(), c.stdout}, {"standard error", stderr.String(), c.stderr},
			} {
				if out.want == "" && out.got != "" || !strings.Contains(out.got, out.want) {
					t.Errorf("%s: got %q, want %q in it", out.name, out.got, out.want)
				}
			}
		})
	}
}
