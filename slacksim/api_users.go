package slacksim

import (
	"slices"
	"strconv"
)

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
		out["is_stranger"] = u.Stranger // Slack has this field for people of other workspaces only
	}
	if len(u.Teams) > 0 {
		out["enterprise_user"] = obj{"id": u.ID, "enterprise_id": "E0ORG", "enterprise_name": "Org", "teams": u.Teams}
	}
	return out
}

func usersList(ws *Workspace, q *request) (obj, *apiError) {
	users := ws.Users()
	from, to, next, err := paginate(q, len(users), len(users))
	if err != nil {
		return nil, err
	}
	members := []obj{}
	for _, u := range users[from:to] {
		members = append(members, ws.userJSON(u))
	}
	return obj{"members": members, "cache_ts": ws.Now().Unix(), "response_metadata": obj{"next_cursor": next}}, nil
}

// maxLimit is the largest limit of a list that Slack accepts.
const maxLimit = 1000

// paginate returns the part of a list of n that a request asks for, and the cursor of the next part. defaultLimit is
// the limit of a request that has none. Errors: invalid_limit, invalid_cursor.
func paginate(q *request, n, defaultLimit int) (from, to int, next string, _ *apiError) {
	limit := defaultLimit
	if q.str("limit") != "" {
		limit, _ = strconv.Atoi(q.str("limit"))
		if limit < 1 || limit > maxLimit {
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
