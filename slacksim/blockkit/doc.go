// Package blockkit checks Slack's Block Kit as Slack itself does, and reads it as people do:
//
//   - [Validate] and [ValidateView] return the errors that Slack answers with: unknown blocks and fields, texts that
//     are too long, too many blocks.
//   - [Elements] returns the buttons, menus and fields of blocks. Start with [Element]: it has their labels, values and
//     confirm dialogs.
//   - [PlainText] returns the texts of blocks.
//
// The functions read JSON as an app sends it, because the types of slack-go drop fields that they don't know, and Slack
// refuses such fields. The rules are from Slack's reference (https://docs.slack.dev/reference/block-kit), @slack/types
// 3.2.0 and slack-go 0.35.0. Where these differ, [Rules] chooses, and [Differences] lists them.
package blockkit
