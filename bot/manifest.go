package bot

import (
	"encoding/json"
	"errors"
	"strings"
	"unicode/utf8"
)

// Scopes are the scopes that the app needs. bot check needs channels:read and groups:read to look up the channels of
// the settings, and the bot to find out who reads a channel before it posts prices there.
func Scopes() []string {
	return []string{
		"commands", "chat:write", "users:read", "usergroups:read", "im:write", "channels:read",
		"groups:read",
	}
}

// Manifest is the Slack app manifest, as JSON to paste. name is how the app is called, 1 to 35 characters. slack-go's
// own type for manifests leaves out what is false, and Slack's default for some of that is true.
func Manifest(name string) ([]byte, error) {
	if n := utf8.RuneCountInString(name); n == 0 || n > 35 || strings.TrimSpace(name) != name {
		return nil, errors.New("the app's name must have 1 to 35 characters, without spaces at either end")
	}
	type object = map[string]any
	manifest := object{
		"display_information": object{
			"name":             name,
			"description":      "Buy and manage CoCalc licenses",
			"background_color": "#1f3b57",
		},
		"features": object{
			"app_home": object{
				"home_tab_enabled": true, "messages_tab_enabled": true, "messages_tab_read_only_enabled": false,
			},
			"bot_user": object{"display_name": name, "always_online": true},
			"slash_commands": []object{{
				"command": "/license", "description": "Buy and manage CoCalc licenses",
				"usage_hint": "buy ram=16 cpu=2", "should_escape": true,
			}},
		},
		"oauth_config": object{"scopes": object{"bot": Scopes()}},
		"settings": object{
			"event_subscriptions":    object{"bot_events": []string{"app_home_opened"}},
			"interactivity":          object{"is_enabled": true},
			"org_deploy_enabled":     false,
			"socket_mode_enabled":    true,
			"token_rotation_enabled": false,
		},
	}
	data, err := json.MarshalIndent(manifest, "", "  ")
	if err != nil {
		return nil, err
	}
	return append(data, '\n'), nil
}
