package config

import (
	"bytes"
	"encoding/base64"
	"io"
	"regexp"
	"time"

	"github.com/rs/zerolog"

	"licensebot/internal/escape"
)

// Logger returns the program's log, which writes to w. It removes secrets from every line, at all levels.
func (c Settings) Logger(w io.Writer) zerolog.Logger {
	w = &redactor{escape.NewWriter(w), c.secretValues()}
	if c.LogFormat == "console" {
		w = zerolog.ConsoleWriter{Out: w, TimeFormat: time.TimeOnly, NoColor: true}
	}
	return zerolog.New(w).Level(c.LogLevel.Level).With().Timestamp().Logger()
}

// secretValues returns the secrets in every form in which they are sent. CoCalc's key is also the user name of basic
// authentication.
func (c Settings) secretValues() [][]byte {
	values := [][]byte{}
	for _, s := range []string{c.SlackBotToken, c.SlackAppToken, c.CoCalcAPIKey} {
		if len(s) > 6 { // a shorter value is no secret, and could be part of an ordinary word
			values = append(values, []byte(s), []byte(base64.StdEncoding.EncodeToString([]byte(s+":"))))
		}
	}
	return values
}

// secretAddresses are the parts of addresses that work like a token: the ticket of a socket, and the path of a response
// URL, with which anyone can post in a channel. They reach the log in errors of net/http.
var secretAddresses = regexp.MustCompile(
	`ticket=[^&\s"'\\]+|https?://hooks\.slack[^/\s"'\\]*/[^\s"'\\]+|/(?:commands|actions|app)/[TE][0-9A-Z]+/[^\s"'\\]+`)

// redactor removes secrets from log lines, as a last safeguard: no part of the program should log one. zerolog writes
// one whole line at a time.
type redactor struct {
	w       io.Writer
	secrets [][]byte
}

func (r *redactor) Write(line []byte) (int, error) {
	out := secretAddresses.ReplaceAll(line, mask)
	for _, s := range r.secrets {
		out = bytes.ReplaceAll(out, s, mask)
	}
	if _, err := r.w.Write(out); err != nil {
		return 0, err
	}
	return len(line), nil
}

var mask = []byte("[secret]")
