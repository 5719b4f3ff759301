package main

// answers returns the mutants of how CoCalc's answers are interpreted.
func answers() []mutant {
	return []mutant{
		{
			"the proof of the key beside an empty list",
			"cocalc.(*Client).readTwice",
			dropStatement("c.WhoAmI"),
			[]tests{client("^TestClient_Licenses_EmptyNeedsProof$")},
		},
		{
			"reading an empty list again after the proof",
			"cocalc.(*Client).readTwice",
			dropStatement("read(ctx)", "_"),
			[]tests{client("^TestClient_Licenses_EmptyNeedsProof$")},
		},
		{
			"that what is no list is not an empty one",
			"cocalc.decodeList",
			never("HasPrefix"),
			[]tests{client("^FuzzWire$")},
		},
		{
			"that a lost answer to what spends is unknown",
			"cocalc.safety.lostOutcome",
			always("readOnly"),
			[]tests{client("^FuzzWire$")},
		},
		{
			"that a server error to what spends is unknown",
			"cocalc.classifyStatus",
			swap("s == http.StatusUnsupportedMediaType", "s == http.StatusUnsupportedMediaType || s >= 500"),
			[]tests{client("^FuzzWire$")},
		},
		{
			"that a lost database is unknown",
			"cocalc.classifyText",
			never("what != readOnly"),
			[]tests{client("^TestClassify$")},
		},
		{
			"that the older checkout may have charged before its error",
			"cocalc.classifyText",
			never("olderCheckout", "CaptchaRequired"),
			[]tests{client("^(TestClassify|TestClient_Checkout_OlderStore)$")},
		},
		{
			"that success is said in so many words",
			"cocalc.(*Client).Checkout",
			swap("answer.Success != true", "answer.Success == nil"),
			[]tests{client("^FuzzWire$")},
		},
		{
			"that what spends is never repeated",
			"cocalc.(*Client).call",
			swap("!again || try >= tries", "what != nonIdempotent && !again || try >= 3"),
			[]tests{client("^TestClient_Spending_NotRepeated$")},
		},
		{
			"that checkouts of one client take turns",
			"cocalc.(*Client).Checkout",
			instead("<-c.checkoutSlot", "func() { <-c.checkoutSlot }"),
			[]tests{client("^TestClient_Checkout_TakesTurns$")},
		},
		{
			"a connection of its own for what spends",
			"cocalc.transports",
			dropStatement("DisableKeepAlives"),
			[]tests{client("^TestClient_Spending_NewConnection$")},
		},
		{
			"that redirects are not followed",
			"cocalc.httpClient",
			swap("http.ErrUseLastResponse", "nil"),
			[]tests{
				client("^TestClient_Redirect_NotFollowed$"), client("^FuzzWire$"),
				client("^TestClient_Redirect_OtherHost$"),
			},
		},
		{
			"that a redirect of what spends is unknown",
			"cocalc.classifyStatus",
			before("e.Outcome = Rejected", "Redirected"),
			[]tests{client("^TestClassify$"), client("^FuzzWire$"), client("^TestClient_Redirect_OtherHost$")},
		},
		{
			"that another host is no other scheme",
			"cocalc.readRedirect",
			dropOperand("name"),
			[]tests{client("^TestReadRedirect$"), client("^TestClient_Diagnose$")},
		},
		{
			"that a diagnosis does not swap the store",
			"cocalc.(*Client).Diagnose",
			swap("storeUnknown", "d.Store", "c.store"),
			[]tests{client("^TestClient_Diagnose$")},
		},
		{
			"that only the host of a redirect is shown",
			"cocalc.locationFilter.RoundTrip",
			dropStatement("request.URL.Parse"),
			[]tests{client("^TestClassify$"), client("^TestClient_Diagnose$")},
		},
		{
			"that no address without TLS is advised",
			"cocalc.readRedirect",
			dropOperand(`from.Scheme == "https" && to.Scheme == "http"`),
			[]tests{client("^TestReadRedirect$")},
		},
		{
			"that names in other letters are shown in ASCII",
			"cocalc.asciiHost",
			dropOperand("asciiName"),
			[]tests{client("^TestReadRedirect$"), client("^FuzzRedirect$")},
		},
		{
			"that another program is no store",
			"cocalc.(*Client).findStore",
			never("first.known"),
			[]tests{client("^TestClient_Diagnose$")},
		},
		{
			"that an empty profile is a key that is refused",
			"cocalc.(*Client).readProfile",
			never("len(answer.Profile)"),
			[]tests{client("^TestClient_WhoAmI_Successor$"), client("^TestClient_Diagnose$")},
		},
		{
			"that a price is read digit by digit",
			"cocalc.(*Dollars).UnmarshalJSON",
			never("MatchString"),
			[]tests{client("^TestClient_MembershipTiers_Malformed$")},
		},
		{
			"that the successor's key is shown shortened",
			"cocalc.RedactKey",
			swap(`key[:5] + "..." + key[n-8:]`, "key"),
			[]tests{client("^TestRedactKey$")},
		},
		{
			"the bound of an answer",
			"cocalc.(*Client).send",
			swap("io.LimitReader(resp.Body, c.options.MaxAnswer+1)", "resp.Body"),
			[]tests{client("^TestClient_Answer_TooLarge$")},
		},
		{
			"the timeout of an answer",
			"cocalc.(*Client).send",
			swap("timeout", "100 * timeout", "WithTimeout"),
			[]tests{client("^TestClient_Answer_Endless$")},
		},
		{
			"that the key is in no error",
			"cocalc.(*Client).redactKey",
			dropStatement("c.key"),
			[]tests{client("^(TestClient_Errors_RedactKey|FuzzWire)$")},
		},
		{
			"that the key is shown shortened",
			"cocalc.RedactKey",
			swap(`"sk-…" + key[n-6:]`, "key"),
			[]tests{client("^TestRedactKey$")},
		},
		{
			"that a change names its item",
			"cocalc.checkItemID",
			swap("id > 0", "id > -1"),
			[]tests{client("^TestClient_SetChecked_WithoutItem$")},
		},
		{
			"the cent by which CoCalc does not round up",
			"cocalc.beforeRounding",
			swap("0.00001", "0.0"),
			[]tests{client("^TestPrice_Recorded$")},
		},
	}
}

// slackSide returns the mutants of deliveries from Slack and messages to it.
func slackSide() []mutant {
	return []mutant{
		{
			"the answer to a click on a card that is gone",
			"bot.(*Publisher).continueInDM",
			dropOperand("card.PublishedRev == 0 && o.State.Final()"),
			[]tests{shown("^TestPublisher_ContinueInDM_ClickIsAnswered$")},
		},
		{
			"the receipt before every other message",
			"bot.(*Publisher).enqueue",
			after(`
				if t == partRequester && partLine.lacks(o, p.now()) {
					continue
				}`, "partTurn(o.ID, t)"),
			[]tests{shown("^TestPublisher_Enqueue_ReceiptFirst$")},
		},
		{
			"a rate limit rests the channel",
			"bot.(*pace).refused",
			swap("now.Add(wait)", "now"),
			[]tests{shown("^TestPace_Refused_RestsChannel$")},
		},
		{
			"that calls stay below Slack's rate limits",
			"bot.(*pace).takeLocked",
			swap("wait > 0", "false"),
			[]tests{shown("^(TestPace_Take|TestSendQueue_Next_Channels)$")},
		},
		{
			"that only the newest state of a message is sent",
			"bot.(*sendQueue).put",
			swap("old.turn == s.turn", "false"),
			[]tests{shown("^TestSendQueue_Put_NewestState$")},
		},
		{
			"that a card waits for Slack's rate limit",
			"bot.(*Publisher).publishCard",
			dropStatement("isLimited"),
			[]tests{shown("^TestPublisher_PublishCard_RateLimit$")},
		},
		{
			"requests for approval before lines",
			"bot.planSend",
			dropStatement("priorityApproval"),
			[]tests{shown("^TestPlanSend$")},
		},
		{
			"a click on an approvers' card that was replaced",
			"purchase/orders.(*Service).checkApprover",
			swap("checkNewestCard(o, action)", "nil"),
			[]tests{shown("^TestPublisher_PublishApproval_CardReplaced$")},
		},
		{
			"one card for each trigger",
			"bot.(*triggers).claim",
			never("o.first"),
			[]tests{shown("^(TestTriggers_Command_Twice|TestTriggers_Submission_Twice)$")},
		},
		{
			"the lane of the forms",
			"bot.(*Handler).openView",
			swap("socket.LaneForm", "socket.LaneRead"),
			[]tests{shown("^TestReadLimiter_ListsDontDelayForms$")},
		},
		{
			"that approvers' cards change with the server",
			"bot.(*Publisher).refreshWaiting",
			always("refuses == p.unsold"),
			[]tests{shown("^TestHandler_Action_UnsoldSince$")},
		},
		{
			"that a form from before is replaced",
			"bot.isUnsold",
			swap("no.Code == purchase.NotSold", "false"),
			[]tests{shown("^TestHandler_Action_UnsoldSince$")},
		},
		{
			"no prices and forms where no licenses are sold",
			"bot.(*Handler).unsold",
			swap("no == nil", "no != nil"),
			[]tests{shown("^TestHandler_Command_Unsold$")},
		},
		{
			"how many reads one person waits for",
			"bot.(*readLimiter).begin",
			swap("maxReads", "100 * maxReads"),
			[]tests{shown("^TestReadLimiter_ListsDontDelayForms$")},
		},
		{
			"no promise without access to Slack",
			"purchase/register.(*Register).RefuseStopped",
			dropStatement("RefuseLostAccess"),
			[]tests{
				in("purchase/orders", "^TestService_Decide_SlackAccessLost$"),
				in("purchase/checkout", "^TestWorker_Run_SlackAccessLost$"),
			},
		},
		{
			"one odd answer does not end the program",
			"bot/socket.(*Client).endsProgram",
			swap("l.refusedFor(now) < c.lostFor", "l.refusedFor(now) == 0"),
			[]tests{dispatched("^TestClient_Run_RefusedAfterHello$")},
		},
		{
			"durable before acknowledged",
			"bot/socket.(*dispatcher).handle",
			before(`
				if from, mine := j.ack.claim(nil); mine && j.Kind != KindCommand {
					_ = d.acknowledge(from, j.EnvelopeID, nil, nil)
				}`, "d.callHandler"),
			[]tests{dispatched("^TestDispatcher_Deliver_SlowClick$")},
		},
		{
			"that a decision is made before its click is answered",
			"bot.(*Handler).clickOrder",
			before(`
				return socket.Reply{After: func(ctx context.Context) {
					_, _ = h.desk.Decide(ctx, c.action, id, orders.Decision{Kind: orders.Confirm})
				}}`,
				"orders.Confirm"),
			[]tests{shown("^TestHandler_Action_DurableBeforeAnswer$")},
		},
		{
			"that a click which waited too long is not handled",
			"bot/socket.(*dispatcher).handle",
			never("deadline"),
			[]tests{dispatched("^TestDispatcher_Handle_WaitedTooLong$")},
		},
		{
			"knowing a delivery that comes again",
			"bot/socket.(*dedup).add",
			never("s.byID[id]"),
			[]tests{dispatched("^TestDispatcher_Deliver_Repeated$")},
		},
		{
			"surviving a panic of the handler",
			"bot/socket.(*dispatcher).callHandler",
			dropStatement("recover"),
			[]tests{dispatched("^TestDispatcher_CallHandler_Panic$")},
		},
		{
			"that response URLs lead to Slack",
			"bot.slackOnly.RoundTrip",
			never("h.leadsToSlack"),
			[]tests{shown("^TestSlackOnly_RoundTrip$")},
		},
		{
			"that mentions are escaped",
			"bot.escaper",
			swap(`strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")`, `strings.NewReplacer("&", "&amp;")`),
			[]tests{shown("^(TestCard_Golden|TestConversation_Refusals|TestMistakesMessage_Escaped)$")},
		},
		{
			"that people's words stay plain text",
			"bot.plain",
			swap("PlainTextType", "MarkdownType"),
			[]tests{shown("^TestCard_Golden$")},
		},
		{
			"that people's words stay in one line",
			"commands.OneLine",
			start("if true { return text }"),
			[]tests{shown("^TestCard_HostileWords$")},
		},
		{
			"that a refusal which quotes people has no format",
			"bot.(*Handler).refusalMessage",
			always("no.Cause"),
			[]tests{shown("^TestCard_HostileWords$")},
		},
		{
			"that a spreadsheet gets no formulas",
			"internal/escape.Cell",
			swap(`"'" + text`, "text"),
			[]tests{{pkg: "./cmd/bot", run: "^TestPurchases_CSV_NoFormulas$"}},
		},
		{
			"asking Slack who a person is",
			"bot.(*People).LookUp",
			swap("p.lastStanding(who.ID)", "purchase.Member"),
			[]tests{shown("^TestHandler_Action_ForgedAndForeign$")},
		},
	}
}
