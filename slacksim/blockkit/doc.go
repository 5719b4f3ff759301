// Package blockkit knows Slack's Block Kit as Slack itself enforces it: which blocks and
// elements exist, how long their texts may be, what Slack answers to a mistake
// (Validate, ValidateView), what a person can use in a list of blocks (Elements), what
// the use of an element puts into state.values (Element.State) and what people read
// (PlainText).
//
// It works on the raw JSON, because slack-go's own types drop what they do not know and
// so cannot see the fields that Slack refuses.
package blockkit
