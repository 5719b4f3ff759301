#!/usr/bin/env bash
# slack-go returns a *RateLimitedError only for a 429 whose Retry-After is a whole number. A 429 without the header is a
# StatusCodeError, and one with an HTTP date, which RFC 9110 allows too, is strconv's *NumError: it says nothing of a
# rate limit or of HTTP. Code that waits only on RateLimitedError takes both for a broken request, and asks again at
# once. Seen with github.com/slack-go/slack v0.35.0 (checkStatusCode in misc.go), against a server on loopback.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
cat >go.mod <<'MOD'
module finding

go 1.26

require github.com/slack-go/slack v0.35.0
MOD
cat >main.go <<'GO'
package main

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"

	"github.com/slack-go/slack"
)

func main() {
	for _, c := range []struct{ header, want string }{
		{"30", "RateLimitedError"},
		{"", "StatusCodeError"},
		{"Fri, 31 Dec 2100 23:59:59 GMT", "NumError"},
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			if c.header != "" {
				w.Header().Set("Retry-After", c.header)
			}
			w.WriteHeader(http.StatusTooManyRequests)
		}))
		_, err := slack.New("xoxb-1", slack.OptionAPIURL(server.URL+"/")).AuthTest()
		server.Close()
		var limited *slack.RateLimitedError
		var status slack.StatusCodeError
		var number *strconv.NumError
		got := "another error"
		switch {
		case errors.As(err, &limited):
			got = "RateLimitedError"
		case errors.As(err, &status):
			got = "StatusCodeError"
		case errors.As(err, &number):
			got = "NumError"
		}
		fmt.Printf("429, Retry-After %q: %s: %v\n", c.header, got, err)
		if got != c.want {
			fmt.Fprintf(os.Stderr, "slack-go does not answer with a %s any more\n", c.want)
			os.Exit(1)
		}
	}
}
GO
export GOFLAGS=-mod=mod
go run .
