package main

// answers are the safeguards in what is believed of CoCalc's answers.
func answers() []mutant {
	return []mutant{
		{
			"the proof of the key beside an empty list", "cocalc/licenses.go",
			`	if _, err := c.WhoAmI(ctx); err != nil {
		return nil, err
	}
`, "",
			[]tests{client("^TestClient_Licenses_EmptyNeedsProof$")},
		},
		{
			"reading an empty list again after the proof", "cocalc/licenses.go",
			`	list, _, err = read(ctx)
	return list, err
`, "	return list, nil\n",
			[]tests{client("^TestClient_Licenses_EmptyNeedsProof$")},
		},
		{
			"that what is no list is not an empty one", "cocalc/cart.go",
			`	if !bytes.HasPrefix(body, []byte("[")) {`, `	if false && !bytes.HasPrefix(body, []byte("[")) {`,
			[]tests{client("^FuzzWire$")},
		},
		{
			"that a lost answer to what spends is unknown", "cocalc/classify.go",
			`	if s == readOnly {
		return Transient // it can`, `	if true {
		return Transient // it can`,
			[]tests{client("^FuzzWire$")},
		},
		{
			"that a server error to what spends is unknown", "cocalc/classify.go",
			"s == http.StatusRequestEntityTooLarge, s == http.StatusUnsupportedMediaType:",
			"s == http.StatusRequestEntityTooLarge, s == http.StatusUnsupportedMediaType, s >= 500:",
			[]tests{client("^FuzzWire$")},
		},
		{
			"that a lost database is unknown", "cocalc/classify.go",
			`	case what != readOnly && databaseErrors.MatchString(text):
		e.Outcome, e.Reason = Unknown, DatabaseDown
`, "",
			[]tests{client("^TestClassify$")},
		},
		{
			"that the older checkout may have charged before its error", "cocalc/classify.go",
			`		e.Outcome = Unknown
	}
	return e
`, `		_ = e
	}
	return e
`,
			[]tests{client("^(TestClassify|TestClient_OlderStore)$")},
		},
		{
			"that success is said in so many words", "cocalc/checkout.go",
			`json.Unmarshal(body, &answer) != nil || answer.Success != true {`,
			`json.Unmarshal(body, &answer) != nil || answer.Success == nil {`,
			[]tests{client("^FuzzWire$")},
		},
		{
			"that what spends is never repeated", "cocalc/request.go",
			`if !again || try >= tries || ctx.Err() != nil {`,
			`if what != nonIdempotent && !again || try >= 3 || ctx.Err() != nil {`,
			[]tests{client("^TestClient_NeverRepeatsSpending$")},
		},
		{
			"that checkouts of one client take turns", "cocalc/checkout.go",
			`	case c.checkoutSlot <- struct{}{}:
		defer func() { <-c.checkoutSlot }()
`, `	case c.checkoutSlot <- struct{}{}:
		<-c.checkoutSlot
`,
			[]tests{client("^TestClient_Checkout_TakesTurns$")},
		},
		{
			"a connection of its own for what spends", "cocalc/client.go",
			`	fresh.DisableKeepAlives = true
`, "",
			[]tests{client("^TestClient_SpendingUsesNewConnection$")},
		},
		{
			"that redirects are not followed", "cocalc/client.go",
			`return http.ErrUseLastResponse }`, `return nil }`,
			[]tests{
				client("^TestClient_RedirectsAreNotFollowed$"), client("^FuzzWire$"),
				client("^TestClient_RedirectTargetGetsNothing$"),
			},
		},
		{
			"that a redirect of what spends is unknown", "cocalc/classify.go",
			`e.Kind, e.Text = Redirected, fmt`, `e.Outcome, e.Kind, e.Text = Rejected, Redirected, fmt`,
			[]tests{client("^TestClassify$"), client("^FuzzWire$"), client("^TestClient_RedirectTargetGetsNothing$")},
		},
		{
			"that another host is no other scheme", "cocalc/redirect.go",
			`name != ownName || to.Scheme == from.Scheme && port != ownPort`,
			`(false && name != ownName) || to.Scheme == from.Scheme && port != ownPort`,
			[]tests{client("^TestReadRedirect$"), client("^TestClient_Diagnose$")},
		},
		{
			"that a diagnosis does not swap the store", "cocalc/diagnosis.go",
			`		c.store = storeUnknown
	}
	return d`, `		c.store = d.Store
	}
	return d`,
			[]tests{client("^TestClient_Diagnose$")},
		},
		{
			"that only the host of a redirect is shown", "cocalc/redirect.go",
			`	if _, broken := request.URL.Parse(location); broken != nil {`, `	if false {`,
			[]tests{client("^TestClassify$"), client("^TestClient_Diagnose$")},
		},
		{
			"that no address without TLS is advised", "cocalc/redirect.go",
			` || from.Scheme == "https" && to.Scheme == "http":`, `:`,
			[]tests{client("^TestReadRedirect$")},
		},
		{
			"that names in other letters are shown in ASCII", "cocalc/redirect.go",
			`!asciiName.MatchString(name)`, `false`,
			[]tests{client("^TestReadRedirect$"), client("^FuzzRedirect$")},
		},
		{
			"that another program is no store", "cocalc/store.go",
			`	case !first.known && !licenses.known:`, `	case false:`,
			[]tests{client("^TestClient_Diagnose$")},
		},
		{
			"that an empty profile is a key that is refused", "cocalc/account.go",
			`	if len(answer.Profile) == 0 {`, `	if false {`,
			[]tests{client("^TestClient_WhoAmI_Successor$"), client("^TestClient_Diagnose$")},
		},
		{
			"that a price is read digit by digit", "cocalc/tiers.go",
			`	if !dollarsSyntax.MatchString(text) {
		return fmt`, `	if false {
		return fmt`,
			[]tests{client("^TestClient_MembershipTiers_Malformed$")},
		},
		{
			"that the successor's key is shown shortened", "cocalc/key.go",
			`		return key[:5] + "..." + key[n-8:]
`, "		return key\n",
			[]tests{client("^TestRedactKey$")},
		},
		{
			"the bound of an answer", "cocalc/request.go",
			`io.ReadAll(io.LimitReader(resp.Body, c.options.MaxAnswer+1))`, `io.ReadAll(resp.Body)`,
			[]tests{client("^TestClient_TooLargeAnswer$")},
		},
		{
			"the timeout of an answer", "cocalc/request.go",
			`context.WithTimeout(ctx, timeout)`, `context.WithTimeout(ctx, 100*timeout)`,
			[]tests{client("^TestClient_EndlessAnswer$")},
		},
		{
			"that the key is in no error", "cocalc/client.go",
			`	text = strings.ReplaceAll(text, c.key, c.KeyName())
`, "",
			[]tests{client("^(TestClient_KeyIsRedacted|FuzzWire)$")},
		},
		{
			"that the key is shown shortened", "cocalc/key.go",
			`		return "sk-…" + key[n-6:]
`, "		return key\n",
			[]tests{client("^TestRedactKey$")},
		},
		{
			"that a change names its item", "cocalc/cart.go",
			`	if id > 0 {
		return nil
	}
`, `	if id > -1 {
		return nil
	}
`,
			[]tests{client("^TestClient_ChangeWithoutItem$")},
		},
		{
			"the cent by which CoCalc does not round up", "cocalc/formula.go",
			`beforeRounding  = 0.00001`, `beforeRounding  = 0`,
			[]tests{client("^TestPrice_Recorded$")},
		},
	}
}

// slackSide are the safeguards in what comes from Slack and goes there.
func slackSide() []mutant {
	return []mutant{
		{
			"the answer to a click on a card that is gone", "bot/requester.go",
			` || card.Shown == 0 && o.State.Final()`, ``,
			[]tests{redactValue("^TestPublisher_ContinueInDM_ClickIsAnswered$")},
		},
		{
			"the receipt before every other message", "bot/publisher.go",
			`	for _, t := range []part{partRequester, partLine, partApproval} {
		if !t.lacks(o) {
			continue
		}
`, `	for _, t := range []part{partLine, partRequester, partApproval} {
		if !t.lacks(o) {
			continue
		}
		if t == partRequester && partLine.lacks(o) {
			continue
		}
`,
			[]tests{redactValue("^TestPublisher_Start_ReceiptFirst$")},
		},
		{
			"a rate limit rests the channel", "bot/channellimit.go",
			`	r.until[channel] = r.now().Add(answer.Wait)
`, `	r.until[channel] = r.now()
`,
			[]tests{redactValue("^TestChannelLimits_Post_RateLimit$")},
		},
		{
			"a click on an approvers' card that was replaced", "purchase/approval.go",
			`	return staleCard(o, click)
`, `	return nil
`,
			[]tests{redactValue("^TestPublisher_PublishApproval_CardReplaced$")},
		},
		{
			"one card for each trigger", "bot/triggers.go",
			`	if m := o.first[trigger]; m != nil {`, `	if m := o.first[trigger]; false {`,
			[]tests{redactValue("^(TestTriggers_Command_Twice|TestTriggers_Submission_Twice)$")},
		},
		{
			"the lane of the forms", "bot/clicks.go",
			`socket.Reply{Lane: socket.LaneForm, After`, `socket.Reply{Lane: socket.LaneRead, After`,
			[]tests{redactValue("^TestReadLimiter_ListsDontDelayForms$")},
		},
		{
			"that approvers' cards change with the server", "bot/unsold.go",
			`	if refuses == p.unsold {`, `	if refuses == refuses {`,
			[]tests{redactValue("^TestHandler_Action_UnsoldSince$")},
		},
		{
			"that a form from before is replaced", "bot/unsold.go",
			`	return errors.As(err, &no) && no.Code == purchase.NotSold`, `	return errors.As(err, &no) && false`,
			[]tests{redactValue("^TestHandler_Action_UnsoldSince$")},
		},
		{
			"no prices and forms where no licenses are sold", "bot/unsold.go",
			`	if !h.desk.Server().RefusesOrders() {`, `	if h.desk.Server().RefusesOrders() {`,
			[]tests{redactValue("^TestHandler_Command_Unsold$")},
		},
		{
			"how many reads one person waits for", "bot/readlimit.go",
			`if r.waiting[user] >= maxReads {`, `if r.waiting[user] >= 100*maxReads {`,
			[]tests{redactValue("^TestReadLimiter_ListsDontDelayForms$")},
		},
		{
			"no promise without access to Slack", "purchase/access.go",
			`	if no := d.lostAccess(); no != nil {
		return no
	}
	return d.policy.closed(account)`, `	return d.policy.closed(account)`,
			[]tests{core("^(TestWithoutAccessToSlackNothingIsPromised|TestOrdersWithoutAccessToSlack)$")},
		},
		{
			"one odd answer does not end the program", "bot/socket/client.go",
			`c.links[0].wasGreeted() && l.refusedFor(now) < c.lostFor`, `c.links[0].wasGreeted() && l.refusedFor(now) == 0`,
			[]tests{dispatched("^TestClient_Run_RefusedAfterHello$")},
		},
		{
			"durable before acknowledged", "bot/socket/dispatch.go",
			`	reply := d.callHandler(ctx, j.Delivery)
	d.sendReply(`, `	if from, mine := j.ack.claim(nil); mine && j.Kind != KindCommand {
		_ = d.acknowledge(from, j.EnvelopeID, nil, nil)
	}
	reply := d.callHandler(ctx, j.Delivery)
	d.sendReply(`,
			[]tests{dispatched("^TestDispatcher_Deliver_SlowClick$")},
		},
		{
			"that a decision is made before its click is answered", "bot/clicks.go",
			`		_, err := h.desk.Confirm(ctx, id, click)
		return h.replyConfirmation(`,
			`		return socket.Reply{After: func(ctx context.Context) { _, _ = h.desk.Confirm(ctx, id, click) }}
		_, err := h.desk.Confirm(ctx, id, click)
		return h.replyConfirmation(`,
			[]tests{redactValue("^TestHandler_Action_DurableBeforeAnswer$")},
		},
		{
			"that a click which waited too long is not handled", "bot/socket/dispatch.go",
			`	case !time.Now().Before(deadline):
		d.refuse(j, Busy, nil)
		return
`, "",
			[]tests{dispatched("^TestDispatcher_Handle_WaitedTooLong$")},
		},
		{
			"knowing a delivery that comes again", "bot/socket/dedup.go",
			`	if t, ok := s.byID[id]; ok {
		return t, false
	}
`, "",
			[]tests{dispatched("^TestDispatcher_Deliver_Repeated$")},
		},
		{
			"surviving a panic of the handler", "bot/socket/dispatch.go",
			`		if r := recover(); r != nil {
			reply = d.errorReply(del, Crashed, d.logPanic(del, r))
		}
`, "		_ = reply\n",
			[]tests{dispatched("^TestDispatcher_CallHandler_Panic$")},
		},
		{
			"that response URLs lead to Slack", "bot/responseurl.go",
			`	if !h.leadsToSlack(req.URL) {`, `	if false {`,
			[]tests{redactValue("^TestSlackOnly_RoundTrip$")},
		},
		{
			"that mentions are escaped", "bot/blockkit.go",
			`strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")`, `strings.NewReplacer("&", "&amp;")`,
			[]tests{redactValue("^(TestCard_Golden|TestConversation_Refusals|TestMistakesMessage_Escaped)$")},
		},
		{
			"that people's words stay plain text", "bot/blockkit.go",
			`slack.NewTextBlockObject(slack.PlainTextType, cut(strings`,
			`slack.NewTextBlockObject(slack.MarkdownType, cut(strings`,
			[]tests{redactValue("^TestCard_Golden$")},
		},
		{
			"that people's words stay in one line", "commands/singleline.go",
			`	marks := 0
`, `	marks := 0
	if true {
		return text
	}
`,
			[]tests{redactValue("^TestCard_HostileWords$")},
		},
		{
			"that a refusal which quotes people has no format", "bot/escape.go",
			`!errors.As(err, &no) || !quotesPeople(no.Cause) {`, `!errors.As(err, &no) || true {`,
			[]tests{redactValue("^TestCard_HostileWords$")},
		},
		{
			"that a spreadsheet gets no formulas", "internal/escape/escape.go",
			`		return "'" + text
`, `		return text
`,
			[]tests{{pkg: "./cmd/bot", run: "^TestPurchases_CSV_NoFormulas$"}},
		},
		{
			"asking Slack who a person is", "bot/people.go",
			`	who.Standing, who.Groups, who.Untold = p.lastStanding(who.ID), nil, nil
`, `	who.Standing, who.Groups, who.Untold = purchase.Member, nil, nil
`,
			[]tests{redactValue("^TestHandler_Action_ForgedAndForeign$")},
		},
	}
}
