// Package slacksim is a Slack workspace that runs in-process: people, channels, the Web
// API, Socket Mode, response URLs, modals and the Home tab, strict where Slack is strict.
// Any Slack app can be pointed at it by its API address alone; it knows none.
//
// A Workspace is the state and everything that people do in it. Start puts it on a
// loopback port. Tests read like somebody using Slack:
//
//	ws := slacksim.New(slacksim.Options{})
//	srv := ws.Start(t)                        // srv.APIURL goes to the app, with ws.BotToken() and ws.AppToken()
//	ws.WaitForSocket(ctx)                     // the app has connected
//	alice := ws.Person(slacksim.Alice)
//	err := alice.Command(ctx, slacksim.General, "/order", "3 coffees")   // nil: the app acknowledged in time
//	card, err := alice.WaitForText(ctx, slacksim.General, "3 coffees")   // also what only alice sees
//	err = alice.Click(ctx, card, "Buy")       // accepts the confirm dialog, if the button has one
//	modal, err := alice.WaitForModal(ctx, nil)
//	err = alice.Fill(ctx, modal, "Milk", "oat")
//	problems, err := alice.Submit(ctx)        // by block_id: Slack's own complaints or the app's
//	err = alice.Home()
//	home, err := alice.WaitForHome(ctx, nil)
//
// Values such as Message and View are copies: a Message kept from earlier still has the
// buttons of that time and clicking them sends the action as it was, which is how Slack
// behaves for people whose screen lags behind.
//
// What goes wrong is switched on with SetFaults, Disconnect, DropSockets, Redeliver and
// Repeat; Calls and Envelopes tell what went over the wire.
//
// Whoever shows a workspace (a web page) reads its state with Users, ChannelsOf,
// MessagesFor, ModalOf, HomeOf and NoticesOf, learns of changes through Subscribe, and
// acts through the same methods of Person as the tests.
//
// Time: what Slack decides by the clock (trigger ids, response URLs, rate limits,
// timestamps) follows Options.Now. Waiting (acknowledgements, pings) is in real time,
// since it depends on real sockets; its lengths are options too.
package slacksim
