package socket

import (
	"regexp"
	"strings"

	"github.com/rs/zerolog"
)

// libraryLog lets slack-go write to our log. Its debug mode stays off at every log level: it logs whole payloads, and
// makes Slack close each socket after six minutes.
type libraryLog struct{ log zerolog.Logger }

// Output is the method that slack.OptionLog and socketmode.OptionLog ask for.
func (l libraryLog) Output(_ int, line string) error {
	l.log.Debug().Str("from", "slack-go").Msg(redact(strings.TrimSpace(line)))
	return nil
}

// secrets are Slack's tokens, and the secret parts of its URLs: the ticket of a socket, and the path of a response_url,
// with which anyone can post.
var secrets = regexp.MustCompile(`\bx(?:ox[a-z]|app)[-.][\w.%-]+|(?:ticket|token)=[^&\s"']+|https?://hooks\.[^\s"']+|` +
	`/(?:commands|actions|response)/[\w%-]+/[^\s"']+`)

// redact takes secrets out of a text for the log.
func redact(text string) string {
	return secrets.ReplaceAllString(text, "[secret]")
}
