package slacksim_test

import (
	"strings"
	"testing"

	"licensebot/slacksim"
)

func TestWebAPI_PostMessage_PublicScope(t *testing.T) {
	ws, srv := world(t, slacksim.Options{App: slacksim.App{BotScopes: []string{"chat:write", "chat:write.public"}}})
	for channel, want := range map[string]any{slacksim.Random: nil, "C0SECRET": "channel_not_found"} {
		if a := call(
			t, srv, ws.BotToken(), "chat.postMessage", map[string]any{"channel": channel, "text": "hi"},
		); a["error"] != want {
			t.Errorf("%s: got %v, want %v", channel, a, want)
		}
	}
}

func TestWebAPI_PostMessage_InvalidBlocks(t *testing.T) {
	ws, srv := start(t, slacksim.Options{})
	answer := call(t, srv, ws.BotToken(), "chat.postMessage", map[string]any{"channel": slacksim.General, "blocks": []any{
		map[string]any{"type": "section", "text": map[string]any{"type": "mrkdwn", "text": strings.Repeat("ü", 3001)}},
	}})
	errs, _ := answer["errors"].([]any)
	want := []string{
		"failed to match all allowed schemas [json-pointer:/blocks/0/text]",
		"must be less than 3001 characters [json-pointer:/blocks/0/text/text]",
	}
	meta, _ := answer["response_metadata"].(map[string]any)
	messages, _ := meta["messages"].([]any)
	if len(errs) != 2 || len(messages) != 2 {
		t.Fatalf("got %v, want two errors and two messages", answer)
	}
	for i := range want {
		if errs[i] != want[i] || messages[i] != "[ERROR] "+want[i] {
			t.Errorf("got error %v, message %v; want %s", errs[i], messages[i], want[i])
		}
	}
}
