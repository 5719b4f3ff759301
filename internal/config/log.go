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

// Logger makes the program's log. Whatever is logged, at whatever level, the secrets are taken out on its way.
func (c Settings) Logger(w io.Writer) zerolog.Logger {
	w = &redactor{escape.NewWriter(w), c.secretValues()}
	if c.LogFormat == "console" {
		w = zerolog.ConsoleWriter{Out: w, TimeFormat: time.TimeOnly, NoColor: true}
	}
	return zerolog.New(w).Level(c.LogLevel.Level).With().Timestamp().Logger()
}

// secretValues are the secrets in every form in which they travel: CoCalc's key goes out as the user name of basic
// authentication.
func (c Settings) secretValues() [][]byte {
	values := [][]byte{}
	for _, s := range []string{c.SlackBotToken, c.SlackAppToken, c.CoCalcAPIKey} {
		if len(s) > 6 { // shorter ones are no secrets, and would blot out words
			values = append(values, []byte(s), []byte(base64.StdEncoding.EncodeToString([]byte(s+":"))))
		}
	}
	return values
}

// secretAddresses are the parts of addresses that work like a token: the ticket of a socket, and the path of a response
// URL, with which anyone can post in a channel. They reach the log in errors of net/http.
var secretAddresses = regexp.MustCompile(
	`ticket=[^&\s"'\\]+|https?://hooks\.slack[^/\s"'\\]*/[^\s"'\\]+|/(?:commands|actions|app)/[TE][0-9A-Z]+/[^\s"'\\]+`)

// redactor is the last guard before the log: nothing should bring a secret here, and if something does it goes no
// further. zerolog writes one whole line at a time.
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
