package bot

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"
	"github.com/slack-go/slack"

	"licensebot/purchase"
	"licensebot/purchase/desk"
)

// A person of the lists may be a guest. While Slack doesn't tell, a notice to them waits for two minutes and then goes
// without details; once Slack tells, members read them.
func TestPublisher_NoticeForPerson_Unverified(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := &slackDirectory{users: map[string]slack.User{"U1": {ID: "U1", TeamID: "TOWN"}}}
		api.failing.Store(true)
		p := &Publisher{
			desk: desk.New(desk.Options{}), people: NewPeople(api, nil, time.Now, zerolog.Nop()),
			now: time.Now, unverified: map[string]time.Time{},
		}
		n := purchase.Notification{
			ID: "paused-1", Kind: purchase.NotificationPaused, Time: time.Now().Add(-time.Hour),
			Cause: purchase.Cause{
				Code: purchase.NotificationPaused,
				Causes: []purchase.Cause{
					{Code: purchase.IncidentSaid, Args: purchase.Args{"reason": "The invoice of $999.00 is disputed."}},
				},
			},
		}
		told := func() (string, error) {
			c, err := p.noticeFor(t.Context(), n, "U1")
			raw, _ := json.Marshal(c.blocks)
			return c.text + string(raw), err
		}
		for range 2 {
			if text, err := told(); !errors.Is(err, errStandingUnknown) {
				t.Fatalf("it says %s (%v); want %v", text, err, errStandingUnknown)
			}
			time.Sleep(time.Minute + time.Second)
		}
		text, err := told()
		if err != nil || strings.Contains(text, "999") || !strings.Contains(text, "the details are missing here") {
			t.Errorf("after two minutes it says %s (%v); want no error, text without %q, text with %q", text, err, "999",
				"the details are missing here")
		}
		api.failing.Store(false)
		if text, err := told(); err != nil || !strings.Contains(text, "$999.00") {
			t.Errorf("a member reads %s (%v); want no error, text with %q", text, err, "$999.00")
		}
	})
}
