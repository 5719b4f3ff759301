package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"licensebot/commands"
	"licensebot/internal/processtest"
	"licensebot/slacksim"
)

// documents are the pages whose commands people copy.
var documents = []string{
	"README.md", "docs/user-guide.md", "docs/admin-guide.md", "docs/troubleshooting.md", "docs/cocalc.md",
	"docs/policy.md",
}

var (
	codeSpan  = regexp.MustCompile("`([^`\n]+)`")
	shellCode = regexp.MustCompile("(?ms)^ *```sh\n(.*?)^ *```")
	// remark is what follows a command in a line of shell.
	remark = regexp.MustCompile(`\s{2,}#.*$`)
)

// documentedCommands returns the commands that the documents show, each once, with the first document that shows it.
func documentedCommands(t *testing.T) map[string]string {
	t.Helper()
	found := map[string]string{}
	for _, document := range documents {
		text, err := os.ReadFile(filepath.Join("..", "..", document))
		if err != nil {
			t.Fatal(err)
		}
		add := func(command string) {
			if found[command] == "" {
				found[command] = document
			}
		}
		for _, block := range shellCode.FindAllStringSubmatch(string(text), -1) {
			for line := range strings.Lines(block[1]) {
				if line = strings.TrimSpace(remark.ReplaceAllString(strings.TrimRight(line, "\n"), "")); line != "" {
					add(strings.Replace(line, "bin/bot ", "bot ", 1))
				}
			}
		}
		for _, span := range codeSpan.FindAllStringSubmatch(shellCode.ReplaceAllString(string(text), ""), -1) {
			command := strings.ReplaceAll(span[1], `\|`, "|")
			command = strings.Replace(command, "bin/bot ", "bot ", 1)
			if strings.HasPrefix(command, "/license") || strings.HasPrefix(command, "bot ") {
				add(command)
			}
		}
	}
	return found
}

// A command in the documents that begins with /license is one that the bot knows, once its placeholders in capitals
// have values.
func TestDocs_SlackCommands_AreKnown(t *testing.T) {
	words := strings.NewReplacer("show ID", "show f05a", "end ID", "end f05a", "keep ID", "keep f05a",
		"ID", "01KAR000000000000000000001", "REASON", "month-end close",
		"[active|expired|all]", "expired", "[command or field]", "uptime", "[month-end close]", "month-end close")
	n := 0
	for command, document := range documentedCommands(t) {
		text, isSlack := strings.CutPrefix(command, "/license")
		if !isSlack {
			continue
		}
		n++
		if _, mistakes := commands.Parse(words.Replace(strings.TrimSpace(text))); len(mistakes) > 0 {
			t.Errorf("%s shows %q: got the mistakes %q, want none", document, command, mistakes)
		}
	}
	if n < 20 {
		t.Errorf("got %d commands, want at least 20", n)
	}
}

// excludedCommands are the beginnings of commands that this test does not run, with the reason.
var excludedCommands = []struct{ command, reason string }{
	{"bot run", "TestRun_Start_OnEveryServer and others"},
	{"export ", "settings of every test"},
	{"docker ", "needs Docker; the tests of backups run the command"},
	{"15 3 * * * ", "needs cron; the tests of backups run the command"},
	{"go run ./cmd/demo", "the tests of cmd/demo"},
	{"go test ", "every run of the tests"},
	{"make ", "every developer"},
	{".ci/run", "every change"},
	{"bot completion bash|zsh|fish", "the tests of completion"},
}

// isExcluded reports whether the test does not run a command.
func isExcluded(command string) bool {
	for _, e := range excludedCommands {
		if strings.HasPrefix(command, e.command) {
			return true
		}
	}
	return false
}

// shellWord is a word of a command, or several in quotes.
var shellWord = regexp.MustCompile(`'[^']*'|\S+`)

// commandArguments are the arguments of commands that the documents name without them. folder has a backup.
var commandArguments = map[string]func(folder string) []string{
	"restore":       func(folder string) []string { return []string{filepath.Join(folder, "restored.db"), "--yes"} },
	"backup":        func(folder string) []string { return []string{filepath.Join(folder, "another.db")} },
	"resume":        func(string) []string { return []string{"the books are closed"} },
	"verify --head": func(string) []string { return []string{"1:abcdef"} },
}

// Every command in the documents that runs on the machine succeeds, with files of the test in place of the named ones.
func TestDocs_ShellCommands_Run(t *testing.T) {
	env := newEnv(t)
	s := env.settings(t, "ADMINS="+slacksim.Carol)
	env.buy(t, s["DATABASE"], 1)
	processtest.Environment(t, s)
	folder := t.TempDir()
	backup := filepath.Join(folder, "restored.db")
	if got := does(t, "", "backup", backup); got.code != 0 {
		t.Fatalf("bot backup: got exit code %d, want 0: %s%s", got.code, got.out, got.err)
	}
	ran := 0
	for command, document := range documentedCommands(t) {
		if strings.HasPrefix(command, "/license") || isExcluded(command) {
			continue
		}
		args, isBot := strings.CutPrefix(command, "bot ")
		if !isBot {
			t.Errorf("%s shows %q: got no test that runs it, want one", document, command)
			continue
		}
		ran++
		t.Run(command, func(t *testing.T) {
			args = strings.NewReplacer("COMMAND", "check", "REASON", "the books are closed", "/backup/licensebot-2026-11-23.db",
				backup+" --yes",
				"/backup/l.db", filepath.Join(folder, "l.db"), "FILE", filepath.Join(folder, "file.db"), "ID",
				"01KAR000000000000000000001").Replace(args)
			words := shellWord.FindAllString(args, -1)
			for i := range words {
				words[i] = strings.Trim(words[i], "'")
			}
			if more := commandArguments[args]; more != nil { // named in a sentence, without its arguments
				words = append(words, more(folder)...)
			}
			got := does(t, "", words...)
			if got.code == 2 || strings.Contains(got.err, "unknown") {
				t.Errorf("%s, %q: got exit code %d, want a known command: %s%s", document, command, got.code, got.out, got.err)
			}
		})
	}
	if ran < 15 {
		t.Errorf("got %d commands, want at least 15", ran)
	}
}
