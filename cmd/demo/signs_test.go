package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"licensebot/slacksim/page"
)

// nobody has a name on the page of this test.
type nobody struct{}

func (nobody) UserName(string) string    { return "" }
func (nobody) ChannelName(string) string { return "" }
func (nobody) GroupName(string) string   { return "" }

// The page of the demo shows every sign that the bot's messages have: what it does not know would stand there as a word.
func TestThePageKnowsTheBotsSigns(t *testing.T) {
	files, err := filepath.Glob("../../bot/testdata/*.json")
	if err != nil || len(files) < 50 {
		t.Fatalf("%d messages, %v", len(files), err)
	}
	sign := regexp.MustCompile(`:[a-z_]{2,}:`)
	for _, file := range files {
		message, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range sign.FindAllString(string(message), -1) {
			if strings.Contains(string(page.Mrkdwn(name, nobody{})), name) {
				t.Errorf("%s: the page shows %s as it is written", filepath.Base(file), name)
			}
		}
	}
}
