//go:build unix

package slacksim_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// snippet is a code block of README.md: a file if it has a name, else commands.
type snippet struct {
	file, language, text string
}

// snippets returns the code blocks of README.md by the title of their section.
func snippets(t *testing.T) map[string][]snippet {
	t.Helper()
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	found := map[string][]snippet{}
	fileName := regexp.MustCompile("^`([\\w.]+)`:$")
	var title string
	var open *snippet
	name := ""
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSuffix(line, "\n")
		language, fence := strings.CutPrefix(line, "```")
		switch {
		case fence && open == nil:
			open = &snippet{file: name, language: language}
		case fence:
			found[title] = append(found[title], *open)
			open, name = nil, ""
		case open != nil:
			open.text += line + "\n"
		case strings.HasPrefix(line, "## "):
			title = line[3:]
		case fileName.MatchString(line):
			name = fileName.FindStringSubmatch(line)[1]
		}
	}
	return found
}

// readmeRig runs the snippets of README.md in a folder of their own.
type readmeRig struct {
	t    *testing.T
	dir  string
	root string // of this repository
	env  []string
}

// newReadmeRig makes an empty folder. There, npm installs the modules of testdata/bolt, and Go uses the modules of this
// repository, whose checksums are known, and downloads nothing.
func newReadmeRig(t *testing.T) *readmeRig {
	t.Helper()
	root, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	r := &readmeRig{t: t, dir: t.TempDir(), root: root}
	bin := t.TempDir()
	modules := filepath.Join(root, "slacksim", "testdata", "bolt", "node_modules")
	npm := fmt.Sprintf(`#!/bin/sh
[ "$*" = "install @slack/bolt@%s" ] || { echo "npm $*: this version is not in testdata/bolt" >&2; exit 1; }
ln -s '%s' node_modules
`, boltVersion(t, modules), modules)
	if err := os.WriteFile(filepath.Join(bin, "npm"), []byte(npm), 0o755); err != nil {
		t.Fatal(err)
	}
	r.env = append(os.Environ(), "PATH="+bin+string(os.PathListSeparator)+os.Getenv("PATH"), "GOPROXY=off", "GOSUMDB=off")
	return r
}

func boltVersion(t *testing.T, modules string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(modules, "@slack", "bolt", "package.json"))
	if err != nil {
		t.Fatalf("got error %v, want Bolt installed: run `make test`, which installs it", err)
	}
	var about struct{ Version string }
	if err := json.Unmarshal(text, &about); err != nil {
		t.Fatal(err)
	}
	return about.Version
}

// write writes the files among the snippets, and returns the commands of the others.
func (r *readmeRig) write(all []snippet) (commands []string) {
	r.t.Helper()
	for _, s := range all {
		if s.file == "" {
			commands = append(commands, strings.ReplaceAll(s.text, "../licensebot", r.root))
			continue
		}
		if err := os.WriteFile(filepath.Join(r.dir, s.file), []byte(s.text), 0o644); err != nil {
			r.t.Fatal(err)
		}
	}
	return commands
}

// shell makes a process of its own group, as a terminal does.
func (r *readmeRig) shell(ctx context.Context, commands string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "sh", "-e", "-c", commands)
	cmd.Dir, cmd.Env, cmd.WaitDelay = r.dir, r.env, 5*time.Second
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	return cmd
}

// run runs commands to their end and returns what they print.
func (r *readmeRig) run(commands string) string {
	r.t.Helper()
	out, err := r.shell(r.t.Context(), commands).CombinedOutput()
	if err != nil {
		r.t.Fatalf("%s: got error %v, want none; the output is:\n%s", commands, err, out)
	}
	return string(out)
}

// start starts commands, and returns a function that ends them as Ctrl-C does.
func (r *readmeRig) start(commands string) (interrupt func()) {
	r.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	cmd := r.shell(ctx, commands)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		cancel()
		r.t.Fatal(err)
	}
	ended := false
	interrupt = func() {
		if ended {
			return
		}
		ended = true
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGINT)
		kill := time.AfterFunc(10*time.Second, cancel)
		defer kill.Stop()
		defer cancel()
		if err := cmd.Wait(); ctx.Err() != nil {
			r.t.Errorf("%s after Ctrl-C: got it running (%v), want it ended; the output is:\n%s", commands, err, &out)
		}
		if r.t.Failed() {
			r.t.Logf("%s printed:\n%s", commands, &out)
		}
	}
	r.t.Cleanup(interrupt)
	return interrupt
}

// The sections with code, and how many blocks of commands they have.
func TestReadme(t *testing.T) {
	all := snippets(t)
	if got, want := slices.Sorted(maps.Keys(all)), []string{
		"In the browser", "The first test of a Bolt app", "The first test of a slack-go app",
	}; !slices.Equal(got, want) {
		t.Fatalf("sections with code: got %q, want %q", got, want)
	}
	for _, title := range []string{"The first test of a slack-go app", "The first test of a Bolt app"} {
		t.Run(title, func(t *testing.T) {
			t.Parallel()
			r := newReadmeRig(t)
			commands := r.write(all[title])
			if len(commands) != 2 {
				t.Fatalf("blocks of commands: got %d, want one before and one after the files", len(commands))
			}
			r.run(commands[0])
			if out := r.run(commands[1]); !strings.Contains(out, "ok  \tcoffee\t") {
				t.Errorf("go test: got %q, want ok", out)
			}
		})
	}
	t.Run("In the browser", func(t *testing.T) {
		t.Parallel()
		r := newReadmeRig(t)
		r.run(r.write(all["The first test of a Bolt app"])[0])
		commands := r.write(all["In the browser"])
		if len(commands) != 2 {
			t.Fatalf("blocks of commands: got %d, want one for each terminal", len(commands))
		}
		// A free port, since another program may use the usual one.
		slacksim := strings.Replace(commands[0], "cmd/slacksim", "cmd/slacksim --address 127.0.0.1:0", 1)
		interrupt := r.start(slacksim)
		defer interrupt()
		page := r.awaitPage()
		r.start(commands[1])
		r.await("the app to connect", func() bool { return !strings.Contains(r.get(page), "not connected") })
		order := `{"as":"U0ALICE","at":"C0GENERAL","text":"/coffee 3 espressos"}`
		resp, err := http.Post(page+"-/do/say", "application/json", strings.NewReader(order))
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		r.await("the answer of the app", func() bool { return strings.Contains(r.get(page), "You ordered 3 espressos.") })
	})
}

// awaitPage waits until the workspace has written .env, and returns the address of its page.
func (r *readmeRig) awaitPage() (address string) {
	r.t.Helper()
	line := regexp.MustCompile(`(?m)^# Web page: (http://\S+/)$`)
	r.await(".env", func() bool {
		text, err := os.ReadFile(filepath.Join(r.dir, ".env"))
		if m := line.FindSubmatch(text); err == nil && m != nil {
			address = string(m[1])
		}
		return address != "" && strings.Contains(string(text), "Ctrl-C")
	})
	return address
}

// await waits until done returns true, for up to five minutes: go run may have to compile first.
func (r *readmeRig) await(what string, done func() bool) {
	r.t.Helper()
	for deadline := time.Now().Add(5 * time.Minute); !done(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			r.t.Fatalf("%s: got nothing within five minutes, want it sooner", what)
		}
	}
}

func (r *readmeRig) get(url string) string {
	r.t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		r.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	return string(body)
}
