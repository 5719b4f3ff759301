package commands

// Command is what a person asked for: one of [Buy], [Quote], [List], [Show], [History], [Order], [Cancel], [Approve],
// [Deny], [Budget], [Settle], [Pause], [Resume], [Help].
type Command interface{ isCommand() }

// Buy asks for a license: a card with its price, and buttons.
type Buy struct{ Fields Fields }

// Quote asks what a license would cost; nothing is bought.
type Quote struct{ Fields Fields }

// List asks for the licenses of the account. Page counts from 1.
type List struct {
	Filter ListFilter
	Page   int
}

// Show asks for one license, by its id: a uuid in lower case.
type Show struct{ ID string }

// History asks for what was bought, newest first. Page counts from 1.
type History struct{ Page int }

// Order asks for one order, by its id: a ULID in upper case.
type Order struct{ ID string }

// Cancel asks to call off one order, by its id: a ULID in upper case.
type Cancel struct{ ID string }

// Approve says yes to somebody else's order, by its id: a ULID in upper case.
type Approve struct{ ID string }

// Deny says no to somebody else's order, by its id: a ULID in upper case. Reason is as in [Pause].
type Deny struct{ ID, Reason string }

// Budget asks what was spent and promised, and what is left.
type Budget struct{}

// Settle asks an admin's word on an order whose outcome is unknown, by its id: a ULID in upper case.
type Settle struct{ ID string }

// Pause asks to stop all buying. Reason is in one line of 1 to [MaxReason] characters.
type Pause struct{ Reason string }

// Resume asks to end a pause of buying. Reason is as in [Pause], or empty.
type Resume struct{ Reason string }

// Help asks how things are written. Topic is the name of a command or of a field; empty means all commands.
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
func (Help) isCommand()    {}

// ListFilter says which licenses a list shows.
type ListFilter int

const (
	ListActive  ListFilter = iota // those that can be used today
	ListExpired                   // those that are over
	ListAll
)

// String is the word that a person writes: "active", "expired" or "all".
func (f ListFilter) String() string {
	switch f {
	case ListExpired:
		return "expired"
	case ListAll:
		return "all"
	default:
		return "active"
	}
}

// commandInfo is a row of the table of commands, from which the parser and the help are made.
type commandInfo struct {
	name     string
	aliases  []string
	usage    string
	summary  string
	details  []string
	examples []Example
	fields   bool // takes the fields of a license
}

// commandTable lists the commands in the order in which the help shows them.
var commandTable = []commandInfo{
	{
		name: "buy", aliases: []string{"purchase", "new"}, usage: "buy field=value …", fields: true,
		summary: "Buy a license: shows its price first, and buys only after a click.",
		details: []string{
			"The card shows the price and what it renews at. Nothing is bought before its button is clicked.",
			`Text with blanks goes in quotes: title="Statistics 101".`,
		},
		examples: []Example{
			{"buy ram=16 cpu=2", "a machine with 16 GB and 2 cores, renewed every month"},
			{`buy ram=8 cpu=1 user=academic run_limit=30 days=90 title="Statistics 101"`, "a course of 30 students for 90 days"},
			{"buy ram=4 cpu=1 period=yearly uptime=always_running", "a server that never stops, renewed every year"},
			{`buy ram=4 cpu=1 start=2027-01-01 end=2027-01-31 reason="winter school"`, "a fixed term, with a reason for those who approve"},
		},
	},
	{
		name: "quote", aliases: []string{"price", "cost", "estimate"}, usage: "quote field=value …", fields: true,
		summary: "See what a license costs, without buying it.",
		examples: []Example{
			{"quote ram=16 cpu=2", "the price of a month"},
			{"quote ram=16 cpu=2 period=yearly", "the price of a year"},
		},
	},
	{
		name: "list", aliases: []string{"ls", "licenses"}, usage: "list [active|expired|all] [page=N]",
		summary: "List the licenses of the account.",
		examples: []Example{
			{"list", "those that can be used today"},
			{"list expired page=2", "the second page of those that are over"},
			{"list all", "all of them"},
		},
	},
	{
		name: "show", aliases: []string{"view", "details", "info"}, usage: "show LICENSE-ID",
		summary: "Show one license, by its id or its link.",
		examples: []Example{
			{"show " + exampleLicense, "the license with this id"},
			{"show https://cocalc.com/settings/licenses?id=" + exampleLicense, "the same, by its link"},
		},
	},
	{
		name: "history", aliases: []string{"ledger", "purchases", "log"}, usage: "history [page=N]",
		summary: "Show what was bought, newest first.",
		examples: []Example{
			{"history", "the newest purchases"},
			{"history page=2", "the ones before"},
		},
	},
	{
		name: "order", aliases: []string{"status"}, usage: "order ORDER-ID",
		summary:  "Show one order and how far it is.",
		details:  []string{"Of an order whose outcome is unknown it shows why it is held, until when, and what CoCalc shows of it now."},
		examples: []Example{{"order " + exampleOrder, "the order with this id"}},
	},
	{
		name: "cancel", aliases: []string{"abort", "withdraw"}, usage: "cancel ORDER-ID",
		summary:  "Call off an order that was not bought yet.",
		examples: []Example{{"cancel " + exampleOrder, "no longer wants this order"}},
	},
	{
		name: "approve", aliases: []string{"agree", "accept", "allow"}, usage: "approve ORDER-ID",
		summary:  "For approvers: agree to somebody else's order.",
		details:  []string{"The same as the button on the card in the approvals channel. Your yes is for the price that the order names, and for no higher one."},
		examples: []Example{{"approve " + exampleOrder, "agrees to the order with this id"}},
	},
	{
		name: "deny", aliases: []string{"reject", "refuse", "decline"}, usage: "deny ORDER-ID REASON",
		summary:  "For approvers: say no to somebody else's order, and why.",
		details:  []string{"The requester reads the reason, and it is kept in the ledger."},
		examples: []Example{{"deny " + exampleOrder + " " + exampleReason["deny"], "ends the order with this id"}},
	},
	{
		name: "budget", aliases: []string{"spending", "spent", "limits"}, usage: "budget",
		summary:  "Show what was spent and promised, by month and by person, and what is left.",
		examples: []Example{{"budget", "this month and the ones before"}},
	},
	{
		name: "settle", aliases: []string{"resolve", "decide"}, usage: "settle ORDER-ID",
		summary: "For admins: say whether an order of unknown outcome was bought.",
		details: []string{
			"Shows what CoCalc says of the order, and asks for your word and its reason. Both are kept in the ledger.",
			"Nothing is bought by it, whatever you answer.",
		},
		examples: []Example{{"settle " + exampleOrder, "asks about the order with this id"}},
	},
	{
		name: "pause", aliases: []string{"freeze", "halt"}, usage: "pause REASON",
		summary: "For admins: stop all buying.",
		details: []string{
			"What is being bought right now is brought to its end. Everybody who wants to buy reads the reason.",
		},
		examples: []Example{{"pause " + exampleReason["pause"], "no order is taken until an admin resumes"}},
	},
	{
		name: "resume", aliases: []string{"unpause", "unfreeze", "continue"}, usage: "resume [REASON]",
		summary:  "For admins: let buying go on after a pause.",
		details:  []string{"The reason is kept in the ledger; it may be left out."},
		examples: []Example{{"resume " + exampleReason["resume"], "orders are taken again"}},
	},
	{
		name: "help", aliases: []string{"?", "h", "usage", "commands"}, usage: "help [command or field]",
		summary: "Show how a command or a field is written.",
		examples: []Example{
			{"help", "all commands"},
			{"help buy", "one command, with all its fields"},
			{"help uptime", "one field, with its choices"},
		},
	},
}

// The ids of the examples are well-formed and belong to nobody.
const (
	exampleLicense = "2f5a3c1e-7b64-4d0a-9c8e-1b2d3f4a5c6e"
	exampleProject = "8c7e9a10-3b5d-4f21-a6c4-0d9e8b7f6a51"
	exampleOrder   = "01JD8Z3V5TQ4X6B7N8M9P0RSTW"
)

// commandNamed finds a command by its name.
func commandNamed(name string) (commandInfo, bool) {
	for _, c := range commandTable {
		if c.name == name {
			return c, true
		}
	}
	return commandInfo{}, false
}
