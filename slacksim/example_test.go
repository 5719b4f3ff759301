package slacksim_test

import (
	"context"
	"fmt"
	"log"
	"sync"
	"time"

	"github.com/slack-go/slack"
	"github.com/slack-go/slack/socketmode"

	"licensebot/slacksim"
)

// runCoffeeApp is a Slack app that takes orders for coffee. It knows the workspace by its address and tokens alone.
func runCoffeeApp(ctx context.Context, apiURL, botToken, appToken string) {
	api := slack.New(botToken, slack.OptionAppLevelToken(appToken), slack.OptionAPIURL(apiURL))
	client := socketmode.New(api)
	var running sync.WaitGroup
	running.Go(func() { _ = client.RunContext(ctx) })
	defer running.Wait()
	for {
		select {
		case <-ctx.Done():
			return
		case e := <-client.Events:
			switch data := e.Data.(type) {
			case slack.SlashCommand:
				text := slack.NewTextBlockObject(slack.MarkdownType, "You want *"+data.Text+"*.", false, false)
				label := slack.NewTextBlockObject(slack.PlainTextType, "Order", false, false)
				order := slack.NewButtonBlockElement("order", data.Text, label)
				_ = client.Ack(*e.Request, map[string]any{"blocks": []slack.Block{
					slack.NewSectionBlock(text, nil, nil), slack.NewActionBlock("buttons", order),
				}})
			case slack.InteractionCallback:
				_ = client.Ack(*e.Request)
				_ = slack.PostWebhookContext(ctx, data.ResponseURL, &slack.WebhookMessage{
					Text: "Ordered: " + data.ActionCallback.BlockActions[0].Value, ReplaceOriginal: true,
				})
			}
		}
	}
}

// Alice orders coffee from an app that is written with slack-go.
func Example() {
	ws := slacksim.New(slacksim.Options{})
	srv, err := ws.Listen("127.0.0.1:0", nil) // in a test: slacktest.Serve(t, ws)
	if err != nil {
		log.Fatal(err)
	}
	defer srv.Close()

	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	var app sync.WaitGroup
	app.Go(func() { runCoffeeApp(ctx, srv.APIURL, ws.BotToken(), ws.AppToken()) })
	defer app.Wait()
	defer cancel()
	if err := ws.WaitForSocket(ctx); err != nil {
		log.Fatal(err)
	}

	alice := ws.Person(slacksim.Alice)
	if err := alice.Command(ctx, slacksim.General, "/coffee", "3 espressos"); err != nil {
		log.Fatal(err)
	}
	card, err := alice.WaitForText(ctx, slacksim.General, "3 espressos")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(card.ContentText(), card.Buttons())
	if err := alice.Click(ctx, card, "Order"); err != nil {
		log.Fatal(err)
	}
	ordered, err := alice.WaitForUpdate(ctx, card, func(m slacksim.Message) bool { return m.Revision > card.Revision })
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(ordered.ContentText(), ordered.Buttons())

	// Output:
	// You want *3 espressos*. [Order]
	// Ordered: 3 espressos []
}
