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

// checkChannels looks up the channels, whether the bot can write there, and who reads it.
func (d *slackDirectory) checkChannels(ctx context.Context) {
	read := map[string]bool{}
	for _, list := range d.Settings.ChannelLists() {
		if !d.usable(list.Setting) {
			continue
		}
		for _, id := range config.Clean(list.IDs) {
			c, err := d.api.GetConversationInfoContext(ctx, &slack.GetConversationInfoInput{ChannelID: id})
			answer := socket.Classify(err)
			switch {
			case answer.Code == "channel_not_found":
				d.fail(list.Setting, "Copy the id from the channel's details; in a private channel, type /invite @licensebot.",
					"%s doesn't exist, or is a private channel that the bot isn't in", id)
				continue
			case answer.Code == "missing_scope":
				d.unchecked(list.Setting, "Reinstall the app with the output of `bot manifest`.",
					"the app can't look up %s: it lacks %s", id, answer.Needed)
				continue
			case err != nil:
				d.slackTrouble(list.Setting, err)
				return
			case c.IsArchived:
				d.fail(list.Setting, "Use another channel, or unarchive this one in Slack.", "%s is archived", channelName(c))
				continue
			case !c.IsMember && list.Setting == "CHANNELS":
				d.warn(list.Setting, "Type /invite @licensebot there.", "the bot isn't in %s, so it can't post purchases there",
					channelName(c))
			case !c.IsMember:
				d.fail(list.Setting, "Type /invite @licensebot there.", "the bot isn't in %s", channelName(c))
			default:
				d.pass(list.Setting, "%s", channelName(c))
			}
			if !read[id] {
				read[id] = true
				if err := d.checkReaders(ctx, list.Setting, c); err != nil {
					d.slackTrouble(list.Setting, err)
					return
				}
			}
		}
	}
}

// mostNamedReaders is how many people in a channel are named who keep prices out of it.
const mostNamedReaders = 5

// checkReaders warns about a channel that people from outside the workspace can read: the bot posts no prices there.
func (d *slackDirectory) checkReaders(ctx context.Context, setting string, c *slack.Channel) error {
	const withheld = "so the bot posts no prices, license ids or approval cards there"
	if bot.SharedOutside(c) {
		d.warn(setting, "Use a channel that is not shared, or end the sharing in Slack.",
			"%s is shared with another organization, %s", channelName(c), withheld)
		return nil
	}
	ids, err := bot.ChannelMembers(ctx, d.api, c.ID)
	if err != nil {
		return err
	}
	var outside []string
	for _, id := range ids {
		standing, known := d.persons[id]
		if !known {
			if standing, err = d.reader(ctx, id); err != nil {
				return err
			}
		}
		if bot.OutsideReader(standing) {
			outside = append(outside, id+" "+standings[standing])
		}
	}
	if len(outside) == 0 {
		return nil
	}
	slices.Sort(outside)
	names := strings.Join(outside[:min(len(outside), mostNamedReaders)], ", ")
	if more := len(outside) - mostNamedReaders; more > 0 {
		names += " and " + fmt.Sprintf("%d more", more)
	}
	d.warn(setting, "Remove them from the channel, or use another one.",
		"people from outside the workspace, or guests, read %s, %s: %s", channelName(c), withheld, names)
	return nil
}

// reader is the standing of someone in a channel. Everyone in the workspace is listed once, and people of elsewhere are
// looked up.
func (d *slackDirectory) reader(ctx context.Context, id string) (purchase.Membership, error) {
	if !d.listed {
		users, err := d.api.GetUsersContext(ctx, slack.GetUsersOptionLimit(1000))
		if err != nil {
			return "", err
		}
		d.listed = true
		for _, u := range users {
			d.persons[u.ID] = bot.StandingOf(&u, d.team)
		}
		if standing, known := d.persons[id]; known {
			return standing, nil
		}
	}
	standing, exists, err := d.person(ctx, id)
	if err == nil && !exists {
		standing = purchase.Foreign
		d.persons[id] = standing
	}
	return standing, err
}
