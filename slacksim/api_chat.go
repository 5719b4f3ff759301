package slacksim

import (
	"encoding/json"
	"slices"
	"unicode/utf8"

	"licensebot/slacksim/blockkit"
)

// maxText is the longest text of a message, in characters (msg_too_long).
const maxText = 40_000

// content is the checked content of a message, without the ids that Slack adds to its blocks.
type content struct {
	text   string
	blocks blockkit.Template
	// blocksGiven is true if the request has blocks, also for an empty list, which removes the message's blocks.
	blocksGiven bool
}

// readContent reads and checks the text and blocks of a request. All methods that show a message use it.
func (ws *Workspace) readContent(q *request) (content, *apiError) {
	ws.mu.Lock()
	rules := ws.blockRules()
	ws.mu.Unlock()
	return readContent(q, rules)
}

func readContent(q *request, rules blockkit.Rules) (content, *apiError) {
	c := content{text: q.str("text"), blocksGiven: q.has("blocks") && q.str("blocks") != ""}
	if utf8.RuneCountInString(c.text) > maxText {
		return c, failed("msg_too_long")
	}
	if c.blocksGiven {
		blocks, err := checkBlocks(q.json("blocks"), rules)
		if err != nil {
			return c, err
		}
		c.blocks = blocks
	}
	return c, nil
}

func (c content) empty() bool { return c.text == "" && c.blocks.Empty() }

// storedBlocks returns the blocks as Slack stores them: with ids.
func (c content) storedBlocks() json.RawMessage { return c.blocks.Fill(shortID) }

// blockRules returns the rules for blocks of messages. ws.mu is held.
func (ws *Workspace) blockRules() blockkit.Rules {
	return blockkit.Rules{RefuseNew: ws.faults.NoNewBlocks}
}

// checkBlocks validates the blocks of a message.
func checkBlocks(raw json.RawMessage, rules blockkit.Rules) (blockkit.Template, *apiError) {
	var array []json.RawMessage
	if json.Unmarshal(raw, &array) != nil {
		return blockkit.Template{}, failed("invalid_blocks_format")
	}
	if len(array) == 0 {
		return blockkit.Template{}, nil
	}
	blocks := blockkit.Read(raw)
	if problems := blocks.Validate(rules); len(problems) > 0 {
		return blockkit.Template{}, &apiError{code: "invalid_blocks", problems: problems}
	}
	if blocks.Characters() > blockkit.MaxMessageCharacters {
		return blockkit.Template{}, failed("msg_blocks_too_long")
	}
	checked, err := blocks.Template()
	if err != nil {
		return blockkit.Template{}, failed("invalid_blocks_format")
	}
	return checked, nil
}

// shortID makes an id as Slack gives to blocks without one.
func shortID() string { return secret()[:5] }

// postTarget finds the conversation for a message: a channel by id or name, or a person's direct messages by the
// person's id.
func (ws *Workspace) postTarget(id string) (Channel, *apiError) {
	if u, ok := ws.User(id); ok && u.ID == id {
		if u.Bot || u.Deleted || u.Stranger {
			return Channel{}, failed("channel_not_found")
		}
		id = ws.DM(id)
	}
	c, ok := ws.Channel(id)
	bot := ws.opts.App.BotUserID
	switch {
	case !ok, c.Private && !c.Has(bot):
		return Channel{}, failed("channel_not_found")
	case !c.Has(bot) && !slices.Contains(ws.opts.App.BotScopes, "chat:write.public"):
		return Channel{}, failed("not_in_channel")
	case c.Archived:
		return Channel{}, failed("is_archived")
	}
	return c, nil
}

func chatPostMessage(ws *Workspace, q *request) (obj, *apiError) {
	c, err := ws.postTarget(q.str("channel"))
	if err != nil {
		return nil, err
	}
	shown, err := ws.readContent(q)
	if err != nil {
		return nil, err
	}
	if shown.empty() {
		return nil, failed("no_text")
	}
	if wait := ws.limiter.post(c.ID); wait > 0 {
		return nil, &apiError{code: "ratelimited", wait: wait}
	}
	ws.mu.Lock()
	defer ws.mu.Unlock()
	thread := q.str("thread_ts")
	if thread != "" && ws.message(c.ID, thread) == nil {
		return nil, failed("invalid_thread_ts")
	}
	m := ws.addMessage(ws.botMessage(c.ID, shown, thread))
	return obj{"channel": c.ID, "ts": m.TS, "message": ws.messageJSON(m)}, nil
}

func (ws *Workspace) botMessage(channel string, c content, thread string) Message {
	return Message{
		Channel: channel, User: ws.opts.App.BotUserID, BotID: ws.opts.App.BotID,
		Text: c.text, Blocks: c.storedBlocks(), ThreadTS: thread,
	}
}

func chatPostEphemeral(ws *Workspace, q *request) (obj, *apiError) {
	c, err := ws.postTarget(q.str("channel"))
	if err != nil {
		return nil, err
	}
	user := q.str("user")
	if !c.Has(user) {
		return nil, failed("user_not_in_channel")
	}
	shown, err := ws.readContent(q)
	if err != nil {
		return nil, err
	}
	if shown.empty() {
		return nil, failed("no_text")
	}
	ws.mu.Lock()
	defer ws.mu.Unlock()
	m := ws.botMessage(c.ID, shown, q.str("thread_ts"))
	m.OnlyFor = user
	return obj{"message_ts": ws.addMessage(m).TS}, nil
}

// ownMessage finds the message of the app that a request names. The error is refusal for a message that the app can't
// change: another person's, or one that only one person sees. ws.mu is held.
func (ws *Workspace) ownMessage(q *request, refusal string) (*Message, *apiError) {
	c := ws.channel(q.str("channel"))
	if c == nil {
		return nil, failed("channel_not_found")
	}
	m := ws.message(c.ID, q.str("ts"))
	switch {
	case m == nil:
		return nil, failed("message_not_found")
	case m.BotID != ws.opts.App.BotID || m.Ephemeral():
		return nil, failed(refusal)
	case c.Archived:
		return nil, failed("is_archived")
	}
	return m, nil
}

func chatUpdate(ws *Workspace, q *request) (obj, *apiError) {
	shown, err := ws.readContent(q)
	if err != nil {
		return nil, err
	}
	if shown.empty() {
		return nil, failed("no_text")
	}
	ws.mu.Lock()
	defer ws.mu.Unlock()
	m, err := ws.ownMessage(q, "cant_update_message")
	if err != nil {
		return nil, err
	}
	blocks := m.Blocks // Slack keeps them if the request has none
	if shown.blocksGiven {
		blocks = shown.storedBlocks()
	}
	ws.changeMessage(m, shown.text, blocks)
	return obj{"channel": m.Channel, "ts": m.TS, "text": m.Text, "message": ws.messageJSON(m)}, nil
}

func chatDelete(ws *Workspace, q *request) (obj, *apiError) {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	m, err := ws.ownMessage(q, "cant_delete_message")
	if err != nil {
		return nil, err
	}
	ws.removeMessage(m)
	return obj{"channel": m.Channel, "ts": m.TS}, nil
}
