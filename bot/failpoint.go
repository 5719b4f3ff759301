package bot

import (
	"context"
	"strings"

	"github.com/slack-go/slack"

	"licensebot/internal/failpoint"
)

// WithFailpoints returns Slack's Web API with a failpoint before and after each call.
func WithFailpoints(api WebAPI) WebAPI { return failpointAPI{api} }

// RespondWithFailpoints returns options with a failpoint before and after each post to a response URL.
func RespondWithFailpoints(o Options) Options {
	o.answers = failpointResponder{newResponder(o), failpoint.Answer}
	o.cards = failpointResponder{newResponder(o), failpoint.Card}
	return o
}

// failpointResponder posts between two failpoints.
type failpointResponder struct {
	next responder
	name failpoint.Name
}

func (r failpointResponder) respond(ctx context.Context, url string, c content, replace bool) (err error) {
	withFailpoints(r.name, func() { err = r.next.respond(ctx, url, c, replace) })
	return err
}

// failpointAPI is Slack's Web API with failpoints. It names each method, so that a new one is
// not forgotten here.
type failpointAPI struct{ api WebAPI }

// withFailpoints makes a call between its two failpoints.
func withFailpoints(what failpoint.Name, call func()) {
	failpoint.Hit(failpoint.Before, what)
	call()
	failpoint.Hit(failpoint.After, what)
}

func (s failpointAPI) PostMessageContext(ctx context.Context, channel string,
	options ...slack.MsgOption,
) (at, ts string, err error) {
	what := failpoint.Post
	if strings.HasPrefix(channel, "D") {
		what = failpoint.PostDirectly
	}
	withFailpoints(what, func() { at, ts, err = s.api.PostMessageContext(ctx, channel, options...) })
	return at, ts, err
}

func (s failpointAPI) PostEphemeralContext(ctx context.Context, channel, user string,
	options ...slack.MsgOption,
) (ts string, err error) {
	withFailpoints(failpoint.PostUnseen, func() { ts, err = s.api.PostEphemeralContext(ctx, channel, user, options...) })
	return ts, err
}

func (s failpointAPI) UpdateMessageContext(ctx context.Context, channel, timestamp string,
	options ...slack.MsgOption,
) (at, ts, text string, err error) {
	withFailpoints(failpoint.Update, func() {
		at, ts, text, err = s.api.UpdateMessageContext(ctx, channel, timestamp, options...)
	})
	return at, ts, text, err
}

func (s failpointAPI) AuthTestContext(ctx context.Context) (own *slack.AuthTestResponse, err error) {
	withFailpoints(failpoint.OwnTeam, func() { own, err = s.api.AuthTestContext(ctx) })
	return own, err
}

func (s failpointAPI) GetUserInfoContext(ctx context.Context, user string,
	options ...slack.GetUserInfoOption,
) (u *slack.User, err error) {
	withFailpoints(failpoint.LookUp, func() { u, err = s.api.GetUserInfoContext(ctx, user, options...) })
	return u, err
}

func (s failpointAPI) GetUsersContext(ctx context.Context, options ...slack.GetUsersOption) ([]slack.User, error) {
	// of large channels alone; a kill there is one while a person is looked up
	return s.api.GetUsersContext(ctx, options...)
}

func (s failpointAPI) GetUserGroupMembersContext(ctx context.Context, group string,
	options ...slack.GetUserGroupMembersOption,
) (users []string, err error) {
	withFailpoints(failpoint.Members, func() { users, err = s.api.GetUserGroupMembersContext(ctx, group, options...) })
	return users, err
}

func (s failpointAPI) GetConversationInfoContext(ctx context.Context,
	input *slack.GetConversationInfoInput,
) (c *slack.Channel, err error) {
	withFailpoints(failpoint.Channel, func() { c, err = s.api.GetConversationInfoContext(ctx, input) })
	return c, err
}

func (s failpointAPI) GetUsersInConversationContext(ctx context.Context,
	params *slack.GetUsersInConversationParameters,
) (ids []string, next string, err error) {
	withFailpoints(failpoint.Readers, func() { ids, next, err = s.api.GetUsersInConversationContext(ctx, params) })
	return ids, next, err
}

func (s failpointAPI) OpenConversationContext(ctx context.Context,
	params *slack.OpenConversationParameters,
) (c *slack.Channel, noOp, open bool, err error) {
	withFailpoints(failpoint.OpenDirect, func() { c, noOp, open, err = s.api.OpenConversationContext(ctx, params) })
	return c, noOp, open, err
}

func (s failpointAPI) OpenViewContext(ctx context.Context, triggerID string,
	view slack.ModalViewRequest,
) (r *slack.ViewResponse, err error) {
	withFailpoints(failpoint.OpenForm, func() { r, err = s.api.OpenViewContext(ctx, triggerID, view) })
	return r, err
}

func (s failpointAPI) UpdateViewContext(ctx context.Context, view slack.ModalViewRequest,
	externalID, hash, viewID string,
) (r *slack.ViewResponse, err error) {
	withFailpoints(failpoint.UpdateForm, func() { r, err = s.api.UpdateViewContext(ctx, view, externalID, hash, viewID) })
	return r, err
}

func (s failpointAPI) PublishViewContext(ctx context.Context,
	req slack.PublishViewContextRequest,
) (r *slack.ViewResponse, err error) {
	withFailpoints(failpoint.PublishHome, func() { r, err = s.api.PublishViewContext(ctx, req) })
	return r, err
}
