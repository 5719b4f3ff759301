// Package slacksim is a Slack workspace that runs inside a Go program: people, channels, the Web API, Socket Mode,
// response URLs, modals and the Home tab, as strict as Slack itself. It is for tests and demos of any Slack app that
// uses Socket Mode: the app gets the address of the Web API and two tokens, and needs no other change.
//
// Start with these types:
//
//   - [Workspace] holds the state: users, channels, messages and connections. [New] makes one.
//   - [Server] is its address. [Workspace.Listen] starts it; in tests, use package slacktest.
//   - [Person] is a user who acts: types commands, clicks, fills in forms, and waits for what the app does.
//   - [Message] and [View] are copies of what a person sees.
//
// A test reads like a person who uses Slack:
//
//	ws := slacksim.New(slacksim.Options{})
//	srv := slacktest.Serve(t, ws)             // the app gets srv.APIURL, ws.BotToken() and ws.AppToken()
//	ws.WaitForSocket(ctx)                     // the app has connected
//	alice := ws.Person(slacksim.Alice)
//	err := alice.Command(ctx, slacksim.General, "/order", "3 coffees")   // nil: the app acknowledged in time
//	card, err := alice.WaitForText(ctx, slacksim.General, "3 coffees")   // also what only Alice sees
//	err = alice.Click(ctx, card, "Buy")       // confirms the dialog, if the button has one
//	modal, err := alice.WaitForModal(ctx, nil)
//	err = alice.Fill(ctx, modal, "Milk", "oat")
//	problems, err := alice.Submit(ctx)        // by block_id: found by Slack or by the app
//	err = alice.Home()
//	home, err := alice.WaitForHome(ctx, nil)
//
// A Message or View that a test keeps still has the buttons that it had then. Clicking one sends the action as it was:
// so does Slack for a person whose screen is out of date.
//
// [Workspace.SetFaults], [Workspace.Disconnect], [Workspace.DropSockets], [Workspace.Redeliver] and [Workspace.Repeat]
// make things go wrong. [Workspace.Calls] and [Workspace.Envelopes] list what was sent in both directions.
//
// Package page shows a workspace in a browser, and uses only exported methods: it learns of changes through
// [Workspace.Subscribe], and reads and acts as a Person. Command slacksim starts a workspace for apps in any language.
//
// What Slack decides by the clock (trigger ids, response URLs, rate limits and timestamps) follows Options.Now. Waits
// for acknowledgements and pings are in real time, since they depend on real sockets; Options sets their lengths.
//
// Limits and answers follow Slack's API reference (https://docs.slack.dev), @slack/types and slack-go, and are tested
// with slack-go, Bolt for JavaScript and Slack's Socket Mode client for Node.
package slacksim
