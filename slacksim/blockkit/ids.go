package blockkit

import "encoding/json"

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
