package blockkit

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
)

// FillIDs adds the ids that Slack adds when it stores blocks: a block_id to every block without one, and an action_id
// to every interactive element without one, each from newID. blocks must be valid: see Validate.
func FillIDs(blocks json.RawMessage, newID func() string) (json.RawMessage, error) {
	if len(blocks) == 0 {
		return nil, nil
	}
	return Read(blocks).FillIDs(newID)
}

// FillIDs adds ids as the function of the same name does, and returns the blocks as JSON.
func (b Blocks) FillIDs(newID func() string) (json.RawMessage, error) {
	for _, v := range list(b.decoded) {
		block, ok := v.(map[string]any)
		if !ok {
			continue // Validate finds it
		}
		if str(block["block_id"]) == "" {
			block["block_id"] = newID()
		}
		fillActionIDs(block, newID)
	}
	return json.Marshal(b.decoded)
}

// Template is valid blocks as JSON, with a gap for each id that Slack adds. The zero value has no blocks.
type Template struct{ parts [][]byte }

// Template returns the blocks with gaps in place of the ids that FillIDs would add. It changes b, as FillIDs does.
func (b Blocks) Template() (Template, error) {
	gap := rand.Text() // is in no block
	raw, err := b.FillIDs(func() string { return gap })
	if err != nil {
		return Template{}, err
	}
	return Template{bytes.Split(raw, []byte(gap))}, nil
}

// Empty reports whether there are no blocks.
func (t Template) Empty() bool { return len(t.parts) == 0 }

// Fill returns the blocks with an id from newID in each gap.
func (t Template) Fill(newID func() string) json.RawMessage {
	if t.Empty() {
		return nil
	}
	out := bytes.Clone(t.parts[0])
	for _, part := range t.parts[1:] {
		out = append(append(out, newID()...), part...)
	}
	return out
}

func fillActionIDs(v any, newID func() string) {
	switch v := v.(type) {
	case []any:
		for _, x := range v {
			fillActionIDs(x, newID)
		}
	case map[string]any:
		if interactive[str(v["type"])] && str(v["action_id"]) == "" {
			v["action_id"] = newID()
		}
		for _, x := range v {
			fillActionIDs(x, newID)
		}
	}
}
