package slacksim

import (
	"encoding/json"

	"licensebot/slacksim/blockkit"
)

// answer is the content of an answer to a command or a click, and what becomes of it.
type answer struct {
	content
	thread                       string // ts of the message that begins the thread, or empty
	inChannel, replaces, deletes bool
}

// checkedAnswer is the body of an answer, and the rules by which it was checked.
type checkedAnswer struct {
	body  string
	rules blockkit.Rules
}

// maxCheckedAnswers is how many answers a workspace remembers as checked, each less than maxAck bytes long.
const maxCheckedAnswers = 64

// readAnswer reads and checks an answer. It remembers accepted answers, since apps give the same one to many people.
func (ws *Workspace) readAnswer(body json.RawMessage) (answer, *apiError) {
	ws.mu.Lock()
	rules := ws.blockRules()
	known, found := ws.answers[checkedAnswer{string(body), rules}]
	ws.mu.Unlock()
	if found {
		return known, nil
	}
	q := &request{args: map[string]json.RawMessage{}}
	if json.Unmarshal(body, &q.args) != nil {
		return answer{}, failed("invalid_payload")
	}
	shown, err := readContent(q, rules)
	if err != nil {
		return answer{}, err
	}
	given := answer{
		content: shown, thread: q.str("thread_ts"), inChannel: q.str("response_type") == "in_channel",
		replaces: q.bool("replace_original"), deletes: q.bool("delete_original"),
	}
	if len(body) < maxAck {
		ws.mu.Lock()
		defer ws.mu.Unlock()
		if len(ws.answers) >= maxCheckedAnswers {
			clear(ws.answers)
		}
		ws.answers[checkedAnswer{string(body), rules}] = given
	}
	return given, nil
}
