package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/slack-go/slack"

	"licensebot/bot"
	"licensebot/bot/socket"
	"licensebot/internal/config"
	"licensebot/purchase"
)

// slackDirectory asks Slack about the people, groups and channels that the settings name.
type slackDirectory struct {
	*checker
	api  *slack.Client
	team string // the bot's workspace

	persons map[string]purchase.Membership
	listed  bool                // persons holds everyone in the workspace
	members map[string][]string // of user groups
}

// standings describe people who are not full members.
var standings = map[purchase.Membership]string{
	purchase.Guest:       "is a guest",
	purchase.Robot:       "is an app",
	purchase.Deactivated: "is deactivated",
	purchase.Foreign:     "is from another workspace",
}

// checkPeople looks up everyone in the lists, each once. It stops if Slack limits the rate.
func (d *slackDirectory) checkPeople(ctx context.Context) {
	d.persons, d.members = map[string]purchase.Membership{}, map[string][]string{}
	for _, list := range d.PeopleLists() {
		if !d.usable(list.Setting) {
			continue
		}
		ids := slices.Compact(slices.Sorted(slices.Values(config.Clean(list.IDs))))
		ids = slices.DeleteFunc(ids, func(id string) bool { return id == list.All })
		if len(ids) > 0 && !d.checkList(ctx, list.Setting, ids) {
			return
		}
	}
	d.checkApprovals()
}

// checkList looks up the ids of one setting. It returns false if no more questions can be asked.
func (d *slackDirectory) checkList(ctx context.Context, setting string, ids []string) bool {
	var missing, empty, refused []string
	persons, groups := 0, 0
	for _, id := range ids {
		if id[0] == 'S' {
			members, exists, err := d.group(ctx, id)
			switch {
			case err != nil:
				d.slackTrouble(setting, err)
				return false
			case !exists:
				missing = append(missing, id)
			case len(members) == 0:
				empty = append(empty, id)
			default:
				groups++
			}
			continue
		}
		standing, exists, err := d.person(ctx, id)
		switch {
		case err != nil:
			d.slackTrouble(setting, err)
			return false
		case !exists:
			missing = append(missing, id)
		case standing != purchase.Member:
			refused = append(refused, id+" "+standings[standing])
		default:
			persons++
		}
	}
	if len(missing) > 0 {
		d.fail(setting,
			"Copy the ids again: a person's from their profile (Copy member ID), a user group's from its three-dot menu.",
			"not found in this workspace, or disabled: %s", strings.Join(missing, ", "))
	}
	if len(empty) > 0 {
		d.warn(setting, "Add people to it in Slack.", "no members in %s", strings.Join(empty, ", "))
	}
	if len(refused) > 0 {
		d.warn(setting, "Guests, apps, deactivated users and people from other workspaces are always refused.", "%s",
			strings.Join(refused, ", "))
	}
	if len(missing)+len(empty)+len(refused) == 0 {
		var known []string
		if persons > 0 {
			known = append(known, plural(persons, "person", "people"))
		}
		if groups > 0 {
			known = append(known, plural(groups, "user group"))
		}
		d.pass(setting, "%s, all found in Slack", strings.Join(known, " and "))
	}
	return true
}

// person asks Slack about a person, once.
func (d *slackDirectory) person(ctx context.Context, id string) (standing purchase.Membership, exists bool, err error) {
	if standing, known := d.persons[id]; known {
		return standing, true, nil
	}
	u, err := d.api.GetUserInfoContext(ctx, id)
	switch code := socket.Classify(err).Code; {
	case code == "user_not_found" || code == "user_not_visible":
		return "", false, nil
	case err != nil:
		return "", false, err
	}
	d.persons[id] = bot.StandingOf(u, d.team)
	return d.persons[id], true, nil
}

// group looks up the members of a user group, once.
func (d *slackDirectory) group(ctx context.Context, id string) (members []string, exists bool, err error) {
	if members, known := d.members[id]; known {
		return members, true, nil
	}
	members, err = d.api.GetUserGroupMembersContext(ctx, id)
	switch code := socket.Classify(err).Code; {
	case code == "no_such_subteam" || code == "subteam_disabled":
		return nil, false, nil
	case err != nil:
		return nil, false, err
	}
	d.members[id] = members
	return members, true, nil
}

// checkApprovals compares the required approvals with the people who can approve.
func (d *slackDirectory) checkApprovals() {
	if !d.usable("APPROVERS", "APPROVALS_REQUIRED", "APPROVALS_CHANNEL") {
		return
	}
	can := map[string]bool{}
	for _, id := range config.Clean(d.Approvers) {
		if standing, known := d.persons[id]; known && standing == purchase.Member {
			can[id] = true
		}
		for _, member := range d.members[id] {
			can[member] = true
		}
	}
	required := int(d.ApprovalsRequired)
	switch {
	case len(config.Clean(d.Approvers)) == 0:
	case len(can) < required:
		d.fail("APPROVALS_REQUIRED", "List more approvers, or require fewer approvals.",
			"%s required, but only %s can approve", plural(required, "approval is", "approvals are"),
			plural(len(can), "person", "people"))
	case len(can) == required:
		d.warn("APPROVALS_REQUIRED", "List one more approver.",
			"%s required, and only %s can approve, so an approver's own order can never be approved",
			plural(required, "approval is", "approvals are"), plural(len(can), "person", "people"))
	default:
		d.pass("approvals", "%d of %s, asked in %s", required, plural(len(can), "approver"), d.ApprovalsChannel)
	}
}

func channelName(c *slack.Channel) string { return fmt.Sprintf("#%s (%s)", c.Name, c.ID) }
