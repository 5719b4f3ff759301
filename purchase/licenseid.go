package purchase

import "regexp"

// A license's id works like a key: anyone who knows it can use the license on a project of their own, and CoCalc can't
// take it off again. So the requester, and people who may see licenses, read whole ids in private. Channels and logs
// show the end of an id, which tells licenses apart.

// idEnd is how many characters of an id are shown in public.
const idEnd = 4

// ShortID returns an id as everyone may read it: "…1a2b". An empty id stays empty.
func ShortID(id string) string {
	r := []rune(id)
	if len(r) == 0 {
		return ""
	}
	return "…" + string(r[max(0, len(r)-idEnd):])
}

var wholeID = regexp.MustCompile(`(?i)\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b`)

// ShortenIDs shortens every whole id in a text. Use it for people's text and stored text that is shown in a channel, or
// to people who may not see licenses.
func ShortenIDs(text string) string { return wholeID.ReplaceAllStringFunc(text, ShortID) }
