package bot_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/slack-go/slack"

	"licensebot/bot"
)

var updateManifest = flag.Bool("update-manifest", false, "write testdata/manifest.json anew")

func TestManifest_Golden(t *testing.T) {
	got, err := bot.Manifest("licensebot")
	if err != nil {
		t.Fatal(err)
	}
	golden := filepath.Join("testdata", "manifest.json")
	if *updateManifest {
		if err := os.WriteFile(golden, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("testdata/manifest.json (-want +got):\n%s", diff)
	}
}

// slack-go's types of a manifest know every field that Slack does: a name that they do not know is misspelt.
func TestManifest_KnownFields(t *testing.T) {
	data, err := bot.Manifest("licensebot")
	if err != nil {
		t.Fatal(err)
	}
	var m slack.Manifest
	strict := json.NewDecoder(bytes.NewReader(data))
	strict.DisallowUnknownFields()
	if err := strict.Decode(&m); err != nil {
		t.Fatal(err)
	}
	if !m.Settings.SocketModeEnabled || m.Settings.Interactivity == nil || !m.Settings.Interactivity.IsEnabled {
		t.Errorf("got %+v, want Socket Mode and interactivity", m.Settings)
	}
	if m.Settings.TokenRotationEnabled {
		t.Error("got token rotation, want none: the bot token would expire every twelve hours")
	}
	if m.Settings.EventSubscriptions == nil || !slices.Contains(m.Settings.EventSubscriptions.BotEvents,
		"app_home_opened") {
		t.Error("got no app_home_opened, want it: the Home tab would stay empty")
	}
	if home := m.Features.AppHome; !home.HomeTabEnabled || !home.MessagesTabEnabled || home.MessagesTabReadOnlyEnabled {
		t.Errorf("got %+v, want the Home and Messages tabs, and messages that people can write", home)
	}
	if diff := cmp.Diff(bot.Scopes(), m.OAuthConfig.Scopes.Bot); diff != "" {
		t.Errorf("scopes of the manifest (-want +got):\n%s", diff)
	}
	if len(m.Features.SlashCommands) != 1 {
		t.Fatalf("slash commands: got %d, want 1", len(m.Features.SlashCommands))
	}
	// Without should_escape people's names in a command arrive as text, and no one can be meant by them.
	if c := m.Features.SlashCommands[0]; c.Command != "/license" || !c.ShouldEscape || c.Url != "" {
		t.Errorf("got %+v, want /license with escaping and without a URL", c)
	}
}

func TestManifest_Name(t *testing.T) {
	for _, name := range []string{
		"x", "licensebot", "Licences & <more>", `say "hi"`, "Lizenzen für Müller",
		strings.Repeat("é", 35),
	} {
		data, err := bot.Manifest(name)
		if err != nil {
			t.Errorf("%q: got error %v, want none", name, err)
			continue
		}
		var m slack.Manifest
		if err := json.Unmarshal(data, &m); err != nil {
			t.Errorf("%q: got error %v, want none", name, err)
		}
		if m.Display.Name != name || m.Features.BotUser.DisplayName != name {
			t.Errorf("%q: got the name %q, its bot's %q; want the same", name, m.Display.Name, m.Features.BotUser.DisplayName)
		}
	}
}

func TestManifest_RefusedNames(t *testing.T) {
	for words, name := range map[string]string{
		"empty":              "",
		"only blanks":        "   ",
		"36 characters":      strings.Repeat("a", 36),
		"36 long characters": strings.Repeat("é", 36),
		"a blank in front":   " licensebot",
		"a line end":         "licensebot\n",
	} {
		t.Run(words, func(t *testing.T) {
			data, err := bot.Manifest(name)
			if err == nil || !strings.Contains(err.Error(), "1 to 35 characters") {
				t.Errorf("got error %v, want the rule in words", err)
			}
			if data != nil {
				t.Errorf("manifest: got %s, want none", data)
			}
		})
	}
}
