package purchase

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// UnmarshalJSON reads an unresolved outcome of any schema. The first schema has half a sentence (why), and in its later
// versions also a cause.
func (h *Unresolved) UnmarshalJSON(data []byte) error {
	type plain Unresolved
	var read struct {
		plain
		Why string `json:"why"`
	}
	if err := json.Unmarshal(data, &read); err != nil {
		return err
	}
	if *h = Unresolved(read.plain); h.Code == "" && read.Why != "" {
		h.Cause = NewCause(Untranslated, "text", strings.TrimSuffix(read.Why, "."))
	}
	return nil
}

// UnmarshalJSON reads a failure of any schema. The first schema has a code and a sentence. The sentence becomes the
// underlying cause, since one code stands for several reasons.
func (f *Failure) UnmarshalJSON(data []byte) error {
	type plain Failure
	var read struct {
		plain
		Sentence string `json:"sentence"`
	}
	if err := json.Unmarshal(data, &read); err != nil {
		return err
	}
	if *f = Failure(read.plain); read.Sentence != "" {
		f.Causes = []Cause{NewCause(Untranslated, "text", read.Sentence)}
	}
	return nil
}

var oldWaits = []struct {
	begins string
	code   CauseCode
}{
	{"Buying is paused. Nothing was bought yet; the order is bought when buying is resumed.", WaitsForResume},
	{"CoCalc's answer to the checkout of another order was lost, so it may still be at work.", WaitsForCheckout},
	{"Slack does not tell me whether you may still buy.", WaitsForSlack},
	{"CoCalc asks to wait ", WaitsForTurn},
	{"CoCalc does not accept the API key ", WaitsForKey},
	{"Another item in the CoCalc cart is broken and blocks it.", WaitsForCart},
	{"CoCalc does not answer properly right now.", WaitsForCoCalc},
}

// AllIncidents returns the reasons of the pause, oldest first; nil if p is nil.
func (p *Pause) AllIncidents() []Incident {
	if p == nil {
		return nil
	}
	return p.Incidents
}

// UnmarshalJSON reads a pause of any schema. The first schema has its reasons as sentences (reason), and in its later
// versions also incidents.
func (p *Pause) UnmarshalJSON(data []byte) error {
	type plain Pause
	var read struct {
		plain
		Reason string `json:"reason"`
	}
	if err := json.Unmarshal(data, &read); err != nil {
		return err
	}
	if *p = Pause(read.plain); len(p.Incidents) > 0 {
		return nil
	}
	for i, text := range strings.Split(read.Reason, " Since then: ") {
		in := Incident{Cause: oldIncident(text), Time: p.Since, By: BotName}
		if i == 0 {
			in.By = p.By
		}
		if in.By != BotName {
			in.Cause = PersonSaid(text)
		}
		p.Incidents = append(p.Incidents, in)
	}
	return nil
}

// UnmarshalJSON reads an incident of any schema. The first schema also has a sentence (text). It is kept where it has
// more detail than the arguments: for inconsistent books, and for a purchase without its order's id.
func (in *Incident) UnmarshalJSON(data []byte) error {
	type plain Incident
	var read struct {
		plain
		Text string `json:"text"`
	}
	if err := json.Unmarshal(data, &read); err != nil {
		return err
	}
	if *in = Incident(read.plain); read.Text != "" &&
		(in.Code == IncidentBooks || in.Code == IncidentUnattributed && in.Args["order"] == "") {
		in.Causes = []Cause{NewCause(Untranslated, "text", read.Text)}
	}
	return nil
}

// UnmarshalJSON reads a notification of any schema. The first schema has a sentence (text), and another for people who
// are not admins (public).
func (n *Notification) UnmarshalJSON(data []byte) error {
	type plain Notification
	var read struct {
		plain
		Text   string `json:"text"`
		Public string `json:"public"`
	}
	if err := json.Unmarshal(data, &read); err != nil {
		return err
	}
	if *n = Notification(read.plain); n.Code == "" && read.Text != "" {
		n.Cause = NewCause(Untranslated, "text", read.Text, "public", read.Public)
	}
	return nil
}

// UnmarshalJSON reads a resume of any schema. The first schema has a sentence about what counts in no budget
// (left_out).
func (r *OfflineResume) UnmarshalJSON(data []byte) error {
	type plain OfflineResume
	var read struct {
		plain
		Sentence string `json:"left_out"`
	}
	if err := json.Unmarshal(data, &read); err != nil {
		return err
	}
	if *r = OfflineResume(read.plain); read.Sentence != "" {
		r.LeftOut = NewCause(Untranslated, "text", read.Sentence)
	}
	return nil
}

// oldIncident returns the cause of a pause by the bot itself, from the sentence of the first schema; IncidentOther if
// it matches none.
func oldIncident(text string) Cause {
	for _, old := range oldIncidents {
		found := old.says.FindStringSubmatch(text)
		if found == nil {
			continue
		}
		c := Cause{Code: old.code, Args: Args{}}
		for i, name := range old.args {
			value := found[i+1]
			if strings.HasPrefix(value, "$") {
				value = strings.NewReplacer("$", "", ",", "", ".", "").Replace(value) // cents
				value = strings.TrimLeft(value[:len(value)-1], "0") + value[len(value)-1:]
			}
			c.Args[name] = value
		}
		return c
	}
	return Cause{Code: IncidentOther, Args: Args{"text": text}}
}

var oldIncidents = []struct {
	says *regexp.Regexp
	code CauseCode
	args []string
}{
	{
		regexp.MustCompile(`^the API key \((.*)\) is of CoCalc account (\S+), and this ledger is of account ([^\s:]+):`),
		IncidentForeignKey,
		[]string{"key", "account", "ledger"},
	},
	{
		regexp.MustCompile(`^the outcome of two checkouts was unknown within a day: of order (\w+) and of order (\w+)`),
		IncidentUnknown,
		[]string{"first", "second"},
	},
	{
		regexp.MustCompile(`^CoCalc charged (\S+) for order (\w+), and (\S+) was agreed to`), IncidentCharged,
		[]string{"charged", "order", "agreed"},
	},
	{
		regexp.MustCompile(`^a purchase with a tag of mine cannot be explained: license ([^\s.]+)`), IncidentUnexplained,
		[]string{"license"},
	},
	{
		regexp.MustCompile(`^cart item (\d+) of order (\w+) was bought (\d+) times; CoCalc charged (\S+) too much`),
		IncidentDoubleBuy,
		[]string{"item", "order", "times", "amount"},
	},
}

// ReportedLicense returns the license and the CoCalc id of the purchase that an audit record reports as not bought by
// the ledger; zero values if the record reports none or lacks them.
func (e *Event) ReportedLicense() (license string, purchase int64) {
	if kind := NotificationKind(e.Kind); kind != NotificationForeign && kind != NotificationUnexplained {
		return "", 0
	}
	if e.Args != nil {
		purchase, _ = strconv.ParseInt(e.Args["purchase"], 10, 64)
		return e.Args["license"], purchase
	}
	if found := oldReport.FindStringSubmatch(e.Note); found != nil {
		purchase, _ = strconv.ParseInt(found[2], 10, 64)
		return found[1], purchase
	}
	return "", 0
}

var oldReport = regexp.MustCompile(
	"^License `([^`]+)` was bought on the CoCalc account on [^()]*(?:\\(CoCalc's purchase (\\d+)\\))?")

// Reports reports whether the audit record e reports exactly these findings of an inconsistent ledger. findings must
// not be empty.
func (e *Event) Reports(findings []Finding) bool {
	switch {
	case e.Kind != string(NotificationInconsistent):
		return false
	case e.Code != "":
		return e.Args["digest"] == Digest(findings)
	}
	f := findings[0]
	format, ok := oldFindings[f.Code]
	if !ok {
		return false
	}
	args := make([]any, 0, len(f.Args))
	for _, arg := range f.Args {
		args = append(args, arg)
	}
	note := "my ledger contradicts itself. " + fmt.Sprintf(format, args...)
	if more := len(findings) - 1; more > 0 {
		note += fmt.Sprintf(" `bot verify` shows %d more.", more)
	}
	return e.Note == note
}

var oldFindings = map[FindingCode]string{
	FoundEntriesOfOneLicense:  "Entries %s and %s of the purchase log are both of license %s.",
	FoundEntriesOfOnePurchase: "Entries %s and %s of the purchase log are both CoCalc's purchase %s.",
	FoundEntryWithoutOrder:    "Entry %s of the purchase log is of order %q, which is not in the ledger.",
	FoundPauseUnrecorded:      "Buying is paused, and no audit record says so.",
	FoundResumeUnrecorded:     "Buying is not paused, and the audit records do not say that it was resumed.",
	FoundRecordWithoutOrder:   "Audit record %s says that order %q became %s, and there is no such order.",
	FoundRecordImpossible:     "Audit record %s says that order %s became %s, which it could not after %s.",
	FoundRecordPrice:          "Audit record %s says that order %s costs %s, and the order says %s.",
	FoundBudgetSpent:          "The budget of %s says that %s was spent, and the purchase log adds up to %s.",
	FoundBudgetReserved:       "The budget of %s says that %s is reserved, and the orders that are promised add up to %s.",
	FoundBudgetCount:          "The budget of %s counts %s licenses, and the purchase log has %s.",
	FoundBudgetPerson: "The budget of %s says that %s spent %s and has %s reserved; log and orders add up to %s " +
		"and %s.",
	FoundOrderState:          "Order %s is %s, and its last audit record (%s) says %s.",
	FoundOrderNotSent:        "Order %s was about to be checked out, and does not say that checkout was sent.",
	FoundOrderSentUnrecorded: "Order %s says that checkout was sent, and no audit record does.",
	FoundEntryOfUnbought:     "Order %s is %s, and entry %s of the purchase log says that it was bought.",
	FoundReceiptOfUnbought:   "Order %s is %s, and has a receipt.",
	FoundNoReceipt:           "Order %s was bought, and has no receipt.",
	FoundEntryMonth:          "Order %s counts in %s, and its entry %s of the purchase log in %s.",
	FoundOrderNotLogged:      "Order %s was bought, and is not in the purchase log.",
	FoundOrderLoggedTwice:    "Order %s is %s times in the purchase log, and none of these is marked as a double buy.",
	FoundReceiptLicense:      "Order %s has license %q on its receipt, and another one in the purchase log.",
	FoundReceiptAmount:       "Order %s cost %s by its receipt, and %s by the purchase log.",
	FoundReceiptExtra: "Order %s was bought %s times too often by its receipt (%s), and %s times by the purchase " +
		"log (%s).",
	FoundChainBroken: "Its audit chain is broken: %s %s.",
}
