package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"licensebot/slacksim/page"
)

// unnamed is a workspace without names.
type unnamed struct{}

func (unnamed) UserName(string) string    { return "" }
func (unnamed) ChannelName(string) string { return "" }
func (unnamed) GroupName(string) string   { return "" }

// The page shows every emoji of the bot's messages. An emoji that it doesn't know would be shown as its name.
func TestPage_KnowsTheBotsSigns(t *testing.T) {
	files, err := filepath.Glob("../../bot/testdata/*.json")
	if err != nil || len(files) < 50 {
		t.Fatalf("got %d messages (error %v), want at least 50", len(files), err)
	}
	sign := regexp.MustCompile(`:[a-z_]{2,}:`)
	for _, file := range files {
		message, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range sign.FindAllString(string(message), -1) {
			if strings.Contains(string(page.Mrkdwn(name, unnamed{})), name) {
				t.Errorf("%s: got %s as it is written, want a sign", filepath.Base(file), name)
			}
		}
	}
}
