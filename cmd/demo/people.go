package main

import (
	"strings"
	"time"

	"licensebot/bot"
	"licensebot/slacksim"
)

// Names of the demo's workspace, besides those of package slacksim.
const (
	botUser          = "U0LICENSEBOT"
	olga             = "U0OLGA"
	approvalsChannel = "C0APPROVALS" // where approvers are asked
)

// person is one of the people that a newcomer can be.
type person struct {
	slacksim.User
	may                    string // what they may do, beside their name on the page
	buyer, approver, admin bool
}

// cast are a buyer, an approver, an admin and an outsider. The approver buys too and the admin approves too, so that
// one can try to agree to an order of one's own, and can be the second who decides.
func cast() []person {
	return []person{
		{slacksim.User{ID: slacksim.Alice, Name: "alice", RealName: "Alice Amsel"}, "buys licenses", true, false, false},
		{slacksim.User{ID: slacksim.Bob, Name: "bob", RealName: "Bob Brandt"}, "approves, and buys", true, true, false},
		{slacksim.User{ID: slacksim.Carol, Name: "carol", RealName: "Carol Conti"}, "admin, and approves", false, true, true},
		{
			slacksim.User{ID: olga, Name: "olga", RealName: "Olga Oster", Restricted: true},
			"guest, can't buy", false, false, false,
		},
	}
}

// ids returns the ids of the cast for whom has returns true, separated by commas, as settings take them.
func ids(has func(person) bool) string {
	var list []string
	for _, p := range cast() {
		if has(p) {
			list = append(list, p.ID)
		}
	}
	return strings.Join(list, ",")
}

// newWorkspace is the demo's workspace. #random has all people. #general has only members, since a guest would keep
// prices out of the bot's messages. Approvers have their own channel.
func newWorkspace(keep func(snapshot []byte), patient bool) *slacksim.Workspace {
	var within time.Duration // Slack's own
	if patient {
		within = time.Minute
	}
	var users []slacksim.User
	everybody, members, deciding := []string{}, []string{botUser}, []string{botUser}
	for _, p := range cast() {
		users = append(users, p.User)
		everybody = append(everybody, p.ID)
		if !p.Restricted {
			members = append(members, p.ID)
		}
		if p.approver {
			deciding = append(deciding, p.ID)
		}
	}
	return slacksim.New(slacksim.Options{
		Keep:       keep,
		AckTimeout: within, TriggerLife: within,
		Team: slacksim.Team{Name: "Demo University", Domain: "demo-university"},
		App: slacksim.App{
			Name: "licensebot", BotUserID: botUser, BotScopes: bot.Scopes(),
			Commands: []slacksim.SlashCommand{slashCommand},
		},
		Users: users,
		Channels: []slacksim.Channel{
			{ID: slacksim.General, Name: "general", Members: members},
			{ID: slacksim.Random, Name: "random", Topic: "licensebot isn't in this channel", Members: everybody},
			{ID: approvalsChannel, Name: "license-approvals", Topic: "Bob and Carol approve orders here", Members: deciding},
		},
	})
}

// notes are shown beside the names: what each person may do.
func notes() map[string]string {
	notes := map[string]string{}
	for _, p := range cast() {
		notes[p.ID] = p.may
	}
	return notes
}
