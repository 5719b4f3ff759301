package bot_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"licensebot/purchase"
)

func withStop(t *testing.T) (context.Context, context.CancelFunc) {
	ctx, stop := context.WithCancel(t.Context())
	t.Cleanup(stop)
	return ctx, stop
}

// frames are messages of Slack's as they come, and as they should never come.
var frames = []string{
	`{"type":"hello","num_connections":1,"debug_info":{"host":"applink-1",` +
		`"approximate_connection_time":18060},"connection_info":{"app_id":"A1"}}`,
	`{"type":"disconnect","reason":"refresh_requested","debug_info":{"host":"applink-1"}}`,
	`{"type":"disconnect","reason":["link_disabled"],"envelope_id":{}}`,
	`{"envelope_id":"e1","type":"slash_commands","accepts_response_payload":true,` +
		`"payload":{"command":"/license","text":"buy ram=16 ` +
		`cpu=2","user_id":"UALICE","user_name":"alice","team_id":"T1","channel_id":"CMATH","channel_name":"math",` +
		`"is_enterprise_install":"false","response_url":"https://hooks.slack.com/commands/T1/1/x","trigger_id":"1.2.3"}}`,
	`{"envelope_id":"e1","type":"slash_commands","payload":{"text":"cancel ` +
		`01JD8Z3V5TQ4X6B7N8M9P0RSTA","user_id":"UALICE","team_id":"T1","channel_id":"CELSE"}}`,
	`{"envelope_id":"e1","type":"slash_commands","payload":{"text":"cancel ` +
		`01JD8Z3V5TQ4X6B7N8M9P0RSTA","user_id":"UBOB","team_id":"T1"}}`,
	`{"envelope_id":"e1","type":"slash_commands","payload":{"text":5,"user_id":"UALICE","channel_id":"CMATH",` +
		`"response_url":"https://evil.example/"}}`,
	`{"envelope_id":"e1","type":"slash_commands","payload":{"text":"\u0000\ud800 <!channel>","user_id":"UALICE"}}`,
	`{"envelope_id":"e1","type":"slash_commands"}`,
	`{"envelope_id":"e1","type":"slash_commands","payload":null}`,
	`{"envelope_id":"e1","type":"slash_commands","payload":"text"}`,
	`{"envelope_id":"e1","type":"interactive","payload":{"type":"block_actions","trigger_id":"1.2.3",` +
		`"user":{"id":"UALICE","team_id":"T1"},"team":{"id":"T1"},"channel":{"id":"CMATH","name":"math"},` +
		`"container":{"type":"message","message_ts":"1.1","is_ephemeral":true},` +
		`"response_url":"https://hooks.slack.com/actions/T1/1/x","actions":[{"type":"button","block_id":"b",` +
		`"action_id":"order_buy","value":"01JD8Z3V5TQ4X6B7N8M9P0RSTA","action_ts":"1.1"}]}}`,
	`{"envelope_id":"e1","type":"interactive","payload":{"type":"block_actions","user":{"id":"UBOB"},` +
		`"team":{"id":"T1"},"channel":{"id":"CMATH"},"actions":[{"type":"button","action_id":"order_buy",` +
		`"value":"01JD8Z3V5TQ4X6B7N8M9P0RSTA"}]}}`,
	`{"envelope_id":"e1","type":"interactive","payload":{"type":"block_actions","user":{"id":"UALICE"},` +
		`"channel":{"id":"CMATH"},"actions":[{"type":"button","action_id":"order_buy_new_price",` +
		`"value":"01JD8Z3V5TQ4X6B7N8M9P0RSTB"}]}}`,
	`{"envelope_id":"e1","type":"interactive","payload":{"type":"block_actions","user":{"id":"UALICE"},` +
		`"channel":{"id":"CMATH"},"actions":[{"type":"button","action_id":"order_edit",` +
		`"value":"01JD8Z3V5TQ4X6B7N8M9P0RSTA"},{"type":"button","action_id":"order_buy",` +
		`"value":"01JD8Z3V5TQ4X6B7N8M9P0RSTA"}]}}`,
	`{"envelope_id":"e1","type":"interactive","payload":{"type":"block_actions","user":{"id":"UDANA"},` +
		`"channel":{"id":"CMATH"},"actions":[{"type":"button","action_id":"order_was_not_bought",` +
		`"value":"01JD8Z3V5TQ4X6B7N8M9P0RSTC"}]}}`,
	`{"envelope_id":"e1","type":"interactive","payload":{"type":"block_actions","user":{"id":"UDANA"},` +
		`"channel":{"id":"CMATH"},"actions":[{"type":"button","action_id":"item_take_out","value":"7"}]}}`,
	`{"envelope_id":"e1","type":"interactive","payload":{"type":"block_actions","user":{"id":"UALICE"},"actions":[]}}`,
	`{"envelope_id":"e1","type":"interactive","payload":{"type":"block_actions","user":{"id":"UALICE"},"actions":[null]}}`,
	`{"envelope_id":"e1","type":"interactive","payload":{"type":"block_actions","user":{"id":"UALICE"},"actions":[5]}}`,
	`{"envelope_id":"e1","type":"interactive","payload":{"type":"block_actions","user":{"id":"UALICE"},` +
		`"actions":{"0":{}}}}`,
	`{"envelope_id":"e1","type":"interactive","payload":{"type":"block_actions","user":null,` +
		`"actions":[{"type":"no_such_element","action_id":"order_buy","value":{"a":1}}]}}`,
	`{"envelope_id":"e1","type":"interactive","payload":{"type":"block_actions","user":{"id":["UALICE"]},` +
		`"actions":[{"action_id":"order_buy","value":"01JD8Z3V5TQ4X6B7N8M9P0RSTA"}]}}`,
	`{"envelope_id":"e1","type":"interactive","payload":{"type":"block_actions","user":{"id":"UALICE"},` +
		`"view":{"callback_id":"license_editor","private_metadata":"{}","blocks":[]},` +
		`"actions":[{"type":"number_input","action_id":"input","block_id":"ram","value":"1e9"}]}}`,
	`{"envelope_id":"e1","type":"interactive","payload":{"type":"block_actions","user":{"id":"UALICE"},` +
		`"view":{"callback_id":"license_editor","blocks":[{"type":"section"},{"type":"no such ` +
		`block"},null]},"actions":[{"action_id":"input"}]}}`,
	`{"envelope_id":"e1","type":"interactive","accepts_response_payload":true,` +
		`"payload":{"type":"view_submission","user":{"id":"UALICE"},"team":{"id":"T1"},"view":{"id":"V1",` +
		`"callback_id":"license_editor","private_metadata":"{\"channel\":\"CMATH\",` +
		`\"response_url\":\"https://evil.example/\"}","state":{"values":{"ram":{"input":{"type":"number_input",` +
		`"value":"16"}},"cpu":{"input":{"type":"static_select","selected_option":{"value":"2"}}}}}}}}`,
	`{"envelope_id":"e1","type":"interactive","payload":{"type":"view_submission","user":{"id":"UBOB"},` +
		`"view":{"callback_id":"license_editor","private_metadata":"{\"order\":\"01JD8Z3V5TQ4X6B7N8M9P0RSTA\"}",` +
		`"state":{"values":{"ram":{"input":{"value":"16"}},"cpu":{"input":{"value":"2"}}}}}}}`,
	`{"envelope_id":"e1","type":"interactive","payload":{"type":"view_submission","user":{"id":"UDANA"},` +
		`"view":{"callback_id":"order_settle","private_metadata":"{\"order\":\"01JD8Z3V5TQ4X6B7N8M9P0RSTC\",` +
		`\"verdict\":\"bought\"}","state":{"values":{"reason":{"input":{"value":"I say so"}}}}}}}`,
	`{"envelope_id":"e1","type":"interactive","payload":{"type":"view_submission","user":{"id":"UALICE"},` +
		`"view":{"callback_id":"license_editor","private_metadata":"nonsense","state":null}}}`,
	`{"envelope_id":"e1","type":"interactive","payload":{"type":"view_submission","user":{"id":"UALICE"},` +
		`"view":{"callback_id":"license_editor","private_metadata":"{}","state":{"values":{"ram":{"input":null},` +
		`"start":{"input":{"selected_date":"9999-99-99"}}}}}}}`,
	`{"envelope_id":"e1","type":"interactive","payload":{"type":"view_submission"}}`,
	`{"envelope_id":"e1","type":"interactive","payload":{"type":"view_closed","user":{"id":"UALICE"},` +
		`"view":{"callback_id":"license_editor"},"is_cleared":true}}`,
	`{"envelope_id":"e1","type":"interactive","accepts_response_payload":true,` +
		`"payload":{"type":"block_suggestion","user":{"id":"UALICE"},"action_id":"x","block_id":"y","value":"z"}}`,
	`{"envelope_id":"e1","type":"interactive","payload":{"type":"shortcut","callback_id":"x","user":{"id":"UALICE"}}}`,
	`{"envelope_id":"e1","type":"interactive","payload":{"type":"dialog_submission","submission":{"a":"b"},"state":"x"}}`,
	`{"envelope_id":"e1","type":"interactive","payload":{}}`,
	`{"envelope_id":"e1","type":"interactive","payload":[]}`,
	`{"envelope_id":"e1","type":"events_api","payload":{"type":"event_callback","team_id":"T1",` +
		`"event_id":"Ev1","event":{"type":"app_home_opened","user":"UALICE","channel":"D1","tab":"home"}}}`,
	`{"envelope_id":"e1","type":"events_api","payload":{"type":"event_callback",` +
		`"event":{"type":"app_home_opened","user":{},"tab":"home"}}}`,
	`{"envelope_id":"e1","type":"events_api","payload":{"type":"event_callback","event":{"type":"message","text":"buy"}}}`,
	`{"envelope_id":"e1","type":"events_api","payload":{"type":"event_callback"}}`,
	`{"envelope_id":"e1","type":"events_api","payload":{"type":"url_verification","challenge":5}}`,
	`{"envelope_id":"e1","type":"events_api","payload":null}`,
	`{"envelope_id":"e1","type":"workflow_step","payload":{}}`,
	`{"envelope_id":"e1","type":null}`,
	`{"envelope_id":"e1"}`,
	`{"envelope_id":{"id":"e1"},"type":"interactive","payload":{}}`,
	`{"envelope_id":"","type":"slash_commands","payload":{"text":"help"}}`,
	`{"envelope_id":"e1","envelope_id":"e2","type":"slash_commands","type":"interactive","payload":{"text":"help"}}`,
	`{"ENVELOPE_ID":"e1","Type":"slash_commands","payload":{"text":"help","user_id":"UALICE"}}`,
	"{\"envelope_id\":\"\xff\xfe\",\"type\":\"slash_commands\",\"payload\":{\"text\":\"buy ram=16 cpu=2 " +
		"title=\xff\xc3\",\"user_id\":\"UALICE\xff\"}}",
	`[]`, `null`, `5`, `"disconnect"`, `{`, ``, "\x00", `<html>`,
	`{"envelope_id":"e1","type":"slash_commands","payload":{"text":"help"}} trailing`,
}

// FuzzHandler_Frames sends any bytes down the socket.
func FuzzHandler_Frames(f *testing.F) {
	for _, frame := range frames {
		f.Add([]byte(frame))
	}
	f.Add(fmt.Appendf(nil, `{"envelope_id":"e1","type":"interactive","payload":%s%s}`, strings.Repeat(`{"a":[`, 20_000),
		strings.Repeat(`]}`, 20_000)))
	f.Add(fmt.Appendf(nil,
		`{"envelope_id":"e1","type":"slash_commands","payload":{"user_id":"UALICE","text":"buy ram=16 cpu=2 title=%s"}}`,
		strings.Repeat("x", 300_000)))
	f.Add(fmt.Appendf(nil, `{"envelope_id":"e1","type":"interactive","payload":{"type":"block_actions",`+
		`"user":{"id":"UALICE"},"actions":[{"type":"button","action_id":"order_cancel","value":"%s"}]}}`,
		strings.Repeat("A", 300_000)))
	f.Add([]byte(strings.Repeat("[", 5<<20))) // more than the bot reads
	p := newSocketServer(f)
	f.Fuzz(func(t *testing.T, frame []byte) { p.checkFrame(t, frame) })
}

// FuzzHandler_Action sends clicks and forms of the right shape with anything in them.
func FuzzHandler_Action(f *testing.F) {
	const form = `{"ram":{"input":{"value":"16"}},"cpu":{"input":{"selected_option":{"value":"2"}}}}`
	f.Add("block_actions", "UALICE", "T1", "CMATH", "order_buy", string(aliceOrder),
		"https://hooks.slack.com/actions/T1/1/x",
		"", "", "")
	f.Add("block_actions", "UALICE", "T2", "D1", "order_cancel:x", string(aliceOrder), "https://evil.example/", "", "", "")
	f.Add("block_actions", "UBOB", "T1", "", "order_again", string(aliceOrder), "", "", "", "")
	f.Add("block_actions", "UDANA", "", "G1", "order_was_bought", string(aliceUnresolved), "file:///", "", "", "")
	f.Add("block_actions", "UGUEST", "", "CMATH", "license_again", someLicense, "", "", "", "")
	f.Add("block_actions", "", "", "", "list_page", `{"f":"all","p":99}`, "", "", "", "")
	f.Add("block_actions", "UALICE", "T1", "CMATH", "license_show", `{"id":"x","from":null}`, "", "", "", "")
	f.Add("block_actions", "UALICE", "T1", "CMATH", "history_page:more", "00012", "", "", "", "")
	f.Add("block_actions", "UALICE", "T1", "CMATH", "input", "x", "", "license_editor", "{}", form)
	f.Add("block_actions", "UALICE", "T1", "CMATH", "home_buy", "", "", "", "", "")
	f.Add("view_submission", "UALICE", "T1", "", "", "", "", "license_editor", `{"order":"`+string(aliceOrder)+
		`","channel":"CMATH"}`, form)
	f.Add("view_submission", "UALICE", "T1", "", "", "", "", "license_editor", `{}`,
		`{"run_limit":{"input":{"value":"-1e99"}},"end":{"input":{"selected_date":"2026-02-31"}},`+
			`"period":{"input":{"selected_option":{"value":"range"}}}}`)
	f.Add("view_submission", "UDANA", "T1", "", "", "", "", "order_settle", `{"order":"`+string(aliceUnresolved)+
		`","verdict":"not-bought"}`, `{"reason":{"input":{"value":"\u0000<!here>"}},"license":{"input":{"value":"x"}}}`)
	f.Add("view_closed", "\xff", "\x00", "<!channel>", "", "", "", "order_settle", "", "")
	p := newSocketServer(f)
	f.Fuzz(func(t *testing.T, kind, who, team, channel, action, value, url, callback, metadata, form string) {
		state := json.RawMessage("{}")
		if json.Valid([]byte(form)) {
			state = json.RawMessage(form)
		}
		type m = map[string]any
		frame, err := json.Marshal(m{"envelope_id": "e1", "type": "interactive", "payload": m{
			"type": kind, "user": m{"id": who}, "team": m{"id": team}, "channel": m{"id": channel}, "response_url": url,
			"trigger_id": "1.2.3",
			"actions":    []any{m{"type": "button", "action_id": action, "value": value}},
			"view":       m{"callback_id": callback, "private_metadata": metadata, "state": m{"values": state}},
		}})
		if err != nil {
			t.Fatal(err)
		}
		p.checkFrame(t, frame)
	})
}

// checkFrame sends a frame to a bot with some orders, and checks what must hold for any frame.
func (p *socketServer) checkFrame(t *testing.T, frame []byte) {
	c := newFilledHandlerEnv(t)
	before, records := c.state()
	was := c.orders()
	log := p.deliver(t, c, frame, toAcknowledge(frame))
	if strings.Contains(log, "recover from a panic in a handler") {
		t.Errorf("log: got %s, want no %q", log, "recover from a panic in a handler")
	}
	for _, h := range c.slack.takeSent() {
		if url, isURL := strings.CutPrefix(h.to, "http"); isURL && !strings.HasPrefix(url, "s://hooks.slack.com/") &&
			!strings.HasPrefix(url, "s://hooks.slack-gov.com/") {
			t.Errorf("got an answer to %q, want a host of Slack's", h.to)
		}
	}
	said := texts(frame)
	after, recorded := c.state()
	if len(said) == 0 && (after != before || recorded != records) {
		t.Error("got another ledger, want no change by what is no JSON")
	}
	for id, o := range c.orders() {
		old, known := was[id]
		switch {
		case !known && o.State == purchase.Proposed: // anyone may ask for a price
			if !said.has(o.Requester.ID) {
				t.Errorf("got an order for %q, want none for people who did not ask", o.Requester.ID)
			}
		case !known: // an order at the new price
			if !said.has("UALICE") || !said.has(string(aliceRepriced)) || !said.has("order_buy_new_price") {
				t.Errorf("got an order that is %s, want none that no one confirmed", o.State)
			}
		case o.State != old.State && old.State == purchase.Unknown:
			if !said.has("UDANA") || !said.mention(string(id)) {
				t.Errorf("got order %s settled, want an admin who did it", id)
			}
		case o.State == purchase.Approved || o.State == purchase.AwaitingApproval:
			if o.State != old.State && (!said.has(o.Requester.ID) || !said.has(string(id)) || !said.mention("order_buy")) {
				t.Errorf("got order %s %s, want its requester's click", id, o.State)
			}
		case o.State != old.State:
			if o.State != purchase.Cancelled || !said.has(o.Requester.ID) || !said.mention(string(id)) {
				t.Errorf("got order %s %s, want it cancelled by its requester", id, o.State)
			}
		}
	}
}

func (c *handlerEnv) orders() map[purchase.OrderID]purchase.Order {
	c.t.Helper()
	byID := map[purchase.OrderID]purchase.Order{}
	err := c.ledger.View(context.Background(), func(r purchase.Reader) error {
		all, err := r.Orders("", 1000)
		for _, o := range all {
			byID[o.ID] = o
		}
		return err
	})
	if err != nil {
		c.t.Fatal(err)
	}
	return byID
}

// toAcknowledge is the id of an envelope that says plainly what it is; empty for anything else.
func toAcknowledge(frame []byte) string {
	var fields map[string]json.RawMessage
	if len(frame) > 1<<20 || json.Unmarshal(frame, &fields) != nil || bytes.Count(frame, []byte("envelope_id")) != 1 {
		return ""
	}
	for _, key := range slices.Collect(maps.Keys(fields)) {
		if other := strings.ToLower(key); other != key && (other == "type" || other == "envelope_id" || other == "payload") {
			return "" // which of two spellings counts, no one says
		}
	}
	var id, kind string
	if json.Unmarshal(fields["envelope_id"], &id) != nil || json.Unmarshal(fields["type"], &kind) != nil ||
		kind == "hello" || kind == "disconnect" {
		return ""
	}
	return id
}

// textSet has all texts of a payload, including those of JSON inside it.
type textSet map[string]bool

func texts(raw []byte) textSet {
	all := textSet{}
	var gather func(v any)
	gather = func(v any) {
		switch v := v.(type) {
		case string:
			all[v] = true
			var inner any
			if strings.HasPrefix(v, "{") && json.Unmarshal([]byte(v), &inner) == nil {
				gather(inner)
			}
		case []any:
			for _, x := range v {
				gather(x)
			}
		case map[string]any:
			for _, x := range v {
				gather(x)
			}
		}
	}
	// A message may begin with JSON and go on with something else; what was read first counts. So do keys that come twice.
	decoder := json.NewDecoder(bytes.NewReader(raw))
	for {
		token, err := decoder.Token()
		if err != nil {
			return all
		}
		if text, ok := token.(string); ok {
			gather(text)
		}
	}
}

func (s textSet) has(text string) bool { return s[text] || text == "" && len(s) > 0 }

// mention reports whether one of the texts contains part, in upper or lower case.
func (s textSet) mention(part string) bool {
	for text := range s {
		if strings.Contains(strings.ToUpper(text), strings.ToUpper(part)) {
			return true
		}
	}
	return false
}

// What the fuzz targets look at is there: a click of the right person, at the right place, is carried through and
// promises.
func TestHandler_Frames_RightClick(t *testing.T) {
	p := newSocketServer(t)
	confirmed := 0
	for _, frame := range frames {
		c := newFilledHandlerEnv(t)
		p.deliver(t, c, []byte(frame), toAcknowledge([]byte(frame)))
		if c.orders()[aliceOrder].State == purchase.Approved {
			confirmed++
		}
	}
	if confirmed != 1 {
		t.Errorf("frames that confirmed the order: got %d, want 1, her click", confirmed)
	}
}
