package main

import (
	"bytes"
	"io"
	"slices"
	"time"

	"github.com/rs/zerolog"
)

// logger makes the program's log. Whatever is logged, at whatever level, the secrets are taken out on its way.
func (c config) logger(w io.Writer) zerolog.Logger {
	w = &redactor{w, c.secretValues()}
	if c.LogFormat == "console" {
		w = zerolog.ConsoleWriter{Out: w, TimeFormat: time.TimeOnly, NoColor: true}
	}
	return zerolog.New(w).Level(c.LogLevel.Level).With().Timestamp().Logger()
}

func (c config) secretValues() [][]byte {
	var values [][]byte
	for _, s := range []string{c.SlackBotToken, c.SlackAppToken, c.CoCalcAPIKey} {
		if len(s) > 6 { // shorter ones are no secrets, and would blot out words
			values = append(values, []byte(s))
		}
	}
	return values
}

// redactor is the last guard before the log: nothing should bring a secret here, and if something does it goes no
// further. zerolog writes one whole line at a time.
type redactor struct {
	w       io.Writer
	secrets [][]byte
}

func (r *redactor) Write(line []byte) (int, error) {
	out := line
	for _, s := range r.secrets {
		if bytes.Contains(out, s) {
			out = bytes.ReplaceAll(slices.Clone(out), s, []byte("[secret]"))
		}
	}
	if _, err := r.w.Write(out); err != nil {
		return 0, err
	}
	return len(line), nil
}
