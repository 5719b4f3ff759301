package blockkit

import "encoding/json"

// FillIDs gives every block without block_id and every interactive element without
// action_id one from newID, as Slack does when it stores blocks, and returns the blocks
// with them. It expects blocks that Validate accepted.
func FillIDs(blocks json.RawMessage, newID func() string) (json.RawMessage, error) {
	if len(blocks) == 0 {
		return nil, nil
	}
	decoded := Decode(blocks)
	for _, b := range decoded {
		if str(b["block_id"]) == "" {
			b["block_id"] = newID()
		}
		fillActionIDs(b, newID)
	}
	return json.Marshal(decoded)
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
