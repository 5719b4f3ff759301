package slacksim

import (
	"slices"
	"strconv"
	"strings"
)

func apiTest(_ *Workspace, q *request) (obj, *apiError) {
	args := obj{}
	for k, v := range q.strings() {
		args[k] = v
	}
	if e := q.str("error"); e != "" {
		return nil, failed(e)
	}
	return obj{"args": args}, nil
}

func authTest(ws *Workspace, _ *request) (obj, *apiError) {
	app, team := ws.opts.App, ws.opts.Team
	return obj{
		"url": "https://" + team.Domain + ".slack.com/", "team": team.Name, "user": app.Name,
		"team_id": team.ID, "user_id": app.BotUserID, "bot_id": app.BotID, "is_enterprise_install": false,
	}, nil
}

func connectionsOpen(ws *Workspace, q *request) (obj, *apiError) {
	ticket := secret()
	ws.mu.Lock()
	defer ws.mu.Unlock()
	ws.tickets[ticket] = true
	// The client is led to the host it came by, which need not be the one listened on.
	return obj{"url": "ws://" + q.http.Host + "/link/?ticket=" + ticket + "&app_id=" + ws.opts.App.ID}, nil
}

func usersInfo(ws *Workspace, q *request) (obj, *apiError) {
	id := q.str("user")
	u, ok := ws.User(id)
	if !ok || u.ID != id {
		return nil, failed("user_not_found")
	}
	return obj{"user": ws.userJSON(u)}, nil
}

func (ws *Workspace) userJSON(u User) obj {
	profile := obj{"real_name": u.RealName, "display_name": u.Name, "team": u.TeamID}
	if u.Email != "" && slices.Contains(ws.opts.App.BotScopes, "users:read.email") {
		profile["email"] = u.Email
	}
	out := obj{
		"id": u.ID, "team_id": u.TeamID, "name": u.Name, "real_name": u.RealName, "deleted": u.Deleted,
		"tz": u.TZ, "profile": profile, "is_bot": u.Bot, "is_admin": u.Admin, "is_owner": u.Owner,
		"is_restricted": u.Restricted, "is_ultra_restricted": u.UltraRestricted, "is_app_user": false,
		"updated": ws.Now().Unix(),
	}
	if u.TeamID != ws.opts.Team.ID {
		out["is_stranger"] = u.Stranger // Slack tells it of people from elsewhere only
	}
	if len(u.Teams) > 0 {
		out["enterprise_user"] = obj{"id": u.ID, "enterprise_id": "E0ORG", "enterprise_name": "Org", "teams": u.Teams}
	}
	return out
}

func usersList(ws *Workspace, q *request) (obj, *apiError) {
	users := ws.Users()
	from, to, next, err := paged(q, len(users), len(users))
	if err != nil {
		return nil, err
	}
	members := []obj{}
	for _, u := range users[from:to] {
		members = append(members, ws.userJSON(u))
	}
	return obj{"members": members, "cache_ts": ws.Now().Unix(), "response_metadata": obj{"next_cursor": next}}, nil
}

// mostListed is how many members Slack lists at a time.
const mostListed = 1000

// paged is the part of a list of n that a request asks for, and the cursor of the next one. few is how many Slack lists
// where the request does not say.
func paged(q *request, n, few int) (from, to int, next string, _ *apiError) {
	limit := few
	if q.str("limit") != "" {
		limit, _ = strconv.Atoi(q.str("limit"))
		if limit < 1 || limit > mostListed {
			return 0, 0, "", failed("invalid_limit")
		}
	}
	if cursor := q.str("cursor"); cursor != "" {
		var err error
		if from, err = strconv.Atoi(cursor); err != nil || from < 0 || from > n {
			return 0, 0, "", failed("invalid_cursor")
		}
	}
	if to = min(from+limit, n); to < n {
		next = strconv.Itoa(to)
	}
	return from, to, next, nil
}

func botsInfo(ws *Workspace, q *request) (obj, *apiError) {
	app := ws.opts.App
	if id := q.str("bot"); id != app.BotID {
		return nil, failed("bot_not_found")
	}
	return obj{"bot": obj{
		"id": app.BotID, "app_id": app.ID, "user_id": app.BotUserID, "name": app.Name, "deleted": false,
		"updated": ws.Now().Unix(),
	}}, nil
}

func usergroupsUsersList(ws *Workspace, q *request) (obj, *apiError) {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	for _, g := range ws.groups {
		if g.ID != q.str("usergroup") {
			continue
		}
		if g.Disabled && !q.bool("include_disabled") {
			return nil, failed("subteam_disabled")
		}
		return obj{"users": append([]string{}, g.Users...)}, nil
	}
	return nil, failed("no_such_subteam")
}

func conversationsOpen(ws *Workspace, q *request) (obj, *apiError) {
	if id := q.str("channel"); id != "" {
		c, ok := ws.Channel(id)
		if !ok || c.DM == "" {
			return nil, failed("channel_not_found")
		}
		return obj{"channel": ws.opened(c, q.bool("return_im"))}, nil
	}
	users := strings.FieldsFunc(q.str("users"), func(r rune) bool { return r == ',' || r == ' ' })
	if len(users) == 0 {
		return nil, failed("users_list_not_supplied")
	}
	for _, id := range users {
		u, ok := ws.User(id)
		switch {
		case !ok || u.ID != id:
			return nil, failed("user_not_found")
		case u.Deleted:
			return nil, failed("user_disabled")
		case u.Bot && id != ws.opts.App.BotUserID:
			return nil, failed("cannot_dm_bot")
		case id == ws.opts.App.BotUserID:
			return nil, failed("not_enough_users")
		}
	}
	if len(users) > 1 {
		return obj{"channel": ws.opened(ws.group(users), q.bool("return_im"))}, nil
	}
	c, _ := ws.Channel(ws.DM(users[0]))
	return obj{"channel": ws.opened(c, q.bool("return_im"))}, nil
}

// group finds or makes the conversation of the app with several people.
func (ws *Workspace) group(users []string) Channel {
	members := append([]string{ws.opts.App.BotUserID}, users...)
	slices.Sort(members)
	members = slices.Compact(members)
	name := "mpdm-" + strings.ToLower(strings.Join(members, "--"))
	if c, ok := ws.Channel(name); ok {
		return c
	}
	c := Channel{ID: ws.nextID("G"), Name: name, Members: members, Private: true}
	ws.AddChannel(c)
	return c
}

func (ws *Workspace) opened(c Channel, whole bool) obj {
	if whole {
		return ws.channelJSON(c)
	}
	return obj{"id": c.ID}
}

func conversationsInfo(ws *Workspace, q *request) (obj, *apiError) {
	c, err := ws.readable(q.str("channel"))
	if err != nil {
		return nil, err
	}
	out := ws.channelJSON(c)
	if q.bool("include_num_members") {
		out["num_members"] = len(c.Members)
	}
	return obj{"channel": out}, nil
}

// fewMembers is how many members of a channel Slack lists where a request does not say.
const fewMembers = 100

func conversationsMembers(ws *Workspace, q *request) (obj, *apiError) {
	c, err := ws.readable(q.str("channel"))
	if err != nil {
		return nil, err
	}
	from, to, next, err := paged(q, len(c.Members), fewMembers)
	if err != nil {
		return nil, err
	}
	return obj{"members": append([]string{}, c.Members[from:to]...), "response_metadata": obj{"next_cursor": next}}, nil
}

// readable finds a channel that the app may look up.
func (ws *Workspace) readable(id string) (Channel, *apiError) {
	c, ok := ws.Channel(id)
	if !ok || c.ID != id || c.Private && !c.Has(ws.opts.App.BotUserID) {
		return c, failed("channel_not_found")
	}
	scope := "channels:read"
	switch {
	case c.DM != "":
		scope = "im:read"
	case strings.HasPrefix(c.Name, "mpdm-"):
		scope = "mpim:read"
	case c.Private:
		scope = "groups:read"
	}
	if granted := ws.opts.App.BotScopes; !slices.Contains(granted, scope) {
		err := failed("missing_scope")
		err.extra = obj{"needed": scope, "provided": strings.Join(granted, ",")}
		return c, err
	}
	return c, nil
}

func (ws *Workspace) channelJSON(c Channel) obj {
	member := c.Has(ws.opts.App.BotUserID)
	if c.DM != "" {
		return obj{"id": c.ID, "is_im": true, "user": c.DM, "is_archived": c.Archived, "is_open": true, "is_member": member}
	}
	mpim := strings.HasPrefix(c.Name, "mpdm-")
	return obj{
		"id": c.ID, "name": c.Name, "name_normalized": c.Name, "is_channel": !c.Private, "is_group": c.Private && !mpim,
		"is_im": false, "is_mpim": mpim, "is_private": c.Private, "is_archived": c.Archived, "is_general": c.ID == General,
		"is_shared": c.ExtShared, "is_ext_shared": c.ExtShared, "is_pending_ext_shared": c.PendingExtShared, "is_org_shared": false,
		"is_member": member, "topic": obj{"value": c.Topic, "creator": "", "last_set": 0},
		"purpose": obj{"value": "", "creator": "", "last_set": 0}, "context_team_id": ws.opts.Team.ID,
	}
}
