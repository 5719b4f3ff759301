package config

import "reflect"

// descriptions describe each setting, by its variable, for `bot -h` and the README.
var descriptions = map[string]string{
	"SLACK_BOT_TOKEN":      "bot token, xoxb-…; required",
	"SLACK_BOT_TOKEN_FILE": "file that holds the bot token, instead of SLACK_BOT_TOKEN",
	"SLACK_APP_TOKEN":      "app-level token with connections:write, xapp-…; required",
	"SLACK_APP_TOKEN_FILE": "file that holds the app-level token, instead of SLACK_APP_TOKEN",
	"SLACK_API_URL":        "Slack's Web API",
	"COCALC_API_KEY":       "API key of the CoCalc account that pays, sk-…; required",
	"COCALC_API_KEY_FILE":  "file that holds the API key, instead of COCALC_API_KEY",
	"COCALC_URL":           "address of the CoCalc server where licenses are bought, https://…; required",
	"DATABASE":             "file of the ledger",
	"LICENSE_DEFAULTS":     "defaults for fields that people leave out, e.g. user=academic uptime=short",
	"CHECKOUT_TIMEOUT":     "how long a checkout may take before its outcome counts as unknown",
	"SETTLE_AFTER":         "how long to wait before treating an unconfirmed checkout as failed (applied twice)",
	"PRUNE_AFTER": "age, such as 400d, after which refusals and proposals that were never confirmed are removed from " +
		"the ledger; none = never",
	"LOG_LEVEL":  "debug, info, warn or error",
	"LOG_FORMAT": "json or console",

	"BUYERS":    "users (U…) or groups (S…) who can buy, separated by commas; * = everyone; empty = no one",
	"APPROVERS": "users (U…) or groups (S…) who can approve; empty = no approvals",
	"ADMINS":    "users (U…) or groups (S…) who can resolve orders, and pause or resume buying",
	"VIEWERS": "users (U…) or groups (S…) who see all licenses, history and money, besides approvers and admins; * = " +
		"everyone in the workspace",
	"CHANNELS":          "channel ids where licenses can be ordered, separated by commas; empty = anywhere",
	"APPROVALS_CHANNEL": "channel id for approval requests; required with APPROVERS",
	"AUTO_APPROVE_LIMIT": "the most that needs no approval, in dollars: for one order, and for a person's orders " +
		"without approval in a day",
	"APPROVE_RENEWING":   "true: licenses that renew always need approval",
	"APPROVALS_REQUIRED": "how many approvals an order needs",
	"APPROVAL_TTL":       "how long approvers can decide; they are reminded halfway",
	"ORDER_LIMIT":        "the most that one order may cost, in dollars; none = no limit",
	"MONTHLY_BUDGET":     "the most that all orders and renewals of a month may cost, in dollars; none = no limit",
	"RENEWALS_LIMIT":     "the most that all licenses that renew may cost per month, in dollars; none = no limit",
	"PERSON_BUDGET": "the most that one person's orders and renewals of a month may cost, in dollars; none = only " +
		"MONTHLY_BUDGET",
	"PERSON_ORDERS": "how many licenses one person may ask for in a day, withdrawn requests included; " +
		"none = no limit",
	"MAX_RAM":           "largest RAM, in GB per project; empty = CoCalc's maximum",
	"MAX_CPU":           "most cores per project; empty = CoCalc's maximum",
	"MAX_DISK":          "largest disk, in GB per project; empty = CoCalc's maximum",
	"MAX_RUN_LIMIT":     "most projects running at the same time; empty = CoCalc's maximum",
	"MAX_DAYS":          "longest fixed term, in days; none = CoCalc's maximum",
	"PERIODS":           "allowed billing: monthly, yearly, range (default all); use range to forbid renewals",
	"LEAST_CREDIT":      "credit that must remain on the CoCalc account after a purchase, in dollars",
	"PURCHASES_CHANNEL": "channel id where purchases are announced; empty = the channel of the command",
	"TIMEZONE":          "where months and days begin, such as Europe/Vienna",
}

// Description describes a setting of Fields, in one phrase without a full stop.
func Description(field reflect.StructField) string { return descriptions[field.Tag.Get("envconfig")] }
