package purchase

import "regexp"

// A license's id is its key: anyone who knows it can use the license on a project of their own, and nothing takes it off
// again. So whole ids are for the requester and for people who may see licenses, in private. Channels and logs get the end
// of an id, which tells licenses apart.

// idEnd is how many characters of an id are shown in public.
const idEnd = 4

// ShortID is an id as everyone may read it: "…1a2b". An empty id stays empty.
func ShortID(id string) string {
	r := []rune(id)
	if len(r) == 0 {
		return ""
	}
	return "…" + string(r[max(0, len(r)-idEnd):])
}

var wholeID = regexp.MustCompile(`(?i)\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b`)

// ShortenIDs is a text in which every whole id is shortened. It is for texts that are shown in a channel or to people who
// may see no licenses: what someone wrote, or what the ledger kept.
func ShortenIDs(text string) string { return wholeID.ReplaceAllStringFunc(text, ShortID) }
