package config

import (
	"slices"
	"testing"
)

func TestDescription_EverySettingHasOne(t *testing.T) {
	var names []string
	for _, field := range Fields() {
		name := field.Tag.Get("envconfig")
		if names = append(names, name); Description(field) == "" {
			t.Errorf("%s: got no description, want one for `bot -h`", name)
		}
	}
	for name := range descriptions {
		if !slices.Contains(names, name) {
			t.Errorf("descriptions: got %s, want settings of Settings alone", name)
		}
	}
}
