package config

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
)

// mostSecret is how many bytes of a file are read for a secret: a token has about a hundred.
const mostSecret = 16 << 10

// Secret is a setting that must stay secret, with the file that may hold it.
type Secret struct {
	Name string // of the setting
	File string // value of the setting NAME_FILE; empty: the secret comes from the environment

	value  *string
	prefix string // of all values
	where  string // it is found
}

const keyWhere = "create one in CoCalc's account settings, under API Keys"

// Secrets are the three secrets.
func (c *Settings) Secrets() []Secret {
	return []Secret{
		{
			"SLACK_BOT_TOKEN", c.SlackBotTokenFile, &c.SlackBotToken, "xoxb-",
			"find it in the Slack app under OAuth & Permissions, once the app is installed",
		},
		{
			"SLACK_APP_TOKEN", c.SlackAppTokenFile, &c.SlackAppToken, "xapp-",
			"create one with connections:write in the Slack app, under Basic Information, App-Level Tokens",
		},
		{"COCALC_API_KEY", c.CoCalcAPIKeyFile, &c.CoCalcAPIKey, "sk-", keyWhere},
	}
}

// readSecretFiles reads the secrets that come from files, as Docker and Kubernetes provide them. Commands that only
// read the ledger need no secret, so a faulty file is reported only by commands that need it.
func (c *Settings) readSecretFiles() {
	c.files = secretFiles{read: map[string]bool{}, unread: map[string]Fault{}}
	for _, s := range c.Secrets() {
		switch {
		case s.File == "":
		case *s.value != "": // it is unknown which of the two should count
			c.files.doubled.Add(s.Name+"_FILE", "%s is set too. Use only one of them", s.Name)
		default:
			var err error
			if *s.value, err = readSecret(s.File); err != nil {
				c.files.unread[s.Name] = Fault{s.Name + "_FILE", err.Error()}
			}
			c.files.read[s.Name] = err == nil
		}
	}
}

// secretFiles is what came of reading the files of secrets, by the names of their settings without _FILE.
type secretFiles struct {
	read    map[string]bool
	unread  map[string]Fault
	doubled Faults // set in both ways
}

// readSecret reads a file that holds one secret and a line break. Its errors don't repeat the content.
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
		return "", fmt.Errorf("%s: %w", redactValue(path), err)
	case len(data) > mostSecret:
		return "", fmt.Errorf("%s is too large for a secret", redactValue(path))
	case text == "":
		return "", fmt.Errorf("%s is empty", redactValue(path))
	}
	return text, nil
}

// unreadable returns an error of reading a file, without its path: people may write the secret itself where the path of
// its file belongs, and it must not get into the log.
func unreadable(path string, err error) error {
	if e, ok := errors.AsType[*os.PathError](err); ok {
		err = e.Err
	}
	return fmt.Errorf("can't read %s: %w", redactValue(path), err)
}

// CheckSecrets checks that the required secrets are set and have the right form. It returns all faults at once.
func (c Settings) CheckSecrets() (faults Faults) {
	for _, s := range c.Secrets() {
		if len(c.Faults.Of(s.Name, s.Name+"_FILE")) > 0 {
			continue // already reported
		}
		setting := s.Name
		if c.files.read[s.Name] {
			setting += "_FILE"
		}
		unread, isUnread := c.files.unread[s.Name]
		switch value := *s.value; {
		case isUnread:
			faults = append(faults, unread)
		case value == "":
			faults.Add(setting, "not set; %s", s.where)
		case !strings.HasPrefix(value, s.prefix):
			faults.Add(setting, "doesn't begin with %s; %s", s.prefix, s.where)
		case strings.ContainsFunc(value, func(r rune) bool { return r <= ' ' || r > '~' || r == '"' }):
			faults.Add(setting, "has characters that no token has. Copy it again")
		}
	}
	return faults
}

// CheckKey checks COCALC_API_KEY, the only secret that requests to CoCalc need.
func (c Settings) CheckKey() error {
	return c.CheckSecrets().Of("COCALC_API_KEY", "COCALC_API_KEY_FILE").Err()
}
