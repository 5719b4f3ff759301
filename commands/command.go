package commands

// Command is what a person wants: one of [Buy], [Quote], [List], [Show], [History], [Order], [Cancel], [Approve],
// [Deny], [Budget], [Settle], [Pause], [Resume], [End], [Keep], [Help].
type Command interface{ isCommand() }

// Buy requests a license. The answer is a card with its price and buttons.
type Buy struct{ Fields Fields }

// Quote requests the price of a license.
type Quote struct{ Fields Fields }

// List requests the licenses of the account. Page counts from 1.
type List struct {
	Filter ListFilter
	Page   int
}

// Show requests one license, by its ID (a UUID in lower case) or by Part, the first or last 4 or more characters of the
// ID. One of the two is empty.
type Show struct{ ID, Part string }

// History requests past purchases, newest first. Page counts from 1.
type History struct{ Page int }

// Order requests one order, by its ID (a ULID in upper case) or by a part of it, as in [Show].
type Order struct{ ID, Part string }

// Cancel cancels an order. ID is a ULID in upper case.
type Cancel struct{ ID string }

// Approve approves an order. ID is a ULID in upper case.
type Approve struct{ ID string }

// Deny denies an order. ID is a ULID in upper case, Reason as in [Pause].
type Deny struct{ ID, Reason string }

// Budget requests what was spent and reserved, and what is left.
type Budget struct{}

// Settle resolves an order whose outcome is unknown. ID is a ULID in upper case.
type Settle struct{ ID string }

// Pause pauses all buying. Reason is one line of 1 to [MaxReason] characters.
type Pause struct{ Reason string }

// Resume ends a pause of buying. Reason is as in [Pause], or empty.
type Resume struct{ Reason string }

// End ends the subscription of a license, which is named as in [Show].
type End struct{ ID, Part string }

// Keep undoes the end of a subscription. The license is named as in [Show].
type Keep struct{ ID, Part string }

// Help requests an explanation. Topic is the name of a command or a field; empty means all commands.
type Help struct{ Topic string }

func (Buy) isCommand()     {}
func (Quote) isCommand()   {}
func (List) isCommand()    {}
func (Show) isCommand()    {}
func (History) isCommand() {}
func (Order) isCommand()   {}
func (Cancel) isCommand()  {}
func (Approve) isCommand() {}
func (Deny) isCommand()    {}
func (Budget) isCommand()  {}
func (Settle) isCommand()  {}
func (Pause) isCommand()   {}
func (Resume) isCommand()  {}
func (End) isCommand()     {}
func (Keep) isCommand()    {}
func (Help) isCommand()    {}

// commandInfo is a row of the table of commands, which the parser and the help use.
type commandInfo struct {
	name     string
	aliases  []string
	usage    string
	summary  string
	details  []string
	examples []Example
	fields   bool // whether the command accepts the fields of a license
}

// commandTable lists the commands in the order of the help.
var commandTable = []commandInfo{
	{
		name: "buy", aliases: []string{"purchase", "new"}, usage: "buy field=value …", fields: true,
		summary: "Buy a license. You see the price before you pay.",
		details: []string{
			"Shows a card with the price. You won't be charged until you click Buy. Without any fields, a form opens.",
			`Put text that contains spaces in quotes: title="Statistics 101".`,
		},
		examples: []Example{
			{"buy ram=16 cpu=2", "16 GB and 2 cores, renews every month"},
			{
				`buy ram=8 cpu=1 user=academic run_limit=30 days=90 title="Statistics 101"`,
				"a course with 30 students, for 90 days",
			},
			{"buy ram=4 cpu=1 period=yearly uptime=always_running", "a server that is always on, renews every year"},
			{
				`buy ram=4 cpu=1 start=2027-01-01 end=2027-01-31 reason="winter school"`,
				"a fixed term, with a reason for the approvers",
			},
		},
	},
	{
		name: "quote", aliases: []string{"price", "cost", "estimate"}, usage: "quote field=value …", fields: true,
		summary: "See the price of a license without buying it.",
		examples: []Example{
			{"quote ram=16 cpu=2", "the price per month"},
			{"quote ram=16 cpu=2 period=yearly", "the price per year"},
		},
	},
	{
		name: "list", aliases: []string{"ls", "licenses"}, usage: "list [active|expired|all] [page=N]",
		summary: "List your team's licenses.",
		examples: []Example{
			{"list", "active licenses"},
			{"list expired page=2", "page 2 of the expired licenses"},
			{"list all", "all licenses"},
		},
	},
	{
		name: "show", aliases: []string{"view", "details", "info"}, usage: "show LICENSE-ID",
		summary: "Show a license.",
		details: []string{"Use its id, its link, or the first or last characters of its id (at least 4)."},
		examples: []Example{
			{"show " + exampleLicense, "by its id"},
			{"show " + ExampleSite + "/settings/licenses?id=" + exampleLicense, "by its link"},
			{"show " + exampleLicense[len(exampleLicense)-4:], "by the end of its id"},
		},
	},
	{
		name: "end", aliases: []string{"stop", "unsubscribe", "terminate"}, usage: "end LICENSE-ID",
		summary: "Stop a license from renewing.",
		details: []string{
			"Shows until when the license runs and what you save, then asks. The license runs until the end of the period " +
				"that is paid.",
			"For licenses that you bought. Approvers and admins can end the others too. Name the license as for `show`.",
			"The field `end` of `buy` is something else: see `/license help until`.",
		},
		examples: []Example{
			{"end " + exampleLicense, "by its id"},
			{"end " + exampleLicense[len(exampleLicense)-4:], "by the end of its id"},
		},
	},
	{
		name: "keep", aliases: []string{"uncancel", "reactivate"}, usage: "keep LICENSE-ID",
		summary: "Keep a license that was to end, so that it renews again.",
		details: []string{
			"Free until the paid period ends, and then no longer possible: buy another license instead.",
		},
		examples: []Example{{"keep " + exampleLicense[len(exampleLicense)-4:], "by the end of its id"}},
	},
	{
		name: "history", aliases: []string{"ledger", "purchases", "log"}, usage: "history [page=N]",
		summary: "Show past purchases, newest first.",
		examples: []Example{
			{"history", "the latest purchases"},
			{"history page=2", "older purchases"},
		},
	},
	{
		name: "order", aliases: []string{"status"}, usage: "order ORDER-ID",
		summary: "Check the status of an order.",
		details: []string{
			"Use its id, or the first or last characters of its id (at least 4).",
			"If the outcome of an order is unknown, you see why, what CoCalc shows now, and how long I'll keep checking.",
		},
		examples: []Example{
			{"order " + exampleOrder, "by its id"},
			{"order " + exampleOrder[len(exampleOrder)-4:], "by the end of its id"},
		},
	},
	{
		name: "cancel", aliases: []string{"abort", "withdraw"}, usage: "cancel ORDER-ID",
		summary:  "Cancel an order that hasn't been bought yet.",
		examples: []Example{{"cancel " + exampleOrder, "cancels this order"}},
	},
	{
		name: "approve", aliases: []string{"agree", "accept", "allow"}, usage: "approve ORDER-ID",
		summary:  "Approvers: approve someone else's order.",
		details:  []string{"Same as the button in the approvals channel. You approve the price shown, and nothing higher."},
		examples: []Example{{"approve " + exampleOrder, "approves this order"}},
	},
	{
		name: "deny", aliases: []string{"reject", "refuse", "decline"}, usage: "deny ORDER-ID REASON",
		summary:  "Approvers: deny someone else's order.",
		details:  []string{"The requester sees your reason, and it's kept on record."},
		examples: []Example{{"deny " + exampleOrder + " " + exampleReason["deny"], "denies this order"}},
	},
	{
		name: "budget", aliases: []string{"spending", "spent", "limits"}, usage: "budget",
		summary:  "Show what's been spent and reserved, by month and person, and what's left.",
		examples: []Example{{"budget", "this month and the months before"}},
	},
	{
		name: "settle", aliases: []string{"resolve", "decide"}, usage: "settle ORDER-ID",
		summary: "Admins: resolve an order whose outcome is unknown.",
		details: []string{
			"Shows what CoCalc reports, then asks for the outcome and how you know. Both are kept on record.",
			"Whatever you answer, nothing is charged.",
		},
		examples: []Example{{"settle " + exampleOrder, "resolves this order"}},
	},
	{
		name: "pause", aliases: []string{"freeze", "halt"}, usage: "pause REASON",
		summary: "Admins: pause all buying.",
		details: []string{
			"Payments already in progress will finish. Anyone who tries to buy will see your reason.",
		},
		examples: []Example{{"pause " + exampleReason["pause"], "stops new orders until an admin resumes"}},
	},
	{
		name: "resume", aliases: []string{"unpause", "unfreeze", "continue"}, usage: "resume [REASON]",
		summary:  "Admins: resume buying after a pause.",
		details:  []string{"The reason is optional. It's kept on record."},
		examples: []Example{{"resume " + exampleReason["resume"], "accepts orders again"}},
	},
	{
		name: "help", aliases: []string{"?", "h", "usage", "commands"}, usage: "help [command or field]",
		summary: "Show help for a command or a field.",
		examples: []Example{
			{"help", "all commands"},
			{"help buy", "a command and its fields"},
			{"help uptime", "a field and its options"},
		},
	},
}

// The IDs in the examples are well-formed and belong to no order or license.
const (
	exampleLicense = "2f5a3c1e-7b64-4d0a-9c8e-1b2d3f4a5c6e"
	exampleProject = "8c7e9a10-3b5d-4f21-a6c4-0d9e8b7f6a51"
	exampleOrder   = "01JD8Z3V5TQ4X6B7N8M9P0RSTW"
)

// commandNamed returns the command with a name.
func commandNamed(name string) (commandInfo, bool) {
	for _, c := range commandTable {
		if c.name == name {
			return c, true
		}
	}
	return commandInfo{}, false
}
