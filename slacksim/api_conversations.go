package slacksim

import (
	"slices"
	"strings"
)

func conversationsOpen(ws *Workspace, q *request) (obj, *apiError) {
	if id := q.str("channel"); id != "" {
		c, ok := ws.Channel(id)
		if !ok || c.DM == "" {
			return nil, failed("channel_not_found")
		}
		return obj{"channel": ws.openedJSON(c, q.bool("return_im"))}, nil
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
		return obj{"channel": ws.openedJSON(ws.group(users), q.bool("return_im"))}, nil
	}
	c, _ := ws.Channel(ws.DM(users[0]))
	return obj{"channel": ws.openedJSON(c, q.bool("return_im"))}, nil
}

// group finds the conversation of the app with several people, or makes it.
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

func (ws *Workspace) openedJSON(c Channel, whole bool) obj {
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

// defaultMembersLimit is how many members of a channel Slack lists if the request has no limit.
const defaultMembersLimit = 100

func conversationsMembers(ws *Workspace, q *request) (obj, *apiError) {
	c, err := ws.readable(q.str("channel"))
	if err != nil {
		return nil, err
	}
	from, to, next, err := paginate(q, len(c.Members), defaultMembersLimit)
	if err != nil {
		return nil, err
	}
	return obj{"members": append([]string{}, c.Members[from:to]...), "response_metadata": obj{"next_cursor": next}}, nil
}

// readable finds a channel that the app may look up: private ones only if it is a member, and by scope.
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
		"is_shared": c.ExtShared, "is_ext_shared": c.ExtShared, "is_pending_ext_shared": c.PendingExtShared,
		"is_org_shared": false,
		"is_member":     member, "topic": obj{"value": c.Topic, "creator": "", "last_set": 0},
		"purpose": obj{"value": "", "creator": "", "last_set": 0}, "context_team_id": ws.opts.Team.ID,
	}
}
