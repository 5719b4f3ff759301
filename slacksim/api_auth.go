package slacksim

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
	// The host is the one of the request, which may differ from the address that the server listens on.
	return obj{"url": "ws://" + q.http.Host + "/link/?ticket=" + ticket + "&app_id=" + ws.opts.App.ID}, nil
}
