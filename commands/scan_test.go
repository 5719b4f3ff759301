package commands

import "testing"

func TestOneLine(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"plain", "Statistics 101", "Statistics 101"},
		{"what is format elsewhere", "*bold* <!channel> `code` & more", "*bold* <!channel> `code` & more"},
		{
			"line breaks of every kind", "Approve: $0.00\nPrice: $1\r\nNow\u2028Free\u2029Yes\vNo\f\u0085",
			"Approve: $0.00 Price: $1 Now Free Yes No",
		},
		{"wide and many blanks", "a\u3000\u2003\u00a0   b\t\tc", "a b c"},
		{"blanks that count as letters", "a\u3164\u3164\u2800\u115fb", "a b"},
		{"turned around", "evil \u202e00.1$\u202c \u2066x\u2069 \u200f\u061cy", "evil 00.1$ x y"},
		{"nothing that is seen", "\u200b\ufeff\u2060\u00ad\u200e \u3164", ""},
		{"hidden tags", "x\U000e0041\U000e0042y", "xy"},
		{"controls", "a\x00b\x1b[31mc\x7f\u009bd", "ab[31mcd"},
		{"bad UTF-8", "a\xff\xfeb", "ab"},
		{"piled up marks", "e\u0301\u0301\u0301\u0301\u0301\u0301\u0301x\u0301", "e\u0301\u0301\u0301\u0301x\u0301"},
		{"emoji with a joiner", "👩\u200d💻 🇦🇹 ❤\ufe0f", "👩\u200d💻 🇦🇹 ❤\ufe0f"},
		{"other scripts", "שלום مرحبا नमस्ते 你好", "שלום مرحبا नमस्ते 你好"},
		{"private use and no characters", "a\ue000b\ufdd0c\U0010ffffd", "abcd"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := OneLine(c.text)
			if got != c.want {
				t.Errorf("%q becomes %q, want %q", c.text, got, c.want)
			}
			if again := OneLine(got); again != got {
				t.Errorf("got %q for a second OneLine, want %q", again, got)
			}
		})
	}
}
