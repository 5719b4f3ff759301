package simulation

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/slack-go/slack"

	"licensebot/purchase"
)

// workspace is Slack as people see it: messages, the buttons in them, and the forms that are open. It is kept when the
// program dies.
type workspace struct {
	mu       sync.Mutex
	trace    *Trace
	numbers  int
	messages []*message
	urls     map[string]*answerURL
	forms    map[string]slack.ModalViewRequest // by person: the form that is open
	acts     []*act
	people   *directory
}

// message is a message that a person sees, as it is now.
type message struct {
	ts      string
	channel string
	reader  string // who alone sees it; empty: everyone in the channel
	text    string // all of it
	buttons []pressable
	shown   time.Time
	past    []string // what it showed before
}

type pressable struct{ action, value, label string }

// answerURL is the response URL of a command or a click.
type answerURL struct {
	act     *act
	message *message // that holds the clicked button; nil for a command
	uses    int
	expires time.Time
}

// act is something that a person did and expects an answer to.
type act struct {
	who, what string
	// what they did, in the program's words: the id of a button or of a form, the verb of a command
	action  string
	order   purchase.OrderID // that it is about; empty: none
	card    string           // what the message with the button said
	message *message         // that holds the button
	url     string
	trigger string
	at      time.Time

	deliveries int       // how often Slack hands it to a program
	handled    time.Time // when it first came to the program
	answers    int       // that reached the person
	said       []string  // the texts of those
	attempts   int       // to answer, those that Slack lost included
	sorry      bool      // Slack showed the person an error
	died       bool      // the program was killed between Slack's thanks and the answer
	silent     bool      // a delivery of it has no direct answer: the card shows its result, or the other delivery does
	spoke      bool      // a delivery of it had an answer
	doubt      *doubt    // it was being written when the disk failed
}

// hears records an answer that reached the person.
func (a *act) hears(text string) {
	a.answers++
	a.said = append(a.said, text)
}

// approves reports whether it approves an order.
func (a *act) approves() bool { return a.action == "order_approve" || a.action == "approve" }

// denies reports whether it denies an order.
func (a *act) denies() bool {
	return a.action == "order_deny" || a.action == "order_deny_why" || a.action == "deny"
}

// mint makes the response URL and the trigger of an act.
func (s *workspace) mint(a *act) *act {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.numbers++
	a.at = time.Now()
	a.url, a.trigger = fmt.Sprintf("https://slack.test/respond/%d", s.numbers), fmt.Sprintf("trigger-%d", s.numbers)
	s.urls[a.url] = &answerURL{act: a, message: a.message, expires: a.at.Add(30 * time.Minute)}
	s.acts = append(s.acts, a)
	return a
}

// post adds a message.
func (s *workspace) post(channel, reader string, blocks []byte, text string) *message {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.numbers++
	m := &message{ts: fmt.Sprintf("%d.%06d", time.Now().Unix(), s.numbers), channel: channel, reader: reader}
	m.show(blocks, text)
	s.messages = append(s.messages, m)
	return m
}

// replace changes a message.
func (s *workspace) replace(m *message, blocks []byte, text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	m.past = append(m.past, m.text)
	m.show(blocks, text)
}

func (m *message) show(blocks []byte, text string) {
	m.shown, m.buttons = time.Now(), nil
	words := []string{text}
	var tree any
	_ = json.Unmarshal(blocks, &tree)
	var walk func(any)
	walk = func(v any) {
		switch v := v.(type) {
		case []any:
			for _, each := range v {
				walk(each)
			}
		case map[string]any:
			if v["type"] == "button" {
				label, _ := v["text"].(map[string]any)["text"].(string)
				action, _ := v["action_id"].(string)
				value, _ := v["value"].(string)
				m.buttons = append(m.buttons, pressable{action, value, label})
				return
			}
			if said, ok := v["text"].(string); ok {
				words = append(words, said)
			}
			for _, key := range slices.Sorted(keys(v)) {
				walk(v[key])
			}
		}
	}
	walk(tree)
	m.text = strings.Join(words, "\n")
}

func keys(m map[string]any) func(func(string) bool) {
	return func(yield func(string) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}

// holding finds the Nth newest of the messages with such a button that a person sees, or that are in the approvers'
// channel.
func (s *workspace) holding(who, action string, nth int) (*message, pressable, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, m := range slices.Backward(s.messages) {
		if m.reader != who && (who != approvals || m.channel != approvals || m.reader != "") {
			continue
		}
		for _, b := range m.buttons {
			if kind, _, _ := strings.Cut(b.action, ":"); kind != action {
				continue
			}
			if nth == 0 {
				return m, b, true
			}
			nth--
			break
		}
	}
	return nil, pressable{}, false
}

var orderID = regexp.MustCompile(`\b0[0-9A-HJKMNP-TV-Z]{25}\b`)

// known returns the id of the newest order that a person has read about, or that was shown in the approvers' channel.
func (s *workspace) known(who string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, m := range slices.Backward(s.messages) {
		if id := orderID.FindString(m.text); (m.reader == who || who == approvals && m.channel == approvals &&
			m.reader == "") && id != "" {
			return id
		}
	}
	return "01JD8Z3V5TQ4X6B7N8M9P0RSTW"
}

// read reports whether a person was shown something about one of the orders since a moment. What is in the approvers'
// channel counts for people who decided on an order there.
func (s *workspace) read(a *act, since time.Time, about ...purchase.OrderID) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, m := range s.messages {
		desk := m.channel == approvals && m.reader == "" && (a.approves() || a.denies())
		if m.reader != a.who && !desk || m.shown.Before(since) {
			continue
		}
		if slices.ContainsFunc(about, func(id purchase.OrderID) bool {
			return id != "" && strings.Contains(m.text, string(id))
		}) {
			return true
		}
	}
	return false
}

// latest returns the text of an order's card as a person saw it last.
func (s *workspace) latest(who string, id purchase.OrderID) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var last *message
	for _, m := range s.messages {
		if m.reader == who && strings.Contains(m.text, "Order `"+string(id)) && !strings.Contains(m.text, diskVerdict) &&
			(last == nil || !m.shown.Before(last.shown)) {
			last = m
		}
	}
	if last == nil {
		return ""
	}
	return last.text
}

// headline returns the beginning of a message, for the trace.
func headline(text string) string {
	line, _, _ := strings.Cut(text, "\n")
	if r := []rune(line); len(r) > 110 {
		line = string(r[:110]) + "…"
	}
	return orderID.ReplaceAllStringFunc(line, func(id string) string { return short(purchase.OrderID(id)) })
}
