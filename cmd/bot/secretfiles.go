package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
)

// mostSecret is how many bytes of a file are read for a secret: a token has about a hundred.
const mostSecret = 16 << 10

// secret is a setting that must stay secret, with the file that may hold it.
type secret struct {
	name   string
	value  *string
	file   string // of the setting NAME_FILE; empty: the value comes from the environment
	prefix string // of all values
	where  string // it is found
}

const keyWhere = "create one in CoCalc's account settings, under API Keys"

// allSecrets are the three secrets.
func (c *config) allSecrets() []secret {
	return []secret{
		{"SLACK_BOT_TOKEN", &c.SlackBotToken, c.SlackBotTokenFile, "xoxb-", "find it in the Slack app under OAuth & Permissions, once the app is installed"},
		{"SLACK_APP_TOKEN", &c.SlackAppToken, c.SlackAppTokenFile, "xapp-", "create one with connections:write in the Slack app, under Basic Information, App-Level Tokens"},
		{"COCALC_API_KEY", &c.CoCalcAPIKey, c.CoCalcAPIKeyFile, "sk-", keyWhere},
	}
}

// readSecretFiles reads the secrets that come from files, as Docker and Kubernetes provide them. Commands that only
// read the ledger need no secret, so a faulty file is reported only by commands that need it.
func (c *config) readSecretFiles() {
	c.files = secretFiles{read: map[string]bool{}, unread: map[string]settingFault{}}
	for _, s := range c.allSecrets() {
		switch {
		case s.file == "":
		case *s.value != "": // it would be a guess which one counts
			c.files.doubled.add(s.name+"_FILE", "%s is set too. Use only one of them", s.name)
		default:
			var err error
			if *s.value, err = readSecret(s.file); err != nil {
				c.files.unread[s.name] = settingFault{s.name + "_FILE", err.Error()}
			}
			c.files.read[s.name] = err == nil
		}
	}
}

// secretFiles is what came of reading the files of secrets, by the names of their settings without _FILE.
type secretFiles struct {
	read    map[string]bool
	unread  map[string]settingFault
	doubled settingFaults // set in both ways
}

// readSecret reads a file that holds one secret and a line break. Its errors do not repeat what it holds.
func readSecret(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", unreadable(path, err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, mostSecret+1))
	if err != nil {
		return "", unreadable(path, err)
	}
	text, err := cleanValue(string(data))
	switch {
	case err != nil:
		return "", fmt.Errorf("%s: %w", shown(path), err)
	case len(data) > mostSecret:
		return "", fmt.Errorf("%s is too large for a secret", shown(path))
	case text == "":
		return "", fmt.Errorf("%s is empty", shown(path))
	}
	return text, nil
}

// unreadable leaves the path out of the system's words: who put the secret itself in the place of its file would read it
// in the log.
func unreadable(path string, err error) error {
	if e, ok := errors.AsType[*os.PathError](err); ok {
		err = e.Err
	}
	return fmt.Errorf("can't read %s: %w", shown(path), err)
}

// secrets checks that what the bot cannot run without is there and looks right. All faults are told at once.
func (c config) secrets() (faults settingFaults) {
	for _, s := range c.allSecrets() {
		if len(c.faults.of(s.name, s.name+"_FILE")) > 0 {
			continue // already reported
		}
		setting := s.name
		if c.files.read[s.name] {
			setting += "_FILE"
		}
		unread, isUnread := c.files.unread[s.name]
		switch value := *s.value; {
		case isUnread:
			faults = append(faults, unread)
		case value == "":
			faults.add(setting, "not set; %s", s.where)
		case !strings.HasPrefix(value, s.prefix):
			faults.add(setting, "doesn't begin with %s; %s", s.prefix, s.where)
		case strings.ContainsFunc(value, func(r rune) bool { return r <= ' ' || r > '~' || r == '"' }):
			faults.add(setting, "has characters that no token has. Copy it again")
		}
	}
	return faults
}

// needKey checks the one secret that is needed to ask CoCalc.
func (c config) needKey() error {
	return c.secrets().of("COCALC_API_KEY", "COCALC_API_KEY_FILE").err()
}
